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
  /** Events that were answered as kept and are missing, or have other bytes. */
  readonly lost: readonly number[];
  /** Events of a job that precede, in their partition, an event that was posted and kept earlier. */
  readonly reordered: readonly number[];
  /** Missing events that were damaged on purpose. */
  readonly damaged: readonly number[];
  /** Extra records, except those of events that a sender posted again. */
  readonly duplicated: number;
  /** Extra records of events that a sender posted again after its connection broke. */
  readonly twiceAsResent: number;
  /** Records of events that were answered 503. */
  readonly refusedYetThere: number;
}

interface Place {
  readonly partition: number;
  readonly offset: bigint;
}

/** Compares the records in Kafka with the answers to the senders. */
export class Judgement {
  readonly #ledger: Ledger;
  readonly #damaged: ReadonlySet<number>;
  /** The first place of each event, by its number. */
  readonly #places: (Place | undefined)[] = [];
  readonly #counts: number[] = [];
  #kept = 0;

  /** @param damaged events that were damaged on purpose: they count neither as lost nor as expected. */
  constructor(ledger: Ledger, damaged: ReadonlySet<number> = new Set()) {
    this.#ledger = ledger;
    this.#damaged = damaged;
  }

  /** Takes a record. Call it for the records of a partition in their order. */
  arrived({ sequence, partition, offset, intact }: Arrival): void {
    if (!intact) return;
    // V8 turns an array with holes into a slow dictionary: fill it up.
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

  /** How many different events have arrived. */
  get events(): number {
    return this.#kept;
  }

  /** Whether every kept event has arrived. Cheap enough to call often. */
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

  /** Whether an earlier event of the same job follows this one. Between partitions there is no order. */
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
