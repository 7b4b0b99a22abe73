/** What a process has heard of the brokers about the batches that it sent. */

import type { PartitionBatch } from '../../../src/kafka/cluster/brokers.ts';

export interface HeardAnswer {
  /** On the monotonic clock. */
  readonly at: number;
  readonly topic: string;
  readonly partition: number;
  /** Undefined: the connection broke, or no answer came in time. */
  readonly errorCode: number | undefined;
  readonly records: number;
  readonly bytes: number;
}

/** `RecordBatch.RECORDS_COUNT_OFFSET`, in the format of Kafka 0.11 and later. */
const COUNT_OFFSET = 57;

/** The facts of a batch that is sent. The producer uses its memory again later. */
export function sentBatch({ topic, partition, bytes }: PartitionBatch) {
  return { topic, partition, records: bytes.readInt32BE(COUNT_OFFSET), bytes: bytes.length };
}

/** NONE, and DUPLICATE_SEQUENCE_NUMBER. */
export function isWritten({ errorCode }: HeardAnswer): boolean {
  return errorCode === 0 || errorCode === 46;
}
