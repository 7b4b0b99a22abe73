/** How much a sender may send: a bucket of tokens (RFC 2697's idea), that fills at the sender's rate. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #size: number;
  #level: number;
  #filledAt: number;

  /** So many events a second, and as many at once after a pause; at least one. */
  constructor(eventsPerSecond: number, now = performance.now()) {
    this.#perMs = eventsPerSecond / 1000;
    this.#size = Math.max(1, eventsPerSecond);
    this.#level = this.#size;
    this.#filledAt = now;
  }

  /** Takes one event's share; false when there is none. `now` in milliseconds of `performance.now()`. */
  take(now = performance.now()): boolean {
    this.#level = Math.min(this.#size, this.#level + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}
