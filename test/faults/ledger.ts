import { STEPS } from './event-bodies.ts';

/**
 * - `open`: not posted, or posted without an answer, as the proxy was killed or the run ended.
 * - `kept`: answered 201, with `X-Delivery: kafka` or `spool`. It must not get lost any more.
 * - `refused`: answered 503.
 * - `rejected`: any other answer, which is a failure: all events are valid.
 */
export type State = 'open' | 'kept' | 'refused' | 'rejected';

/** What the header `X-Delivery` of an answer says. All events are valid, so none is a dead letter at once. */
export type Delivery = 'kafka' | 'spool';

/** What the senders know: the answer to each event and its latency. About 20 bytes an event. */
export class Ledger {
  /** By the number of the event. */
  readonly #states: State[] = [];
  readonly #resends = new Map<number, number>();
  readonly #milliseconds: number[] = [];
  readonly #statuses = new Map<number, number>();
  readonly #deliveries: Record<Delivery, number> = { kafka: 0, spool: 0 };
  #slowest = 0;
  /** Refusals that did not say `Retry-After: 1`. */
  refusedWithoutRetryAfter = 0;

  /** The numbers of the events of one more job. */
  nextJob(): number[] {
    const first = this.#states.length;
    return STEPS.map((_, index) => {
      this.#states.push('open');
      return first + index;
    });
  }

  /** `delivery` is the header `X-Delivery`. */
  answered(sequence: number, status: number, delivery: string | undefined, milliseconds: number): void {
    const place = placeOf(status, delivery);
    if (place) this.#deliveries[place] += 1;
    this.#states[sequence] = place ? 'kept' : status === 503 ? 'refused' : 'rejected';
    this.#statuses.set(status, this.count(status) + 1);
    this.#milliseconds.push(milliseconds);
    this.#slowest = Math.max(this.#slowest, milliseconds);
  }

  /** Notes that the event is posted again: the answer was lost with its connection. */
  resent(sequence: number): void {
    this.#resends.set(sequence, this.resends(sequence) + 1);
  }

  state(sequence: number): State {
    return this.#states[sequence] ?? 'open';
  }

  /** How many posts had no answer, because their connection broke. */
  get unanswered(): number {
    return [...this.#resends.values()].reduce((sum, count) => sum + count, 0);
  }

  resends(sequence: number): number {
    return this.#resends.get(sequence) ?? 0;
  }

  /** How many answers had that status. */
  count(status: number): number {
    return this.#statuses.get(status) ?? 0;
  }

  /** How many events were kept there. */
  keptIn(delivery: Delivery): number {
    return this.#deliveries[delivery];
  }

  get statuses(): ReadonlyMap<number, number> {
    return this.#statuses;
  }

  /** How many events have a number so far. */
  get size(): number {
    return this.#states.length;
  }

  /** How many answers there were, with any status. */
  get answers(): number {
    return this.#milliseconds.length;
  }

  get kept(): number {
    return this.#deliveries.kafka + this.#deliveries.spool;
  }

  get refused(): number {
    return this.count(503);
  }

  get rejected(): number {
    return this.answers - this.kept - this.refused;
  }

  get slowestMs(): number {
    return this.#slowest;
  }

  get p99Ms(): number {
    const sorted = Float64Array.from(this.#milliseconds).sort();
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }
}

/** Where a kept event is. Undefined if the answer does not say that it is kept. */
export function placeOf(status: number, delivery: string | undefined): Delivery | undefined {
  return status === 201 && (delivery === 'kafka' || delivery === 'spool') ? delivery : undefined;
}
