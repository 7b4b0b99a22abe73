import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { TokenBucket } from '../../src/support/token-bucket.ts';

/** How many of `tries` at one time are accepted. */
function accepted(quota: TokenBucket, tries: number, now: number): number {
  return Array.from({ length: tries }, () => quota.take(now)).filter(Boolean).length;
}

suite('a quota', () => {
  test('accepts its rate, and a second of it at once', () => {
    const quota = new TokenBucket(10, 0);
    assert.equal(accepted(quota, 20, 0), 10);
    assert.equal(accepted(quota, 20, 99), 0);
    assert.equal(accepted(quota, 20, 100), 1);
    assert.equal(accepted(quota, 20, 600), 5);
    assert.equal(accepted(quota, 20, 3_600_000), 10);
  });

  test('of less than one a second accepts one at once', () => {
    const quota = new TokenBucket(0.5, 0);
    assert.equal(accepted(quota, 5, 0), 1);
    assert.equal(accepted(quota, 5, 1999), 0);
    assert.equal(accepted(quota, 5, 2000), 1);
  });

  test('keeps what was taken when its rate changes', () => {
    const quota = new TokenBucket(10, 0);
    assert.equal(accepted(quota, 20, 0), 10);
    quota.changeRate(100, 100);
    assert.equal(accepted(quota, 20, 100), 1);
    assert.equal(accepted(quota, 20, 200), 10);
    quota.changeRate(2, 10_000);
    assert.equal(accepted(quota, 20, 10_000), 2);
  });

  test('loses nothing to many small steps', () => {
    const quota = new TokenBucket(1000, 0);
    accepted(quota, 1000, 0);
    let total = 0;
    for (let now = 1; now <= 10_000; now += 1) total += accepted(quota, 10, now / 10);
    assert.ok(Math.abs(total - 1000) <= 1, String(total));
  });
});
