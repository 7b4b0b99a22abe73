/**
 * Events that not even the dead-letter topic takes. They are parked in a folder of their own in the spool: on disk and
 * not in memory, outside of every order and age limit. parked-retries.ts tries them again. An operator may retry or drop
 * them at any time.
 */
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { Mark } from '../../spool/marks.ts';
import type { Spool } from '../../spool/spool.ts';
import type { Time } from '../../support/time.ts';
import { encodeParkedHead, idOf, type ParkedReason } from './parked-record.ts';
import type { ParkedStatus } from '../port.ts';
import { EventLines } from '../state-log.ts';

/** An event as it is in the spool. */
export interface SpoolPayload {
  readonly topic: string;
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
  readonly parts: readonly Buffer[];
}

export class ParkedEvents {
  readonly #spool: Spool;
  readonly #metrics: Metrics;
  readonly #time: Time;
  readonly #lines: EventLines;
  /** Called when an event is parked. */
  onParked: () => void = () => undefined;

  /** Says what an earlier process has parked. */
  constructor(spool: Spool, metrics: Metrics, log: Logger, time: Time) {
    this.#spool = spool;
    this.#metrics = metrics;
    this.#time = time;
    this.#lines = new EventLines(log, time.monotonic);
    for (const topic of spool.parkedTopics) metrics.duplicatesPossible.inc(spool.parked(topic).unanswered);
    for (const { topic, events } of this.status) {
      log.warn({ topic, events }, 'events are parked on disk: Kafka does not take them ("http2kafka spool")');
    }
  }

  /** The topics with parked events. */
  get status(): readonly ParkedStatus[] {
    return this.#all.filter(({ events }) => events > 0);
  }

  /** Parks an event. Calls `kept` when it survives a power cut, or `failed`: the disk is full or broken. */
  park(event: SpoolPayload, why: ParkedReason, kept: () => void, failed: () => void): void {
    const { topic, arrivedAt, parts } = event;
    this.#spool.parked(topic).append({
      parts: [encodeParkedHead(why, this.#time.wall.now()), ...parts],
      arrivedAt,
      mark: Mark.kept,
      kept: () => {
        this.#report(topic, idOf(topic, parts, arrivedAt), why);
        kept();
        this.onParked();
      },
      failed,
    });
  }

  /** Frees the space of events that are no longer parked. To be called again and again. */
  poll(): void {
    this.#lines.poll();
    for (const topic of this.#spool.parkedTopics) this.#spool.parked(topic).tidy();
  }

  /** Updates the gauges. */
  measure(): void {
    for (const { topic, events, bytes } of this.#all) {
      this.#metrics.parkedEvents.set({ topic }, events);
      this.#metrics.parkedBytes.set({ topic }, bytes);
    }
  }

  get #all(): readonly ParkedStatus[] {
    return this.#spool.parkedTopics.map((topic) => {
      const { count: events, bytes } = this.#spool.parked(topic);
      return { topic, events, bytes };
    });
  }

  #report(topic: string, id: string, { reason }: ParkedReason): void {
    const [kind = ''] = reason.split(':', 1);
    // What cannot be kept only now is no fault of the event.
    if (kind !== 'unavailable') this.#metrics.undeliverable.inc();
    this.#lines.add(
      `${topic} ${kind}`,
      { topic, ids: [id], reason },
      'the dead-letter topic does not take an event: it is parked on disk',
    );
  }
}
