import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Reader, readRecordsBatch, type RecordsBatch } from '@platformatic/kafka';
import { BufferPool } from '../../../src/kafka/wire/record-batch.ts';
import { codecs, type Codec, type CompressionName } from '../../../src/kafka/wire/compression.ts';
import { recordHeader, recordSize, type KafkaRecord } from '../../../src/kafka/record.ts';
import {
  BATCH_HEADER_SIZE,
  encodeBatch as encodeInto,
  wholeOf,
  unsignedVarintSize,
  varintSize,
  writeUnsignedVarint,
  writeVarint,
  type TimedRecord,
} from '../../../src/kafka/wire/record-batch.ts';

const identity = { producerId: 4_000_000_000_007n, producerEpoch: 3, baseSequence: 2_147_483_600 };
const names: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

function timed(members: Partial<KafkaRecord> = {}): TimedRecord {
  const record = {
    topic: 'topic',
    key: Buffer.from('run:jobs/own'),
    value: Buffer.from('{"a":1}'),
    headers: [],
    timestamp: 1_795_342_530_123,
    arrivedAt: 0,
    ...members,
  };
  return { record, size: recordSize(record), timestamp: record.timestamp };
}

const pool = new BufferPool();

/** Returns the bytes of a batch, in memory that is never reused. */
async function encodeBatch(
  records: readonly TimedRecord[],
  sequence: typeof identity,
  codec: Codec | undefined,
): Promise<Buffer> {
  return wholeOf((await encodeInto(records, sequence, codec, pool)).pieces);
}

function codecOf(name: CompressionName): Codec | undefined {
  return name === 'none' ? undefined : codecs[name];
}

async function decoded(
  records: readonly TimedRecord[],
  name: CompressionName = 'none',
): Promise<RecordsBatch> {
  return readRecordsBatch(Reader.from(await encodeBatch(records, identity, codecOf(name))));
}

