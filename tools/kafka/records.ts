import { fetchBatches, offsetIn, type ReadOptions } from './batches.ts';

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const CODEC = 0b111;
const LOG_APPEND_TIME = 1 << 3;
const TRANSACTIONAL = 1 << 4;
// The first offset and the length: the length does not count these bytes.
const BATCH_HEAD = 12;
const EMPTY = Buffer.alloc(0);

/** A record as Kafka keeps it, its bytes untouched. */
export interface ReadRecord {
  topic: string;
  partition: number;
  offset: bigint;
  /** Milliseconds since 1970. */
  timestamp: bigint;
  key: Buffer | null;
  value: Buffer | null;
  /** In the order of the record; the value of one without a value is empty. */
  headers: [string, Buffer][];
}

/** What Kafka keeps of a batch of records. */
export interface ReadBatch {
  topic: string;
  partition: number;
  firstOffset: bigint;
  lastOffset: bigint;
  /** How many records are in it. */
  records: number;
  /** Its size as sent and kept: with its head, and compressed. */
  bytes: number;
  compression: (typeof CODECS)[number] | 'unknown';
  /** -1n when its producer is not idempotent. */
  producerId: bigint;
  producerEpoch: number;
  /** The sequence number of its first record; -1 or 0 when its producer is not idempotent. */
  baseSequence: number;
  transactional: boolean;
}

/**
 * Reads records without a consumer group, with any compression, in the order of offsets within a partition, partitions mixed.
 * @throws when the time is over, with the number of records that have arrived; or when the topic does not exist and `until`
 *   is not given.
 */
export async function readRecords(
  bootstrapServers: string,
  topic: string,
  options: ReadOptions = {},
): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  for (const { partition, from, batch } of await fetchBatches(bootstrapServers, topic, options)) {
    for (const record of batch.records) {
      const offset = offsetIn(batch, record.offsetDelta);
      if (offset < from) continue;
      records.push({
        topic,
        partition,
        offset,
        timestamp:
          (batch.attributes & LOG_APPEND_TIME) === 0
            ? batch.firstTimestamp + record.timestampDelta
            : batch.maxTimestamp,
        key: record.key,
        value: record.value,
        headers: record.headers.map(([name, value]) => [name?.toString() ?? '', value ?? EMPTY]),
      });
    }
  }
  return records;
}

/** Reads the batches that readRecords would read its records from, to see compression, sizes and sequence numbers. Fails alike. */
export async function readBatches(
  bootstrapServers: string,
  topic: string,
  options: ReadOptions = {},
): Promise<ReadBatch[]> {
  return (await fetchBatches(bootstrapServers, topic, options)).map(({ partition, batch }) => ({
    topic,
    partition,
    firstOffset: batch.firstOffset,
    lastOffset: offsetIn(batch, batch.lastOffsetDelta),
    records: batch.records.length,
    bytes: BATCH_HEAD + batch.length,
    compression: CODECS[batch.attributes & CODEC] ?? 'unknown',
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.firstSequence,
    transactional: (batch.attributes & TRANSACTIONAL) !== 0,
  }));
}
