/** What other parts see of the delivery: they hand it records, hear the outcome of each, and ask for its status. */
import type { NeverTaken } from '../kafka/producer/port.ts';
import type { KafkaRecord } from '../kafka/record.ts';

/** The outcome of a record. The record is kept when it is `acknowledged` or `spooled`; both are final. */
export type Delivered =
  /** All in-sync replicas have the record, at this offset. Both are -1 if several topics have it, or it is not known. */
  | { readonly kind: 'acknowledged'; readonly partition: number; readonly offset: number }
  /** The record is synced to disk. */
  | { readonly kind: 'spooled' }
  /** The record is not kept now, and the sender may try again. The reason names no address. */
  | { readonly kind: 'retriable'; readonly reason: string }
  /** Kafka never takes the record. The reason is Kafka's name for it. */
  | { readonly kind: 'permanent'; readonly reason: string }
  /** The record needs `size` bytes even compressed; its topic takes `limit`. The event itself has `event` bytes. */
  | {
      readonly kind: 'too-large';
      readonly topic: string;
      readonly size: number;
      readonly limit: number;
      readonly event: number;
    };

/** The outcome of a record that is kept. */
export type Kept = Extract<Delivered, { kind: 'acknowledged' | 'spooled' }>;

/** Is the record in Kafka or on disk? */
export function isKept(delivered: Delivered): delivered is Kept {
  return delivered.kind === 'acknowledged' || delivered.kind === 'spooled';
}

export interface EventDelivery {
  /** Resolves to the outcome within `spoolAfterMs` and at most two seconds. Never rejects. */
  deliver(record: KafkaRecord): Promise<Delivered>;
  /**
   * Delivers the record to each of these topics once, whose order does not matter. Resolves when it is safe for all:
   *
   * - `acknowledged`: each topic has it. `spooled`: it is kept for each, and on disk for at least one.
   * - `retriable`: it is not kept for some topic. The reason names the topics that have it nevertheless.
   * - `permanent`, `too-large`: no topic takes it, and none has it. The outcome is that of the first one that says so.
   *
   * What one topic never takes goes to the dead-letter topic once another topic has the record: it is kept then.
   * @throws {RangeError} without a topic.
   */
  deliverToAll(record: UnaddressedRecord, topics: readonly string[]): Promise<Delivered>;
}

/** A record that is to be written to several topics: with the same key, bytes, headers and time to each. */
export type UnaddressedRecord = Omit<KafkaRecord, 'topic'>;

/** Topics that come into use while the proxy runs. */
export interface TopicUse {
  /** From now on these topics are watched and reported as if they had records. The others stay in use. */
  use(topics: readonly string[]): void;
}

/**
 * - `straight`: events go to Kafka, and the disk is not used.
 * - `spooling`: Kafka is unavailable or late; events go to the disk at once.
 * - `draining`: Kafka is available again; it gets the spooled events first, then the new ones.
 */
export type QueueState = 'straight' | 'spooling' | 'draining';

export interface TopicStatus {
  readonly topic: string;
  /** Why an event of the topic could not be kept now; undefined when it could. */
  readonly problem: string | undefined;
  readonly state: QueueState;
  /** Why the topic cannot be written to; undefined when no reason is known. */
  readonly kafkaProblem: string | undefined;
  readonly spooledEvents: number;
  /** Bytes of disk. */
  readonly spooledBytes: number;
  /** Approximate arrival time of the oldest spooled event, in milliseconds since the epoch; undefined without one. */
  readonly oldestSpooledAt: number | undefined;
}

/** The parked events of a topic: not even the dead-letter topic takes them. They hold up no other event. */
export interface ParkedStatus {
  readonly topic: string;
  readonly events: number;
  /** Bytes of disk. */
  readonly bytes: number;
}

/** What has become of a parked event. */
export interface Decided {
  readonly id: string;
  /** Its own topic; undefined if no parked event has the id. */
  readonly topic: string | undefined;
  /**
   * - `kafka`: its own topic has it; `dead-letter`: the dead-letter topic has it.
   * - `spool`: it waits for Kafka in the spool, like a new event.
   * - `parked`: Kafka does not take it; it stays parked. `reason` says why.
   * - `dropped`: it is deleted.
   * - `unknown`: no parked event has the id.
   */
  readonly outcome: 'kafka' | 'dead-letter' | 'spool' | 'parked' | 'dropped' | 'unknown';
  readonly reason?: string;
}

/** An operator's decisions on parked events. */
export interface ParkedControl {
  /**
   * Tries the parked events with these ids now: each goes to its own topic, and to the dead-letter topic if that does not
   * take it. `tell` hears of each. It resolves when it is ready for the next one, to false when it wants no more of them.
   */
  retry(ids: readonly string[], tell: Tell): Promise<void>;
  /** Deletes the parked events with these ids. */
  drop(ids: readonly string[], tell: Tell): Promise<void>;
}

export type Tell = (decided: Decided) => Promise<boolean>;

export interface DeliveryStatus {
  statusOf(topic: string): TopicStatus;
  /** Every topic in use: first the configured ones in their order, then topics of the spool, then topics of records. */
  readonly topics: readonly TopicStatus[];
  /** The topics with parked events. */
  readonly parked: readonly ParkedStatus[];
  /** Events in the spool, of all topics. Parked events are not among them. */
  readonly spooledEvents: number;
  /** Bytes of disk that these take. */
  readonly spooledBytes: number;
  /** That the spool has little room left; undefined while it has enough. */
  readonly spoolWarning?: string | undefined;
  /** Updates the gauges. The caller does this before it reads them. */
  measure(): void;
}

export type { NeverTaken };

/** The same outcome for the sender of the record. */
export function neverTaken({ topic, value }: KafkaRecord, outcome: NeverTaken): Delivered {
  if (outcome.kind === 'refused') return { kind: 'permanent', reason: outcome.reason };
  return { kind: 'too-large', topic, size: outcome.size, limit: outcome.limit, event: value.length };
}
