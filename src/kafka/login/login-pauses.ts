/** Milliseconds until a broker that has refused a login is asked again, at first and at most: it doubles with each refusal. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 10_000;

interface Refusal {
  readonly error: unknown;
  readonly pauseMs: number;
  readonly until: number;
}

/**
 * Keeps from logging in again and again where the login was refused: directories lock an account after some wrong passwords.
 * By broker, so that one that is set up wrongly does not keep the others from being tried.
 */
export class LoginPauses {
  readonly #refusals = new Map<string, Refusal>();

  /** Throws what the broker was last refused with, until its pause is over. */
  check(broker: string): void {
    const refusal = this.#refusals.get(broker);
    if (refusal && performance.now() < refusal.until) throw refusal.error;
  }

  refused(broker: string, error: unknown): void {
    const last = this.#refusals.get(broker)?.pauseMs;
    const pauseMs = last === undefined ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, 2 * last);
    this.#refusals.set(broker, { error, pauseMs, until: performance.now() + pauseMs });
  }

  accepted(broker: string): void {
    this.#refusals.delete(broker);
  }
}
