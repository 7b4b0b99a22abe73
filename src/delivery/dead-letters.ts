/**
 * Moves events that were acknowledged, and that Kafka never takes, to the dead-letter topic. An event that is not kept
 * there is parked on disk (parked-events.ts). Only then does it leave the spool. So it holds up no other event.
 */
import type { Logger } from '../log.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { SpooledEvent } from '../spool/log-reader.ts';
import { backoff } from '../support/backoff.ts';
import type { Time, Timer } from '../support/time.ts';
import { deadLetterOfRecord, neverTakenReason, parkedReason, reasonOf } from './dead-letter-record.ts';
import type { SharedEvent } from './held-record.ts';
import type { ParkedEvents } from './parked/parked-events.ts';
import { isKept, type Delivered, type NeverTaken } from './port.ts';
import { encodeRecord } from './spooled-record.ts';
import { EventLines } from './state-log.ts';

/** Milliseconds before an event that the disk did not take is tried again: first, and at most. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

/** How an event goes that is not one of a single topic whose sender has just sent it. */
export interface Way {
  /** It goes to the disk at once: its sender has waited already. */
  readonly urgent?: boolean;
  /** The queues of other topics have the event, too. */
  readonly shared?: SharedEvent;
}

/** Adds a record to the queue of its topic, and calls back with the outcome. */
export type Enqueue = (record: KafkaRecord, answer: (delivered: Delivered) => void, way?: Way) => void;

export class DeadLetters {
  readonly #topic: string;
  readonly #enqueue: Enqueue;
  readonly #parked: ParkedEvents;
  readonly #metrics: Metrics;
  readonly #time: Time;
  readonly #lines: EventLines;
  readonly #retries = new Set<Timer>();
  #stopping = false;

  constructor(
    topic: string,
    enqueue: Enqueue,
    parked: ParkedEvents,
    metrics: Metrics,
    log: Logger,
    time: Time,
  ) {
    this.#topic = topic;
    this.#enqueue = enqueue;
    this.#parked = parked;
    this.#metrics = metrics;
    this.#time = time;
    this.#lines = new EventLines(log, time.monotonic);
  }

  /** Moves a record to the dead-letter topic. Calls `safe` when it is in Kafka, in the spool of that topic, or parked. */
  add(record: KafkaRecord, outcome: NeverTaken, safe: () => void): void {
    const { topic } = record;
    if (topic === this.#topic) {
      this.#retried((failed) => this.#park(record, '', neverTakenReason(outcome), safe, failed));
      return;
    }
    const reason = this.#report(record, outcome, 'Kafka does not take an acknowledged event');
    this.#retried((failed) => this.#move(record, reason, safe, failed));
  }

  /**
   * Moves a record whose sender waits, because other topics have the event. Tries each place once, so that the sender has
   * an answer in time: `answer` hears whether the record is kept.
   */
  addUnanswered(record: KafkaRecord, outcome: NeverTaken, answer: (delivered: Delivered) => void): void {
    const park = (refusal: string, reason: string) => {
      const failed = () => answer({ kind: 'retriable', reason: 'the disk does not take it' });
      const kept = () => {
        this.#metrics.spooled.inc();
        answer({ kind: 'spooled' });
      };
      this.#park(record, refusal, reason, kept, failed);
    };
    if (record.topic === this.#topic) {
      park('', neverTakenReason(outcome));
      return;
    }
    const refusal = this.#report(record, outcome, 'one of several topics does not take an event');
    const letter = deadLetterOfRecord(record, refusal, this.#topic);
    this.#enqueue(
      letter,
      (delivered) => (isKept(delivered) ? answer(delivered) : park(refusal, parkedReason(delivered))),
      { urgent: true },
    );
  }

  /** Parks an event of the spool that cannot be decoded. Calls `safe` when it is on disk. */
  addUnreadable(topic: string, event: SpooledEvent, reason: string, safe: () => void): void {
    const { payload, arrivedAt } = event;
    const why = { refusal: '', reason: `unreadable: ${reason}` };
    this.#retried((failed) => this.#parked.park({ topic, arrivedAt, parts: [payload] }, why, safe, failed));
  }

  /** To be called again and again. */
  poll(): void {
    this.#lines.poll();
  }

  /** Ends all retries. */
  stop(): void {
    this.#stopping = true;
    for (const timer of this.#retries) timer[Symbol.dispose]();
  }

  /** Counts a record that becomes a dead letter. Returns why its topic does not take it. */
  #report({ topic }: KafkaRecord, outcome: NeverTaken, message: string): string {
    const reason = reasonOf(outcome);
    this.#metrics.deadLetters.inc({ reason: outcome.kind });
    const facts = { topic, reason, dead_letter_topic: this.#topic };
    this.#lines.add(`${topic} ${outcome.kind}`, facts, message);
    return reason;
  }

  #move(record: KafkaRecord, refusal: string, safe: () => void, failed: () => void): void {
    this.#enqueue(deadLetterOfRecord(record, refusal, this.#topic), (delivered) => {
      if (isKept(delivered)) safe();
      // An event that is not kept anywhere else stays in the spool, for the next start.
      else if (!this.#stopping) this.#park(record, refusal, parkedReason(delivered), safe, failed);
    });
  }

  #park(record: KafkaRecord, refusal: string, reason: string, safe: () => void, failed: () => void): void {
    const { topic, arrivedAt } = record;
    this.#parked.park({ topic, arrivedAt, parts: encodeRecord(record) }, { refusal, reason }, safe, failed);
  }

  /** Tries it now, and again after a growing pause for as long as it fails: the disk is full or broken. */
  #retried(attempt: (failed: () => void) => void, failures = 0): void {
    if (this.#stopping) return;
    attempt(() => {
      const pauseMs = backoff(failures + 1, RETRY_MS, MAX_RETRY_MS);
      const retry: Timer = this.#time.setTimeout(() => {
        this.#retries.delete(retry);
        this.#retried(attempt, failures + 1);
      }, pauseMs);
      retry.unref();
      this.#retries.add(retry);
    });
  }
}
