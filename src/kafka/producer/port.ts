/** What others see of the producer: they hand it records, and hear what becomes of each. */
import type { KafkaRecord } from '../record.ts';

/** What becomes of a record. */
export type Outcome =
  /** All in-sync replicas have it. */
  | { readonly kind: 'written' }
  /** The topic takes at most `limit` bytes; the record needs `size`, compressed. */
  | { readonly kind: 'too-large'; readonly size: number; readonly limit: number }
  /** Kafka never takes it; `reason` is Kafka's name for why. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The producer was closed first. The record is not in the topic, unless `mayBeWritten`. */
  | { readonly kind: 'closed'; readonly mayBeWritten: boolean };

/** The part that hands a record to the producer, and wants to know what becomes of it. */
export interface RecordOwner {
  /** A batch with the record goes out, for the first time or again. */
  sent(): void;
  /** Called once, unless the record is withdrawn first. */
  settled(outcome: Outcome): void;
}

/** A record in the producer's hands. */
export interface RecordHandle {
  /** A batch with the record has gone out. */
  readonly sent: boolean;
}

export interface RecordProducer {
  /** Takes a record, whose size is `recordSize`'s; its owner hears what becomes of it. */
  send(record: KafkaRecord, size: number, owner: RecordOwner): RecordHandle;
  /** Gives up waiting for a record. True when it is surely never written, false when a batch has it already. */
  withdraw(record: RecordHandle): boolean;
  /** What keeps a topic from being written to, in words for an operator; undefined when nothing is known to. */
  problemOf(topic: string): string | undefined;
  /** The cluster has told all that is needed to write to this topic. */
  knows(topic: string): boolean;
}
