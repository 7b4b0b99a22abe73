import { STEPS } from './event-bodies.ts';
import type { Ledger } from './ledger.ts';

/** A record of the topic that holds an event of the load. */
export interface Arrival {
  readonly sequence: number;
  readonly partition: number;
  readonly offset: bigint;
  /** Whether its bytes are those that were posted. */
  readonly intact: boolean;
}

export interface Verdict {
  /** Events that were answered 201 or 202 and are not there, or only with other bytes. */
  readonly lost: readonly number[];
  /** Events of a job that stand, in one partition, before another one that was posted and kept earlier. */
  readonly reordered: readonly number[];
  /** Events that are not there as they were damaged on purpose. */
  readonly damaged: readonly number[];
  /** Records too many, without those that are there because a sender posted its event again. */
  readonly duplicated: number;
  /** Records too many because a sender whose connection broke posted its event again. */
  readonly twiceAsResent: number;
  /** Events that are there although they were answered 503. */
  readonly refusedYetThere: number;
}

interface Place {
  readonly partition: number;
  readonly offset: bigint;
}

/** Compares what is in Kafka with what the senders were told. */
export class Judgement {
  readonly #ledger: Ledger;
  readonly #damaged: ReadonlySet<number>;
  /** Where each event stands first, by its number. */
  readonly #places: (Place | undefined)[] = [];
  readonly #counts: number[] = [];
  #kept = 0;

  /** @param damaged events whose loss is the point, so that they count neither as lost nor as still to come. */
  constructor(ledger: Ledger, damaged: ReadonlySet<number> = new Set()) {
    this.#ledger = ledger;
    this.#damaged = damaged;
  }

  /** To be told of the records of a partition in their order. */
  arrived({ sequence, partition, offset, intact }: Arrival): void {
    if (!intact) return;
    // An array with holes turns into a slow dictionary: fill it up.
    while (this.#counts.length <= sequence) {
      this.#counts.push(0);
      this.#places.push(undefined);
    }
    const count = this.#counts[sequence] ?? 0;
    this.#counts[sequence] = count + 1;
    if (count > 0) return;
    this.#places[sequence] = { partition, offset };
    this.#kept += 1;
  }

  /** How many different events are there. */
  get events(): number {
    return this.#kept;
  }

  /** Whether every event that was kept is there; cheap enough to ask often. */
  get complete(): boolean {
    if (this.#kept < this.#ledger.kept - this.#damaged.size) return false;
    return this.verdict().lost.length === 0;
  }

  verdict(): Verdict {
    const lost: number[] = [];
    const damaged: number[] = [];
    const reordered: number[] = [];
    let duplicated = 0;
    let twiceAsResent = 0;
    let refusedYetThere = 0;
    for (let sequence = 0; sequence < this.#ledger.size; sequence++) {
      const count = this.#counts[sequence] ?? 0;
      const state = this.#ledger.state(sequence);
      if (state === 'kept' && count === 0) (this.#damaged.has(sequence) ? damaged : lost).push(sequence);
      if (state === 'refused' && count > 0) refusedYetThere += 1;
      const tooMany = Math.max(0, count - 1);
      const excused = Math.min(tooMany, this.#ledger.resends(sequence));
      twiceAsResent += excused;
      duplicated += tooMany - excused;
      if (this.#standsTooEarly(sequence)) reordered.push(sequence);
    }
    return { lost, damaged, reordered, duplicated, twiceAsResent, refusedYetThere };
  }

  /** Whether an earlier event of the same job stands behind this one. Between partitions there is no order. */
  #standsTooEarly(sequence: number): boolean {
    const place = this.#places[sequence];
    if (place === undefined || this.#ledger.state(sequence) !== 'kept') return false;
    for (let earlier = sequence - (sequence % STEPS.length); earlier < sequence; earlier++) {
      const other = this.#places[earlier];
      if (other === undefined || this.#ledger.state(earlier) !== 'kept') continue;
      if (other.partition === place.partition && other.offset > place.offset) return true;
    }
    return false;
  }
}
