/** Limits the log lines that clients can cause. Each pair of a cause and a sender has a small limit of its own. */
import { TokenBucket } from '../support/token-bucket.ts';

/** Log lines per second for one cause and one sender. One sender's refusals do not hide those of another. */
const LINES_A_SECOND = 10;

/** Most pairs with a limit of their own, about 300 bytes each. Further pairs of a cause share one. */
const MAX_PAIRS = 256;

/** A pair that is not used for so many milliseconds has its whole limit again, so it can be forgotten. */
const IDLE_MS = 1000;

/** Milliseconds until the omitted lines are reported, if no further line of the pair does it before. */
const REPORT_MS = 10_000;

/** A cause and a sender. `sender` is undefined if it is not known, or if several senders share the limit. */
export interface Pair {
  readonly cause: string;
  readonly sender: string | undefined;
}

interface PairState extends Pair {
  readonly bucket: TokenBucket;
  omitted: number;
  usedAt: number;
  isReporting: boolean;
}

export class LineLimit {
  /** The pair that was used last is at the end. */
  readonly #pairs = new Map<string, PairState>();
  readonly #shared = new Map<string, PairState>();
  readonly #report: (pair: Pair, omitted: number) => void;

  /** Calls `report` for omitted lines that no later line counts. */
  constructor(report: (pair: Pair, omitted: number) => void) {
    this.#report = report;
  }

  /**
   * How many lines of the pair were omitted before the next one. Undefined if the next one itself must be omitted.
   * `cause` is one of a few words, without a space.
   */
  next(cause: string, sender: string | undefined): number | undefined {
    const pair = this.#pairOf(cause, sender);
    if (pair.bucket.take()) {
      const { omitted } = pair;
      pair.omitted = 0;
      return omitted;
    }
    pair.omitted += 1;
    if (!pair.isReporting) this.#reportLater(pair);
    return undefined;
  }

  #reportLater(pair: PairState): void {
    pair.isReporting = true;
    setTimeout(() => {
      const { omitted } = pair;
      pair.isReporting = false;
      pair.omitted = 0;
      if (omitted > 0) this.#report(pair, omitted);
    }, REPORT_MS).unref();
  }

  #pairOf(cause: string, sender: string | undefined): PairState {
    const key = sender === undefined ? cause : `${cause} ${sender}`;
    const now = performance.now();
    const known = this.#pairs.get(key);
    if (known) {
      this.#pairs.delete(key);
      this.#pairs.set(key, known);
      known.usedAt = now;
      return known;
    }
    if (this.#pairs.size >= MAX_PAIRS && !this.#forgetOldest(now)) {
      const shared = this.#shared.get(cause) ?? newPair(cause, undefined, now);
      this.#shared.set(cause, shared);
      return shared;
    }
    const pair = newPair(cause, sender, now);
    this.#pairs.set(key, pair);
    return pair;
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

function newPair(cause: string, sender: string | undefined, usedAt: number): PairState {
  return { cause, sender, bucket: new TokenBucket(LINES_A_SECOND), omitted: 0, usedAt, isReporting: false };
}
