import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { murmur2 } from '../../../src/kafka/producer/partitioner.ts';

suite('murmur2', () => {
  // Kafka's own: clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2.
  const vectors: readonly (readonly [text: string, hash: number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, hash] of vectors) {
    test(`gives Kafka's hash for ${JSON.stringify(text)}`, () =>
      assert.equal(murmur2(Buffer.from(text)), hash));
  }

  test('reads only its part of a larger buffer', () => {
    for (let offset = 0; offset < 8; offset++) {
      const around = Buffer.concat([
        Buffer.alloc(offset, 0xff),
        Buffer.from('foobar'),
        Buffer.alloc(5, 0xff),
      ]);
      assert.equal(murmur2(around.subarray(offset, offset + 6)), -790332482);
    }
  });

  test('reads bytes as unsigned', () => {
    assert.notEqual(murmur2(Buffer.from([0xff])), murmur2(Buffer.from([0x7f])));
    assert.equal(murmur2(Buffer.from([0xff])), murmur2(Uint8Array.of(255)));
  });

  test('gives another hash for every length of the same byte', () => {
    const hashes = Array.from({ length: 200 }, (_, length) => murmur2(Buffer.alloc(length)));
    assert.equal(new Set(hashes).size, 200);
    for (const hash of hashes) assert.equal(hash, hash | 0, 'is a signed integer of 32 bits');
  });
});
