import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { connectionLimit } from '../../src/proxy/open-files.ts';

const others = { topics: 2, monitoring: 0 };

suite('the limit of connections', () => {
  test('leaves 256 open files to everything else', () => {
    assert.equal(connectionLimit(10_000, others, 1024), 768);
    assert.equal(connectionLimit(10_000, others, 20_000), 10_000);
    assert.equal(connectionLimit(10_000, others, undefined), 10_000);
    assert.equal(connectionLimit(100, others, 1024), 100);
  });

  test('leaves half of a few open files, or more if more are needed', () => {
    assert.equal(connectionLimit(10_000, others, 256), 128);
    assert.equal(connectionLimit(10_000, { topics: 2, monitoring: 64 }, 256), 72);
    assert.equal(connectionLimit(10_000, { topics: 12, monitoring: 0 }, 256), 96);
    assert.equal(connectionLimit(10_000, others, 64), 8);
  });
});
