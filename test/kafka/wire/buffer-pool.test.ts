import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BufferPool } from '../../../src/kafka/wire/record-batch.ts';

const MIB = 1024 * 1024;

suite('a pool of buffers', () => {
  test('lends a buffer that is large enough, and not much larger', () => {
    const pool = new BufferPool();
    for (const bytes of [0, 1, 16 * 1024, 16 * 1024 + 1, 100_000, MIB, MIB + 1, 5 * MIB]) {
      const { length } = pool.take(bytes);
      assert.ok(length >= bytes && length <= Math.max(16 * 1024, 2 * bytes), `${bytes}: ${length}`);
    }
  });

  test('lends a returned buffer again, and no buffer twice', () => {
    const pool = new BufferPool();
    const first = pool.take(MIB);
    assert.notEqual(pool.take(MIB), first);
    pool.give(first);
    assert.equal(pool.take(MIB - 1), first);
    assert.notEqual(pool.take(MIB), first);
  });

  test('keeps no more than 16 MiB', () => {
    const pool = new BufferPool();
    const taken = Array.from({ length: 20 }, () => pool.take(MIB));
    for (const buffer of taken) pool.give(buffer);
    const known = new Set(taken);
    const again = Array.from({ length: 20 }, () => known.has(pool.take(MIB)));
    assert.equal(again.filter(Boolean).length, 16);
  });
});