/** CRC-32C, computed bit by bit from its definition. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const various = [
  timed(),
  timed({ key: null, value: Buffer.alloc(0) }),
  timed({ value: Buffer.from([0, 255, 128]), timestamp: 0 }),
  timed({
    value: Buffer.alloc(40_000, '{"http2":"kafka"}'),
    timestamp: 1_795_342_530_123 + 86_400_000 * 400,
  }),
  timed({
    headers: [
      recordHeader('content-type', 'application/json'),
      recordHeader('ä', '🦆'),
      recordHeader('', ''),
    ],
  }),
  timed({ key: Buffer.alloc(0), timestamp: -1 }),
];

suite('a record batch', () => {
  for (const name of names) {
    test(`with compression ${name} can be read by another implementation`, async () => {
      const batch = await decoded(various, name);
      assert.equal(batch.attributes, names.indexOf(name));
      assert.deepEqual(
        batch.records.map((record) => ({
          key: record.key,
          value: record.value,
          headers: record.headers,
          timestamp: Number(batch.firstTimestamp + record.timestampDelta),
          offsetDelta: record.offsetDelta,
        })),
        various.map(({ record: { key, value, headers }, timestamp }, offsetDelta) => ({
          key,
          value,
          headers: headers.map((header) => [header.name, header.value]),
          timestamp,
          offsetDelta,
        })),
      );
    });

    test(`with compression ${name} is smaller than its records if they compress well`, async () => {
      const bytes = await encodeBatch(various, identity, codecOf(name));
      assert.equal(bytes.length < 10_000, name !== 'none');
    });
  }

  test('has the header that Kafka requires', async () => {
    const bytes = await encodeBatch(various, identity, undefined);
    assert.deepEqual(
      {
        baseOffset: bytes.readBigInt64BE(0),
        length: bytes.readInt32BE(8),
        leaderEpoch: bytes.readInt32BE(12),
        magic: bytes.readInt8(16),
        crc: bytes.readUInt32BE(17),
        attributes: bytes.readInt16BE(21),
        lastOffsetDelta: bytes.readInt32BE(23),
        baseTimestamp: bytes.readBigInt64BE(27),
        maxTimestamp: bytes.readBigInt64BE(35),
        producerId: bytes.readBigInt64BE(43),
        producerEpoch: bytes.readInt16BE(51),
        baseSequence: bytes.readInt32BE(53),
        records: bytes.readInt32BE(57),
      },
      {
        baseOffset: 0n,
        length: bytes.length - 12,
        leaderEpoch: -1,
        magic: 2,
        crc: crc32c(bytes.subarray(21)),
        attributes: 0,
        lastOffsetDelta: 5,
        baseTimestamp: 1_795_342_530_123n,
        maxTimestamp: 1_829_902_530_123n,
        producerId: 4_000_000_000_007n,
        producerEpoch: 3,
        baseSequence: 2_147_483_600,
        records: 6,
      },
    );
  });

  test('of compressed records has the checksum and length of the compressed bytes', async () => {
    for (const name of names) {
      const bytes = await encodeBatch(various, identity, codecOf(name));
      assert.equal(bytes.readUInt32BE(17), crc32c(bytes.subarray(21)), name);
      assert.equal(bytes.readInt32BE(8), bytes.length - 12, name);
    }
  });

  test('has large values as pieces, where they lie', async () => {
    const sizes = [5, 16_384, 16_385, 100_000, 7, 70_000];
    const records = sizes.map((size, index) =>
      timed({ value: Buffer.alloc(size, index), headers: [recordHeader('name', `value ${index}`)] }),
    );
    const { pieces, size } = await encodeInto(records, identity, undefined, pool);
    const values = records.map(({ record }) => record.value);
    const large = values.filter(({ length }) => length > 16_384);
    assert.deepEqual(
      pieces.filter((piece) => values.includes(piece)),
      large,
    );
    const bytes = wholeOf(pieces);
    assert.equal(bytes.length, size);
    assert.equal(bytes.readUInt32BE(17), crc32c(bytes.subarray(21)));
    assert.equal(bytes.readInt32BE(8), bytes.length - 12);
    const batch = readRecordsBatch(Reader.from(bytes));
    assert.deepEqual(
      batch.records.map(({ value, headers }) => [value, headers.map(([, header]) => header?.toString())]),
      values.map((value, index) => [value, [`value ${index}`]]),
    );
  });

  test('with a codec is one piece', async () => {
    const records = [timed({ value: Buffer.alloc(100_000) }), timed({ value: Buffer.alloc(50_000) })];
    for (const name of names.filter((one) => one !== 'none')) {
      assert.equal((await encodeInto(records, identity, codecOf(name), pool)).pieces.length, 1, name);
    }
  });

  test('stays uncompressed if that is smaller', async () => {
    for (const name of names) {
      const [plain, compressed] = await Promise.all(
        [undefined, codecOf(name)].map((codec) => encodeBatch([timed()], identity, codec)),
      );
      assert.ok(plain && compressed);
      assert.equal(
        (compressed.length < plain.length ? name : 'none') === 'none',
        compressed.equals(plain),
        name,
      );
      assert.ok(compressed.length <= plain.length);
    }
  });

  test('is never larger than the measured size of its records', async () => {
    const lengths = [0, 1, 63, 64, 127, 128, 8191, 8192, 70_000];
    for (const length of lengths) {
      for (const headers of [0, 1, 64, 130]) {
        const records = lengths.map((keyLength) =>
          timed({
            key: Buffer.alloc(keyLength),
            value: Buffer.alloc(length),
            headers: Array.from({ length: headers }, () => recordHeader('n'.repeat(length % 1000), 'v')),
            timestamp: keyLength * 1e10,
          }),
        );
        const measured = records.reduce((sum, { record }) => sum + recordSize(record), BATCH_HEADER_SIZE);
        const { length: size } = await encodeBatch(records, identity, undefined);
        assert.ok(size <= measured, `${size} > ${measured}`);
      }
    }
  });

  test('has the time that is to be written, not the time of the record', async () => {
    const { record, size } = timed();
    const batch = await decoded([
      { record, size, timestamp: 1000 },
      { record, size, timestamp: 500 },
    ]);
    assert.deepEqual([batch.firstTimestamp, batch.maxTimestamp], [1000n, 1000n]);
    assert.deepEqual(
      batch.records.map(({ timestampDelta }) => timestampDelta),
      [0n, -500n],
    );
  });

  test('of ten thousand records counts all of them', async () => {
    const batch = await decoded(
      Array.from({ length: 10_000 }, () => timed()),
      'lz4',
    );
    assert.equal(batch.records.length, 10_000);
    assert.equal(batch.records.at(-1)?.offsetDelta, 9999);
  });
});

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
  test('without sign has the bytes of Protocol Buffers', () => {
    assert.deepEqual([...written(writeUnsignedVarint, 0)], [0]);
    assert.deepEqual([...written(writeUnsignedVarint, 127)], [127]);
    assert.deepEqual([...written(writeUnsignedVarint, 128)], [0x80, 1]);
    assert.deepEqual([...written(writeUnsignedVarint, 300)], [0xac, 2]);
    assert.deepEqual([...written(writeUnsignedVarint, 2 ** 32 - 1)], [0xff, 0xff, 0xff, 0xff, 0x0f]);
  });

  test('with sign has the bytes of zigzag', () => {
    const bytes = [0, -1, 1, -2, 63, -64, 64].map((value) => [...written(writeVarint, value)]);
    assert.deepEqual(bytes, [[0], [1], [2], [3], [126], [127], [0x80, 1]]);
  });

  test('is as long as its size function says', () => {
    for (const value of numbers)
      assert.equal(written(writeUnsignedVarint, value).length, unsignedVarintSize(value));
    for (const value of numbers.filter((number) => number < 2 ** 52)) {
      for (const signed of [value, -value]) {
        assert.equal(written(writeVarint, signed).length, varintSize(signed), String(signed));
      }
    }
  });

  test('can be read by another implementation', () => {
    for (const value of numbers.filter((number) => number < 2 ** 52)) {
      assert.equal(Reader.from(written(writeUnsignedVarint, value)).readUnsignedVarInt64(), BigInt(value));
      for (const signed of [value, -value]) {
        assert.equal(Reader.from(written(writeVarint, signed)).readVarInt64(), BigInt(signed));
      }
    }
  });
});
