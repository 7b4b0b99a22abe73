/** Sends events over several connections: in the order of each run, at a limited rate, with a journal. */
import { errorText } from '../../support/error-text.ts';
import type { Time } from '../../support/time.ts';
import type { FileEvent } from '../events/event-files.ts';
import { EndpointUnavailable, pause, type Answer, type Endpoint } from './endpoint.ts';
import type { Journal } from './journal.ts';
import { orderOf, RunOrder, type Waiting } from './run-order.ts';

/** An event to send. Its number is its place among all events, from 0. */
export interface NumberedEvent extends FileEvent {
  readonly file: string;
  readonly number: number;
}

export interface SendingParts {
  readonly endpoint: Endpoint;
  readonly connections: number;
  /** Events a second; undefined without a limit. */
  readonly rate: number | undefined;
  readonly journal: Journal | undefined;
  readonly time: Time;
  readonly answered: (event: NumberedEvent, answer: Answer) => void;
}

/** Limits of what is read ahead. More is needed only where many events of one run follow each other. */
const MAX_AHEAD_EVENTS = 2000;
const MAX_AHEAD_BYTES = 64 * 1024 * 1024;

export class Sending {
  readonly #parts: SendingParts;
  readonly #order = new RunOrder<NumberedEvent>();
  /** Events that were read and have no answer yet. */
  #unanswered = 0;
  #inFlight = 0;
  /** When the next event may begin, on the monotonic clock. */
  #nextStart = 0;
  /** Why no other event begins. */
  #stop: string | undefined;
  readonly #ending = new AbortController();
  #failed: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(parts: SendingParts) {
    this.#parts = parts;
  }

  /** Begins no other event, and lets those in flight end. */
  stop(reason: string): void {
    this.#stop ??= reason;
    this.#ending.abort();
    this.#wake();
  }

  /**
   * Sends all events. Resolves when each has its answer; to the reason if the sending has stopped before.
   * @throws what reading the events throws, after the events in flight have their answers.
   */
  async run(events: AsyncIterable<NumberedEvent>): Promise<string | undefined> {
    try {
      for await (const event of events) {
        this.#unanswered += 1;
        this.#order.add({ item: event, order: orderOf(event.bytes), bytes: event.bytes.length });
        this.#begin();
        while (!this.#stop && this.#isFull()) await this.#change();
        if (this.#stop !== undefined) break;
      }
    } finally {
      while (this.#inFlight > 0) await this.#change();
    }
    if (this.#failed) throw this.#failed.error;
    return this.#stop;
  }

  #isFull(): boolean {
    return this.#unanswered >= MAX_AHEAD_EVENTS || this.#order.waitingBytes >= MAX_AHEAD_BYTES;
  }

  /** Resolves at the next answer, or when the sending stops. */
  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #begin(): void {
    while (this.#stop === undefined && this.#inFlight < this.#parts.connections) {
      const next = this.#order.take();
      if (!next) return;
      this.#inFlight += 1;
      void this.#send(next);
    }
  }

  async #send(waiting: Waiting<NumberedEvent>): Promise<void> {
    const { endpoint, journal, answered } = this.#parts;
    const { item } = waiting;
    try {
      await this.#turn();
      if (this.#stop !== undefined) return;
      journal?.begin(item.number);
      const answer = await endpoint.post(item.bytes, this.#ending.signal);
      answered(item, answer);
      journal?.end(item.number, isTaken(answer) ? 'kept' : 'refused');
      this.#order.ended(waiting);
    } catch (error) {
      // Of the run of this event, no later one is sent.
      if (!(error instanceof EndpointUnavailable)) this.#failed ??= { error };
      this.stop(errorText(error));
    } finally {
      this.#unanswered -= 1;
      this.#inFlight -= 1;
      this.#begin();
      this.#wake();
    }
  }

  /** Resolves when the rate allows the next event. */
  async #turn(): Promise<void> {
    const { rate, time } = this.#parts;
    if (rate === undefined) return;
    const now = time.monotonic.now();
    const start = Math.max(now, this.#nextStart);
    this.#nextStart = start + 1000 / rate;
    if (start > now) await pause(time, start - now, this.#ending.signal);
  }
}

/** Any 2xx: an endpoint that is not http2kafka answers 200 or 204. */
export function isTaken({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
