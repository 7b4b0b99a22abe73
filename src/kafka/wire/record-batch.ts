/**
 * Kafka's record batch, magic 2 (KIP-98; `DefaultRecordBatch.java` draws it):
 *
 *     base offset 8 · batch length 4 · partition leader epoch 4 · magic 1 · crc32c 4 · attributes 2 ·
 *     last offset delta 4 · base timestamp 8 · max timestamp 8 · producer id 8 · producer epoch 2 ·
 *     base sequence 4 · record count 4 · records, compressed as one
 *
 * Each record in it:
 *
 *     length varint · attributes 1 · timestamp delta varlong · offset delta varint · key length varint · key ·
 *     value length varint · value · header count varint · [name length varint · name · value length varint · value]
 *
 * The checksum covers all bytes after itself. The broker sets base offset and leader epoch.
 *
 * Varints are groups of seven bits, lowest first. Signed ones are zigzag encoded (KIP-98, as in Protocol Buffers). They are
 * plain numbers here, which are exact up to 2^53: enough for offsets within a batch, lengths and time differences.
 */
import { crc32c } from '@node-rs/crc32';
import type { Codec } from './compression.ts';
import type { KafkaRecord } from '../record.ts';

/** Bytes of a batch before its records. */
export const BATCH_HEADER_SIZE = 61;
const CRC_OFFSET = 17;
const ATTRIBUTES_OFFSET = 21;

/** The attributes of a batch that is not compressed. */
const PLAIN = 0;

/** With it a broker recognises a batch that it already has: idempotence (KIP-98). */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** A record and the time that is written with it. The topic may need another time than the record's own. */
export interface TimedRecord {
  readonly record: KafkaRecord;
  /** What `recordSize` gives for the record. */
  readonly size: number;
  readonly timestamp: number;
}

/** A larger value is a piece of a plain batch, where it lies: copying it costs more than two further pieces. */
const MAX_COPIED_BYTES = 16 * 1024;

/** A batch ready to be sent. */
export class EncodedBatch {
  /** Its bytes, in order. Large values of records are pieces of their own: the batch needs them unchanged. */
  readonly pieces: readonly Buffer[];
  /** Bytes of all pieces. */
  readonly size: number;
  /** The codec of the records; undefined if they are plain. */
  readonly codec: Codec | undefined;
  readonly #storage: Buffer;
  readonly #pool: BufferPool;

  /** `storage` is the memory of the pieces, apart from large values. `pool` has lent it. */
  constructor(pieces: readonly Buffer[], codec: Codec | undefined, storage: Buffer, pool: BufferPool) {
    this.pieces = pieces;
    this.size = sizeOf(pieces);
    this.codec = codec;
    this.#storage = storage;
    this.#pool = pool;
  }

  /** Call it once, when the bytes are no longer needed: their memory goes back to the pool. */
  release(): void {
    this.#pool.give(this.#storage);
  }
}

/**
 * Encodes a batch; without a codec it is not compressed. Records that a codec does not make smaller stay
 * uncompressed, so a batch never grows beyond its measured size. `pool` lends the memory. A promise only if the codec
 * needs one.
 */
export function encodeBatch(
  records: readonly TimedRecord[],
  identity: BatchIdentity,
  codec: Codec | undefined,
  pool: BufferPool,
): EncodedBatch | Promise<EncodedBatch> {
  // A codec needs the records in one buffer.
  const mostCopied = codec ? Number.POSITIVE_INFINITY : MAX_COPIED_BYTES;
  let sizeAtMost = BATCH_HEADER_SIZE;
  for (const { size, record } of records)
    sizeAtMost += size - (isCopied(record, mostCopied) ? 0 : record.value.length);
  const storage = pool.take(sizeAtMost);
  const pieces = writeRecords(storage, records, mostCopied);
  const plainBatch = () => {
    seal(pieces, records, identity, PLAIN);
    return new EncodedBatch(pieces, undefined, storage, pool);
  };
  const [whole] = pieces;
  if (!codec || !whole) return plainBatch();

  const plain = whole.subarray(BATCH_HEADER_SIZE);
  const finish = (compressed: Buffer) => {
    if (compressed.length >= plain.length) return plainBatch();
    // The compressed bytes are fewer, so they fit in the place of the plain ones.
    compressed.copy(plain);
    const smaller = [whole.subarray(0, BATCH_HEADER_SIZE + compressed.length)];
    seal(smaller, records, identity, codec.attributes);
    return new EncodedBatch(smaller, codec, storage, pool);
  };
  const compressed = codec.compress(plain);
  return compressed instanceof Promise ? compressed.then(finish) : finish(compressed);
}

function isCopied({ value }: KafkaRecord, mostCopied: number): boolean {
  return value.length <= mostCopied;
}

/**
 * Writes the records after the space for the batch's header, without values of more than `mostCopied` bytes. Returns the
 * pieces of the batch: these values, and the parts of `batch` before, between and after them.
 */
function writeRecords(batch: Buffer, records: readonly TimedRecord[], mostCopied: number): Buffer[] {
  const pieces: Buffer[] = [];
  const base = records[0]?.timestamp ?? 0;
  let from = 0;
  let at = BATCH_HEADER_SIZE;
  let index = 0;
  for (const { record, timestamp } of records) {
    at = writeUntilValue(batch, at, record, timestamp - base, index);
    if (isCopied(record, mostCopied)) at += record.value.copy(batch, at);
    else {
      pieces.push(batch.subarray(from, at), record.value);
      from = at;
    }
    at = writeHeaders(batch, at, record);
    index += 1;
  }
  pieces.push(batch.subarray(from, at));
  return pieces;
}

