/**
 * What was acknowledged and Kafka will not have goes to the dead-letter topic. It leaves the spool only when it is safe
 * there.
 */
import type { Logger } from 'pino';
import { recordHeader, type KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { reasonOf, type NeverTaken } from './outcome.ts';
import type { Delivered } from './port.ts';

/** Milliseconds until one that could not be kept is tried again; doubles with each time, up to a minute. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

export class DeadLetters {
  readonly #topic: string;
  readonly #deliver: (record: KafkaRecord, answer: (delivered: Delivered) => void) => void;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  #stopping = false;

  /** `deliver` puts a record into the queue of its topic. */
  constructor(
    topic: string,
    deliver: (record: KafkaRecord, answer: (delivered: Delivered) => void) => void,
    metrics: Metrics,
    log: Logger,
  ) {
    this.#topic = topic;
    this.#deliver = deliver;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Puts a record into the dead-letter topic; calls `safe` when it is in Kafka, or in that topic's spool. */
  add(record: KafkaRecord, outcome: NeverTaken, safe: () => void): void {
    const { topic } = record;
    const reason = reasonOf(outcome);
    if (topic === this.#topic) {
      this.#reportUndeliverable(reason);
      return;
    }
    this.#metrics.deadLetters.inc({ reason: outcome.kind });
    this.#log.error({ topic, reason, to: this.#topic }, 'Kafka does not take an acknowledged event');
    this.#try(deadLetterOf(record, this.#topic, reason), safe, { failures: 0, isReported: false });
  }

  /** Nothing is tried again. */
  stop(): void {
    this.#stopping = true;
  }

  #try(letter: KafkaRecord, safe: () => void, past: { failures: number; isReported: boolean }): void {
    if (this.#stopping) return;
    this.#deliver(letter, (delivered) => {
      if (delivered.kind === 'acknowledged' || delivered.kind === 'spooled') {
        safe();
        return;
      }
      const { failures, isReported } = past;
      const isNever = delivered.kind !== 'retriable';
      if (isNever && !isReported) this.#reportUndeliverable(delivered.kind);
      const next = { failures: failures + 1, isReported: isReported || isNever };
      const delay = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** failures);
      setTimeout(() => this.#try(letter, safe, next), delay).unref();
    });
  }

  #reportUndeliverable(reason: string): void {
    this.#metrics.undeliverable.inc();
    const facts = { topic: this.#topic, reason };
    this.#log.error(facts, 'the dead-letter topic does not take an event: it stays in the spool');
  }
}

/** The same bytes under the same headers, with where they were to go and why they are not there. */
function deadLetterOf(record: KafkaRecord, topic: string, reason: string): KafkaRecord {
  const headers = [
    ...record.headers,
    recordHeader('dead-letter-topic', record.topic),
    recordHeader('dead-letter-reason', `topic ${record.topic} does not take it: ${reason}`),
  ];
  return { ...record, topic, headers, timestamp: record.arrivedAt };
}
