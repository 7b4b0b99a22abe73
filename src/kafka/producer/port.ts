/** What other parts see of the producer: they hand it records, and hear the outcome of each. */
import type { KafkaRecord } from '../record.ts';

/** The outcome of a record. */
export type Outcome =
  /** All in-sync replicas have it, at this offset; -1 if the broker has not said it. */
  | { readonly kind: 'written'; readonly partition: number; readonly offset: number }
  /** The topic takes at most `limit` bytes. The record needs `size` bytes, compressed. */
  | { readonly kind: 'too-large'; readonly size: number; readonly limit: number }
  /** Kafka never takes it. `reason` is Kafka's name of the error. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The producer was closed first. The record is not in the topic, unless `mayBeWritten`. */
  | { readonly kind: 'closed'; readonly mayBeWritten: boolean };

/** The outcome of a record that Kafka never takes. */
export type NeverTaken = Extract<Outcome, { kind: 'too-large' | 'refused' }>;

/** The part that hands a record to the producer and waits for its outcome. */
export interface RecordOwner {
  /** A batch with the record goes out, for the first time or again. */
  sent(): void;
  /** Called once, unless the record is withdrawn first. */
  settled(outcome: Outcome): void;
}

/** A record that the producer has taken. */
export interface RecordHandle {
  /** A batch with the record has gone out. */
  readonly sent: boolean;
}

export interface RecordProducer {
  /** Takes a record. `size` is what `recordSize` gives for it. The owner hears the outcome. */
  send(record: KafkaRecord, size: number, owner: RecordOwner): RecordHandle;
  /** Gives up waiting for a record. True: it is certainly never written. False: it is already in a batch. */
  withdraw(record: RecordHandle): boolean;
  /** Why the topic cannot be written to, in words for an operator; undefined if no reason is known. */
  problemOf(topic: string): string | undefined;
  /** Why Kafka refuses every record of the topic, in words for an operator; undefined if it takes some. */
  refusalOf(topic: string): string | undefined;
  /**
   * Asks the cluster now for what it takes of these topics, and forgets what brokers have refused as too large. Never
   * rejects.
   */
  refresh(topics: readonly string[]): Promise<void>;
  /** Asks the cluster for these topics from now on, before their first record. */
  watch(topics: readonly string[]): void;
  /** True when the cluster has told all that is needed to write to this topic. */
  knows(topic: string): boolean;
}
