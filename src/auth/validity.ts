/**
 * How long a finding about a credential is used again without another check.
 *
 * A token or certificate expires at an absolute time, so it needs the wall clock, which may step. A step forward ends
 * the finding at once, as the credential has then expired. A step back must not prolong it: someone who steps the clock,
 * or a wrong time server, would keep a withdrawn credential alive. So the time that was left at the check also passes on
 * the monotonic clock, and the clock that comes first ends the finding. The credential is then checked again.
 */
import type { Time } from '../support/time.ts';
import type { Recognised } from './sender.ts';

export class Validity {
  readonly #time: Time;
  /** Milliseconds since the epoch. */
  readonly #wallEnd: number;
  /** On the monotonic clock. */
  readonly #monotonicEnd: number;

  /** To be made right after the check. */
  constructor({ holdsUntil, holdsForMs = Number.POSITIVE_INFINITY }: Recognised, time: Time) {
    this.#time = time;
    this.#wallEnd = holdsUntil;
    this.#monotonicEnd = time.monotonic.now() + Math.min(holdsForMs, holdsUntil - time.wall.now());
  }

  get isOver(): boolean {
    const { monotonic, wall } = this.#time;
    return monotonic.now() >= this.#monotonicEnd || wall.now() >= this.#wallEnd;
  }
}
