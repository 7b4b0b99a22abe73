/** What others see of the delivery: they hand it records, and hear whether each is kept. */
import type { KafkaRecord } from '../kafka/record.ts';

/** What becomes of a record. The first two are final: it is kept. */
export type Delivered =
  /** All in-sync replicas have it. */
  | { readonly kind: 'acknowledged' }
  /** It is on disk, synced. */
  | { readonly kind: 'spooled' }
  /** It cannot be kept now. The reason names no address. */
  | { readonly kind: 'retriable'; readonly reason: string }
  /** Kafka never takes it. The reason is Kafka's name for why. */
  | { readonly kind: 'permanent'; readonly reason: string }
  /** It needs `size` bytes of its topic even compressed, which takes `limit`. `event` is the size of its value. */
  | {
      readonly kind: 'too-large';
      readonly topic: string;
      readonly size: number;
      readonly limit: number;
      readonly event: number;
    };

export interface EventDelivery {
  /** Resolves once the record is in Kafka or synced to disk, or is not kept; within about `spool.after`. */
  deliver(record: KafkaRecord): Promise<Delivered>;
}

/**
 * - `straight`: events go to Kafka, and the disk is not touched.
 * - `spooling`: Kafka is away or late; events go to the disk at once.
 * - `draining`: Kafka is back; what was spooled goes there, and new events behind it.
 */
export type QueueState = 'straight' | 'spooling' | 'draining';

/** How one topic stands. */
export interface TopicStatus {
  readonly topic: string;
  /** Why an event of it cannot be kept now; undefined when one can. */
  readonly problem: string | undefined;
  readonly state: QueueState;
  /** What keeps it from being written to; undefined when nothing is known to. */
  readonly kafkaProblem: string | undefined;
  readonly spooledEvents: number;
  readonly spooledBytes: number;
}

export interface DeliveryStatus {
  statusOf(topic: string): TopicStatus;
  /** Every topic in use. */
  readonly topics: readonly TopicStatus[];
  /** Of all topics. */
  readonly spooledEvents: number;
  readonly spooledBytes: number;
  /** Brings the gauges up to date. */
  measure(): void;
}
