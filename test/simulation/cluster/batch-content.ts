/** A record batch as a broker reads it: its checksum, identity and records. */
import { crc32c } from '@node-rs/crc32';
import { Reader, readRecordsBatch } from '@platformatic/kafka';

export interface BatchRecord {
  readonly key: string | undefined;
  readonly value: Buffer;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** The header `correlation_id`: the request that brought the event. */
  readonly requestId: string;
  /** The header `dead-letter-reason` or an empty text. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface BatchContent {
  readonly size: number;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly firstSequence: number;
  /** The codec: the lowest three bits of the attributes. */
  readonly codec: number;
  readonly maxTimestamp: number;
  readonly records: readonly BatchRecord[];
}

/** Where the checksum is, and the first byte that it covers (KIP-98). */
const CRC_OFFSET = 17;
const CRC_FROM = 21;

/** Reads a batch. Returns undefined if its checksum is wrong: the broker answers CORRUPT_MESSAGE. */
export function readBatch(bytes: Buffer): BatchContent | undefined {
  if (crc32c(bytes.subarray(CRC_FROM)) !== bytes.readUInt32BE(CRC_OFFSET)) return undefined;
  const batch = readRecordsBatch(Reader.from(bytes));
  const records = batch.records.map(({ key, value, headers, timestampDelta }): BatchRecord => {
    const texts = new Map(headers.map(([name, text]) => [textOf(name), textOf(text)]));
    return {
      key: Buffer.isBuffer(key) ? key.toString() : undefined,
      value: Buffer.isBuffer(value) ? Buffer.from(value) : Buffer.alloc(0),
      timestamp: Number(batch.firstTimestamp + timestampDelta),
      requestId: texts.get('correlation_id') ?? '',
      headers: texts,
    };
  });
  return {
    size: bytes.length,
    producerId: batch.producerId,
    epoch: batch.producerEpoch,
    firstSequence: batch.firstSequence,
    codec: batch.attributes & 7,
    maxTimestamp: records.reduce((latest, { timestamp }) => Math.max(latest, timestamp), -1),
    records,
  };
}

function textOf(bytes: unknown): string {
  return Buffer.isBuffer(bytes) ? bytes.toString() : '';
}
