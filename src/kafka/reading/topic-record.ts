/** A record of a topic, as commands read it. Offsets are plain numbers: those of Kafka stay below 2^53 for ages. */
import type { RecordHeader } from '../record.ts';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** What there is to read of a partition, at one moment. Records of open transactions are not part of it. */
export interface PartitionRange {
  readonly partition: number;
  /** The first offset that the partition still has. */
  readonly start: number;
  /** The offset behind the last record that can be read. */
  readonly end: number;
  /** The offset behind the last record, also of an open transaction. */
  readonly written: number;
}
