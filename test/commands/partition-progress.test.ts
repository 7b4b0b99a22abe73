/** How a replay notes in the offsets of its group which letters it has sent. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  ForeignProgressError,
  PartitionProgress,
} from '../../src/commands/dead-letters/partition-progress.ts';
import { MAX_METADATA_BYTES } from '../../src/kafka/transaction/group-offsets.ts';

function encoded(progress: PartitionProgress) {
  return progress.encoded() ?? assert.fail('the progress has no room');
}

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed. */
function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

suite('the progress of a replay', () => {
  test('is an offset alone as long as no letter stays', () => {
    const progress = PartitionProgress.at(5);
    progress.add(5, 6);
    progress.add(6, 20);
    assert.deepEqual(encoded(progress), { offset: 20, metadata: '' });
    assert.deepEqual([progress.isSent(19), progress.isSent(20)], [true, false]);
  });

  test('has the letters behind the first that stays, and is the same when it is read again', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = numbersOf(seed);
      const start = Math.floor(random() * 1e12);
      const sent = new Set<number>();
      const size = 1 + Math.floor(random() * 300);
      let progress = PartitionProgress.at(start);
      for (let round = 0; round < 4; round += 1) {
        for (let n = 0; n < size; n += 1) {
          if (random() > 0.4) continue;
          const length = 1 + Math.floor(random() * random() * 10);
          progress.add(start + n, start + n + length);
          for (let offset = n; offset < n + length; offset += 1) sent.add(offset);
        }
        progress = PartitionProgress.of(encoded(progress), start);
        for (let n = 0; n < size + 12; n += 1) {
          assert.equal(progress.isSent(start + n), sent.has(n), `seed ${seed}, round ${round}, offset ${n}`);
        }
      }
    }
  });

  test('passes what retention has removed', () => {
    const progress = PartitionProgress.at(0);
    progress.add(3, 5);
    const later = PartitionProgress.of(encoded(progress), 3);
    assert.equal(later.offset, 5);
    assert.equal(PartitionProgress.of(encoded(later), 100).offset, 100);
  });

  test('has room for thousands of letters that stay among others, and says when it has no more', () => {
    const random = numbersOf(7);
    const progress = PartitionProgress.at(0);
    for (let offset = 1; offset < 15_000; offset += 1) if (random() < 0.5) progress.add(offset, offset + 1);
    assert.ok(encoded(progress).metadata.length <= MAX_METADATA_BYTES);
    for (let offset = 15_000; offset < 60_000; offset += 1)
      if (random() < 0.5) progress.add(offset, offset + 1);
    assert.equal(progress.encoded(), undefined);
  });

  test('of another program is not read', () => {
    for (const metadata of ['x', 'http2kafka1:', 'http2kafka1:AAAA', 'http2kafka1:gA']) {
      assert.throws(() => PartitionProgress.of({ offset: 1, metadata }, 0), ForeignProgressError, metadata);
    }
  });

  test('that an operator has set with the tools of Kafka is an offset alone', () => {
    assert.equal(PartitionProgress.of({ offset: 7, metadata: '' }, 2).offset, 7);
  });
});
