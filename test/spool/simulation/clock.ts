/** The clocks of a simulated machine. They stand still until a test moves them. The spool sets no timers. */
import { systemTime, type Time } from '../../../src/support/time.ts';

let monotonicMs = 0;
let wallMs = 1000;

export const time: Time = {
  ...systemTime,
  monotonic: { now: () => monotonicMs },
  wall: { now: () => wallMs },
};

/** Moves both clocks forward. */
export function passTime(ms: number): void {
  monotonicMs += ms;
  wallMs += ms;
}
