/** A token bucket (as in RFC 2697) that fills at a rate: the quota of a sender, or of lines in the log. */
export class TokenBucket {
  #perMs: number;
  #size: number;
  #level: number;
  #filledAt: number;

  /** Events per second. After a pause `size` of them at once: without it those of a second, and at least one. */
  constructor(eventsPerSecond: number, now = performance.now(), size = Math.max(1, eventsPerSecond)) {
    this.#perMs = eventsPerSecond / 1000;
    this.#size = size;
    this.#level = this.#size;
    this.#filledAt = now;
  }

  /** Fills at another rate from now on. What was taken before still counts. */
  changeRate(eventsPerSecond: number, now = performance.now()): void {
    this.#level = Math.min(this.#size, this.#level + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    this.#perMs = eventsPerSecond / 1000;
    this.#size = Math.max(1, eventsPerSecond);
  }

  /** Takes the token for one event; false when there is none. `now` in milliseconds of `performance.now()`. */
  take(now = performance.now()): boolean {
    this.#level = Math.min(this.#size, this.#level + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}
