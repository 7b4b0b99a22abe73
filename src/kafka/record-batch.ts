/**
 * Kafka's record batch, magic 2 (KIP-98; `DefaultRecordBatch.java` draws it):
 *
 *     base offset 8 · batch length 4 · partition leader epoch 4 · magic 1 · crc32c 4 · attributes 2 ·
 *     last offset delta 4 · base timestamp 8 · max timestamp 8 · producer id 8 · producer epoch 2 ·
 *     base sequence 4 · record count 4 · records, compressed as one
 *
 * and in it each record:
 *
 *     length varint · attributes 1 · timestamp delta varlong · offset delta varint · key length varint · key ·
 *     value length varint · value · header count varint · [name length varint · name · value length varint · value]
 *
 * The checksum covers everything behind itself. The broker sets base offset and leader epoch.
 */
import { crc32c } from '@node-rs/crc32';
import { codecs, type Codec } from './compression.ts';
import type { KafkaRecord } from './record.ts';
import { varintSize, writeVarint } from './varint.ts';

/** Bytes of a batch before its records. */
export const BATCH_HEADER_SIZE = 61;
const CRC_OFFSET = 17;
const ATTRIBUTES_OFFSET = 21;

/** What lets a broker recognise a batch that it has already: idempotence (KIP-98). */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** A record and the time it is to carry, which the topic may demand to be another than the record's own. */
export interface TimedRecord {
  readonly record: KafkaRecord;
  readonly timestamp: number;
}

/**
 * The bytes of a batch. Records that a codec does not make smaller go uncompressed: that way a batch never grows
 * over what it was measured to be.
 */
export async function encodeBatch(
  records: readonly TimedRecord[],
  identity: BatchIdentity,
  codec: Codec,
): Promise<Buffer> {
  const base = records[0]?.timestamp ?? 0;
  const sizes = records.map((timed, index) => bodySize(timed, index, base));
  const plainSize = sizes.reduce((sum, size) => sum + varintSize(size) + size, 0);
  const batch = Buffer.allocUnsafeSlow(BATCH_HEADER_SIZE + plainSize);
  let at = BATCH_HEADER_SIZE;
  for (const [index, timed] of records.entries())
    at = writeRecord(batch, at, timed, index, base, sizes[index] ?? 0);
  if (codec.attributes === 0) return seal(batch, records, identity, codecs.none);

  const compressed = await codec.compress(batch.subarray(BATCH_HEADER_SIZE));
  if (compressed.length >= plainSize) return seal(batch, records, identity, codecs.none);
  const smaller = Buffer.allocUnsafeSlow(BATCH_HEADER_SIZE + compressed.length);
  compressed.copy(smaller, BATCH_HEADER_SIZE);
  return seal(smaller, records, identity, codec);
}

function bodySize({ record, timestamp }: TimedRecord, index: number, base: number): number {
  const { key, value, headers } = record;
  let size = 1 + varintSize(timestamp - base) + varintSize(index);
  size += bytesSize(key) + bytesSize(value) + varintSize(headers.length);
  for (const header of headers) size += bytesSize(header.name) + bytesSize(header.value);
  return size;
}

function writeRecord(
  batch: Buffer,
  offset: number,
  { record, timestamp }: TimedRecord,
  index: number,
  base: number,
  size: number,
): number {
  let at = writeVarint(batch, offset, size);
  batch[at++] = 0;
  at = writeVarint(batch, at, timestamp - base);
  at = writeVarint(batch, at, index);
  at = writeBytes(batch, at, record.key);
  at = writeBytes(batch, at, record.value);
  at = writeVarint(batch, at, record.headers.length);
  for (const header of record.headers)
    at = writeBytes(batch, writeBytes(batch, at, header.name), header.value);
  return at;
}

/** A length of -1 says that there is nothing, not even an empty key. */
const NOTHING = -1;

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? varintSize(NOTHING) : varintSize(bytes.length) + bytes.length;
}

function writeBytes(batch: Buffer, offset: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(batch, offset, NOTHING);
  const at = writeVarint(batch, offset, bytes.length);
  return at + bytes.copy(batch, at);
}

function seal(batch: Buffer, records: readonly TimedRecord[], identity: BatchIdentity, codec: Codec): Buffer {
  const base = records[0]?.timestamp ?? 0;
  const latest = records.reduce((max, { timestamp }) => Math.max(max, timestamp), base);
  batch.writeBigInt64BE(0n, 0);
  // The length counts what follows it.
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(codec.attributes, ATTRIBUTES_OFFSET);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(base), 27);
  batch.writeBigInt64BE(BigInt(latest), 35);
  batch.writeBigInt64BE(identity.producerId, 43);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.baseSequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_OFFSET)), CRC_OFFSET);
  return batch;
}
