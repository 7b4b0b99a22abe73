import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Reader } from '@platformatic/kafka';
import {
  unsignedVarintSize,
  varintSize,
  writeUnsignedVarint,
  writeVarint,
} from '../../../src/kafka/wire/varint.ts';

function written(write: typeof writeVarint, value: number): Buffer {
  const buffer = Buffer.alloc(12, 0xee);
  const end = write(buffer, 1, value);
  assert.equal(buffer[0], 0xee, 'what is before stays');
  assert.equal(buffer[end], 0xee, 'what is behind stays');
  return buffer.subarray(1, end);
}

/** Powers of two and their neighbours, up to the largest exact number. */
const edges = Array.from({ length: 53 }, (_, bits) => [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]).flat();
const numbers = [0, ...edges, Number.MAX_SAFE_INTEGER].filter(Number.isSafeInteger);

suite('a varint', () => {
  test('unsigned has the bytes of Protocol Buffers', () => {
    assert.deepEqual([...written(writeUnsignedVarint, 0)], [0]);
    assert.deepEqual([...written(writeUnsignedVarint, 127)], [127]);
    assert.deepEqual([...written(writeUnsignedVarint, 128)], [0x80, 1]);
    assert.deepEqual([...written(writeUnsignedVarint, 300)], [0xac, 2]);
    assert.deepEqual([...written(writeUnsignedVarint, 2 ** 32 - 1)], [0xff, 0xff, 0xff, 0xff, 0x0f]);
  });

  test('signed has the bytes of zigzag', () => {
    const bytes = [0, -1, 1, -2, 63, -64, 64].map((value) => [...written(writeVarint, value)]);
    assert.deepEqual(bytes, [[0], [1], [2], [3], [126], [127], [0x80, 1]]);
  });

  test('is as long as it is said to be', () => {
    for (const value of numbers)
      assert.equal(written(writeUnsignedVarint, value).length, unsignedVarintSize(value));
    for (const value of numbers.filter((number) => number < 2 ** 52)) {
      for (const signed of [value, -value]) {
        assert.equal(written(writeVarint, signed).length, varintSize(signed), String(signed));
      }
    }
  });

  test('is read back by another implementation', () => {
    for (const value of numbers.filter((number) => number < 2 ** 52)) {
      assert.equal(Reader.from(written(writeUnsignedVarint, value)).readUnsignedVarInt64(), BigInt(value));
      for (const signed of [value, -value]) {
        assert.equal(Reader.from(written(writeVarint, signed)).readVarInt64(), BigInt(signed));
      }
    }
  });
});
