/**
 * A share of the time for work that may be left out. It fills as time passes, like the token bucket of a quota. So the
 * work takes at most this share of one core, and all of it is done while there is little.
 */
import type { Clock } from '../support/time.ts';

export class TimeShare {
  readonly #share: number;
  readonly #most: number;
  readonly #clock: Clock;
  #left: number;
  #filledAt: number;

  /** `share` is a fraction of the time. After a pause, the work may take `mostMs` milliseconds at once. */
  constructor(share: number, mostMs: number, clock: Clock) {
    this.#share = share;
    this.#most = mostMs;
    this.#clock = clock;
    this.#left = mostMs;
    this.#filledAt = clock.now();
  }

  /** True if there is time for more work. */
  hasTime(): boolean {
    const now = this.#clock.now();
    this.#left = Math.min(this.#most, this.#left + (now - this.#filledAt) * this.#share);
    this.#filledAt = now;
    return this.#left > 0;
  }

  /** Counts work that has been done. */
  spend(ms: number): void {
    this.#left -= ms;
  }
}
