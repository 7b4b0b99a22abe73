/**
 * Time, as the core gets it handed in: a test can then run an hour of outage in milliseconds, and the same hour twice in the same way.
 * The real one is made of Node's own functions, not of wrappers around them: every event reads a clock.
 */

/** A timer that has been set. Disposing of it cancels it. */
export interface Timer extends Disposable {
  /** The timer does not keep the process alive. */
  unref(): unknown;
}

/** Milliseconds. */
export interface Clock {
  now(): number;
}

export interface Time {
  /** Goes forward only, whatever an operator does to the machine's clock: for pauses, deadlines and ages. */
  readonly monotonic: Clock;
  /** Since the epoch: for what is written down, and for what others have written down. It may step. */
  readonly wall: Clock;
  setTimeout(callback: () => void, delayMs: number): Timer;
  setInterval(callback: () => void, intervalMs: number): Timer;
  /** Calls back in the next turn of the event loop. */
  setImmediate(callback: () => void): unknown;
}

/** Milliseconds of the longest timer: Node's have 31 bits. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's time. */
export const systemTime: Time = {
  monotonic: performance,
  wall: Date,
  setTimeout,
  setInterval,
  setImmediate,
};

/** Resolves after so many milliseconds. */
export function sleep(time: Time, delayMs: number): Promise<void> {
  return new Promise((resolve) => void time.setTimeout(resolve, delayMs));
}