function bodySize({ key, value, headers }: KafkaRecord, timestampDelta: number, index: number): number {
  let size = 1 + varintSize(timestampDelta) + varintSize(index);
  size += bytesSize(key) + bytesSize(value) + varintSize(headers.length);
  for (const header of headers) size += bytesSize(header.name) + bytesSize(header.value);
  return size;
}

/** Writes a record up to its value, with the length of that. */
function writeUntilValue(
  batch: Buffer,
  offset: number,
  record: KafkaRecord,
  timestampDelta: number,
  index: number,
): number {
  let at = writeVarint(batch, offset, bodySize(record, timestampDelta, index));
  batch[at++] = 0;
  at = writeVarint(batch, at, timestampDelta);
  at = writeVarint(batch, at, index);
  at = writeBytes(batch, at, record.key);
  return writeVarint(batch, at, record.value.length);
}

/** Writes the rest of a record, after its value. */
function writeHeaders(batch: Buffer, offset: number, { headers }: KafkaRecord): number {
  let at = writeVarint(batch, offset, headers.length);
  for (const header of headers) at = writeBytes(batch, writeBytes(batch, at, header.name), header.value);
  return at;
}

/** A length of -1 means null, which is not the same as empty. */
const NOTHING = -1;

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? varintSize(NOTHING) : varintSize(bytes.length) + bytes.length;
}

function writeBytes(batch: Buffer, offset: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(batch, offset, NOTHING);
  const at = writeVarint(batch, offset, bytes.length);
  return at + bytes.copy(batch, at);
}

/** Writes the header of a batch into its first piece. */
function seal(
  pieces: readonly Buffer[],
  records: readonly TimedRecord[],
  identity: BatchIdentity,
  attributes: number,
): void {
  const [batch = Buffer.alloc(0), ...others] = pieces;
  const base = records[0]?.timestamp ?? 0;
  let latest = base;
  for (const { timestamp } of records) latest = Math.max(latest, timestamp);
  writeInt64(batch, 0, 0);
  // The length counts the bytes after it.
  batch.writeInt32BE(sizeOf(pieces) - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(attributes, ATTRIBUTES_OFFSET);
  batch.writeInt32BE(records.length - 1, 23);
  writeInt64(batch, 27, base);
  writeInt64(batch, 35, latest);
  batch.writeBigInt64BE(identity.producerId, 43);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.baseSequence, 53);
  batch.writeInt32BE(records.length, 57);
  let checksum = crc32c(batch.subarray(ATTRIBUTES_OFFSET));
  for (const piece of others) checksum = crc32c(piece, checksum);
  batch.writeUInt32BE(checksum, CRC_OFFSET);
}

/** All bytes in one buffer. */
export function wholeOf(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  return first && pieces.length === 1 ? first : Buffer.concat(pieces);
}

function sizeOf(pieces: readonly Buffer[]): number {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  return size;
}

/** Node writes 64 bits from a bigint only. Each costs as much as all other fields of a header. */
function writeInt64(buffer: Buffer, offset: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / 2 ** 32), offset);
  buffer.writeInt32BE(value | 0, offset + 4);
}

/** Bytes of an unsigned varint. */
export function unsignedVarintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes an unsigned varint; returns the offset after it. */
export function writeUnsignedVarint(buffer: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest > 127) {
    buffer[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  buffer[at++] = rest;
  return at;
}

/** Bytes of a signed varint or varlong. */
export function varintSize(value: number): number {
  return unsignedVarintSize(zigzag(value));
}

/** Writes a signed varint or varlong; returns the offset after it. */
export function writeVarint(buffer: Buffer, offset: number, value: number): number {
  return writeUnsignedVarint(buffer, offset, zigzag(value));
}

/**
 * Uses arithmetic, not bit operations: JavaScript's bit operations stop at 32 bits, and a time difference of a month
 * needs more.
 */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

/** Bytes of the smallest buffer that the pool lends. */
const MIN_SIZE = 16 * 1024;

/** Most bytes of all buffers that the pool keeps. */
const MAX_KEPT = 16 * 1024 * 1024;

/**
 * A pool of reusable buffers. A new buffer of about a megabyte for every batch makes the kernel zero its pages. It
 * also costs garbage collections: V8 counts such memory, and collects all garbage whenever enough of it was
 * allocated.
 */
export class BufferPool {
  /** The kept buffers by size, a power of two. */
  readonly #kept = new Map<number, Buffer[]>();
  #keptBytes = 0;

  /** Returns a buffer of at least `bytes` bytes. Its content is arbitrary. */
  take(bytes: number): Buffer {
    const size = Math.max(MIN_SIZE, 2 ** Math.ceil(Math.log2(bytes)));
    const kept = this.#kept.get(size)?.pop();
    if (!kept) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return kept;
  }

  /** Takes back a buffer of `take`. Call it once, when the bytes are no longer read. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (this.#keptBytes + size > MAX_KEPT) return;
    this.#keptBytes += size;
    const kept = this.#kept.get(size);
    if (kept) kept.push(buffer);
    else this.#kept.set(size, [buffer]);
  }
}
