/**
 * Limits the log lines that clients can cause. Each pair of a cause and a sender has a small limit of its own; a client
 * that is not a known sender counts by its address.
 */
import type { Time } from '../support/time.ts';
import { TokenBucket } from '../support/token-bucket.ts';

/** Log lines per second for one cause and one sender. One sender's refusals do not hide those of another. */
const LINES_A_SECOND = 10;

/** Most pairs with a limit of their own, about 300 bytes each. Further pairs of a cause share one. */
const MAX_PAIRS = 256;

/** A pair that is not used for so many milliseconds has its whole limit again, so it can be forgotten. */
const IDLE_MS = 1000;

/** Milliseconds until the omitted lines are reported, if no further line of the pair does it before. */
const REPORT_MS = 10_000;

/** Lines of one cause for the events of one batch. They show what is wrong; the others are counted. */
const LINES_A_REQUEST = 5;

/** A cause, and who has caused it. Both others are undefined if they are not known, or if several share the limit. */
export interface Pair {
  /** One of a few words, without a space. */
  readonly cause: string;
  readonly sender: string | undefined;
  /** The network of a client that is not a known sender. */
  readonly client: string | undefined;
}

interface PairState extends Pair {
  readonly bucket: TokenBucket;
  omitted: number;
  usedAt: number;
  isReporting: boolean;
}

/** Counts the lines of one request with many events. */
export class RequestLines {
  readonly #lines = new Map<string, number>();

  /** False if the request has had as many lines of this cause as it may have. The line is then counted as omitted. */
  takes(cause: string): boolean {
    const lines = (this.#lines.get(cause) ?? 0) + 1;
    this.#lines.set(cause, lines);
    return lines <= LINES_A_REQUEST;
  }

  /** How many lines of each cause were omitted. */
  get omitted(): readonly (readonly [cause: string, omitted: number])[] {
    return [...this.#lines]
      .filter(([, lines]) => lines > LINES_A_REQUEST)
      .map(([cause, lines]) => [cause, lines - LINES_A_REQUEST]);
  }
}

export class LineLimit {
  /** The pair that was used last is at the end. */
  readonly #pairs = new Map<string, PairState>();
  readonly #shared = new Map<string, PairState>();
  readonly #report: (pair: Pair, omitted: number) => void;
  readonly #time: Time;

  /** Calls `report` for omitted lines that no later line counts. */
  constructor(report: (pair: Pair, omitted: number) => void, time: Time) {
    this.#report = report;
    this.#time = time;
  }

  /** How many lines of the pair were omitted before the next one. Undefined if the next one itself must be omitted. */
  next(pair: Pair): number | undefined {
    const now = this.#time.monotonic.now();
    const state = this.#stateOf(pair, now);
    if (!state.bucket.take(now)) {
      this.#omit(state);
      return undefined;
    }
    const { omitted } = state;
    state.omitted = 0;
    return omitted;
  }

  /** Lines of the pair are omitted for another reason. */
  omit(pair: Pair, lines: number): void {
    this.#omit(this.#stateOf(pair, this.#time.monotonic.now()), lines);
  }

  #omit(state: PairState, lines = 1): void {
    state.omitted += lines;
    if (state.isReporting) return;
    state.isReporting = true;
    const report = () => {
      const { omitted } = state;
      state.isReporting = false;
      state.omitted = 0;
      if (omitted > 0) this.#report(state, omitted);
    };
    this.#time.setTimeout(report, REPORT_MS).unref();
  }

  #stateOf({ cause, sender, client }: Pair, now: number): PairState {
    // No sender can take the limit of an address: the words differ.
    const key = sender === undefined ? `${cause} client ${client ?? ''}` : `${cause} sender ${sender}`;
    const known = this.#pairs.get(key);
    if (known) {
      this.#pairs.delete(key);
      this.#pairs.set(key, known);
      known.usedAt = now;
      return known;
    }
    if (this.#pairs.size >= MAX_PAIRS && !this.#forgetOldest(now)) {
      const shared = this.#shared.get(cause) ?? newPair({ cause, sender: undefined, client: undefined }, now);
      this.#shared.set(cause, shared);
      return shared;
    }
    const state = newPair({ cause, sender, client }, now);
    this.#pairs.set(key, state);
    return state;
  }

  /** Forgets the pair that was not used for the longest time. False if it is still needed. */
  #forgetOldest(now: number): boolean {
    const [oldest] = this.#pairs;
    if (!oldest) return false;
    const [key, { omitted, usedAt }] = oldest;
    if (omitted > 0 || now - usedAt < IDLE_MS) return false;
    return this.#pairs.delete(key);
  }
}

function newPair(pair: Pair, now: number): PairState {
  return {
    ...pair,
    bucket: new TokenBucket(LINES_A_SECOND, now),
    omitted: 0,
    usedAt: now,
    isReporting: false,
  };
}
