/**
 * Moves events that were acknowledged, and that Kafka never takes, to the dead-letter topic. Such an event leaves the
 * spool only when it is kept there.
 */
import type { Logger } from '../log.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { backoff } from '../support/backoff.ts';
import type { Time } from '../support/time.ts';
import { deadLetterOfRecord, reasonOf, tooLarge } from './dead-letter-record.ts';
import type { Delivered, NeverTaken } from './port.ts';

/** Milliseconds before a letter that was not kept is tried again: first, and at most. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

/** Adds a record to the queue of its topic, and calls back with the outcome. */
export type Enqueue = (record: KafkaRecord, answer: (delivered: Delivered) => void) => void;

export class DeadLetters {
  readonly #topic: string;
  readonly #enqueue: Enqueue;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #time: Time;
  #stopping = false;

  constructor(topic: string, enqueue: Enqueue, metrics: Metrics, log: Logger, time: Time) {
    this.#topic = topic;
    this.#enqueue = enqueue;
    this.#metrics = metrics;
    this.#log = log;
    this.#time = time;
  }

  /** Moves a record to the dead-letter topic. Calls `safe` when it is in Kafka, or in the spool of that topic. */
  add(record: KafkaRecord, outcome: NeverTaken, safe: () => void): void {
    const { topic } = record;
    const reason = reasonOf(outcome);
    if (topic === this.#topic) {
      this.#reportUndeliverable(reason);
      return;
    }
    this.#metrics.deadLetters.inc({ reason: outcome.kind });
    this.#log.error(
      { topic, reason, dead_letter_topic: this.#topic },
      'Kafka does not take an acknowledged event',
    );
    this.#try(deadLetterOfRecord(record, reason, this.#topic), safe, { failures: 0, isReported: false });
  }

  /** Ends all retries. */
  stop(): void {
    this.#stopping = true;
  }

  #try(letter: KafkaRecord, safe: () => void, past: { failures: number; isReported: boolean }): void {
    if (this.#stopping) return;
    this.#enqueue(letter, (delivered) => {
      if (delivered.kind === 'acknowledged' || delivered.kind === 'spooled') {
        safe();
        return;
      }
      let { isReported } = past;
      if (delivered.kind !== 'retriable' && !isReported) {
        const { kind } = delivered;
        this.#reportUndeliverable(
          kind === 'permanent' ? delivered.reason : tooLarge(delivered.size, delivered.limit),
        );
        isReported = true;
      }
      const failures = past.failures + 1;
      const retry = (): void => this.#try(letter, safe, { failures, isReported });
      this.#time.setTimeout(retry, backoff(failures, RETRY_MS, MAX_RETRY_MS)).unref();
    });
  }

  #reportUndeliverable(reason: string): void {
    this.#metrics.undeliverable.inc();
    const facts = { topic: this.#topic, reason };
    this.#log.error(facts, 'the dead-letter topic does not take an event: it stays in the spool');
  }
}
