import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { partitioners } from '../../../src/kafka/producer/partitioner.ts';

suite('the partitioner', () => {
  test("murmur2 clears the sign of the hash, as Java's client does", () => {
    // ((-790332482) & 0x7fffffff) = 1357151166
    assert.equal(partitioners.murmur2(Buffer.from('foobar'), 1_000_000), 151_166);
    assert.equal(partitioners.murmur2(Buffer.from('abc'), 1000), 107);
  });

  test("crc32 uses the unsigned CRC-32, as librdkafka's consistent_random does", () => {
    // The check value of CRC-32: 0xcbf43926.
    assert.equal(partitioners.crc32(Buffer.from('123456789'), 1000), 0xcbf43926 % 1000);
    assert.equal(partitioners.crc32(Buffer.from('a'), 7), 0xe8b7be43 % 7);
  });

  for (const name of ['murmur2', 'crc32'] as const) {
    test(`${name} stays within the partitions and reaches all of them`, () => {
      for (const partitions of [1, 2, 3, 7, 64]) {
        const reached = new Set<number>();
        for (let i = 0; i < 2000; i++)
          reached.add(partitioners[name](Buffer.from(`run:jobs/${i}`), partitions));
        assert.deepEqual(
          [...reached].sort((a, b) => a - b),
          Array.from({ length: partitions }, (_, i) => i),
        );
      }
    });
  }
});
