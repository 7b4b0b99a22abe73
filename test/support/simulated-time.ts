/**
 * Time that a test moves by hand. An hour of outage takes milliseconds, and the same hour runs twice in the same way.
 * Only what is handed this time obeys it: work on threads or sockets is not waited for.
 */
import type { Clock, Time, Timer } from '../../src/support/time.ts';

/** Node takes a longer delay for one of 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Turns of the event loop at one moment, at most: more of them are an endless loop. */
const MAX_TURNS = 100_000;

/** Kept from the moment the file is loaded: a test may replace the global one. */
const realImmediate = setImmediate;

class SimulatedTimer implements Timer {
  readonly callback: () => void;
  /** On the monotonic clock. */
  dueAt: number;
  /** Timers due at the same moment go off in the order in which they were set. */
  order: number;
  readonly intervalMs: number | undefined;
  readonly #cancel: (timer: SimulatedTimer) => void;

  constructor(
    callback: () => void,
    dueAt: number,
    order: number,
    intervalMs: number | undefined,
    cancel: (timer: SimulatedTimer) => void,
  ) {
    this.callback = callback;
    this.dueAt = dueAt;
    this.order = order;
    this.intervalMs = intervalMs;
    this.#cancel = cancel;
  }

  /** Keeps no process alive in any case. */
  unref(): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.#cancel(this);
  }
}

export class SimulatedTime implements Time {
  #monotonicMs = 1_000;
  #wallMs: number;
  #order = 0;
  readonly #timers = new Set<SimulatedTimer>();
  #immediates: (() => void)[] = [];
  readonly monotonic: Clock = { now: () => this.#monotonicMs };
  readonly wall: Clock = { now: () => this.#wallMs };

  /** `wallMs` is the start of the wall clock, in milliseconds since the epoch. The monotonic clock starts elsewhere. */
  constructor(wallMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#wallMs = wallMs;
  }

  /** Timers that are set, intervals included. */
  get timers(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    return this.#set(callback, delayMs, false);
  }

  setInterval(callback: () => void, intervalMs: number): Timer {
    return this.#set(callback, intervalMs, true);
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  /** Steps the wall clock, as an operator or NTP does. The monotonic clock and the timers do not notice. */
  stepWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** Runs immediates and lets promises settle, until nothing is left to do at this moment. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      await allPromises();
      const due = this.#immediates;
      if (due.length === 0) return;
      // What these set in turn runs in the next turn, as in Node.
      this.#immediates = [];
      for (const callback of due) {
        callback();
        await allPromises();
      }
    }
    throw new Error(`the program is not done after ${MAX_TURNS} turns of the event loop`);
  }

  /** Lets so many milliseconds pass: timers go off in order, each at its own moment, and promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonicMs + ms;
    await this.settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#passTo(next.dueAt);
      if (next.intervalMs === undefined) this.#timers.delete(next);
      else {
        next.dueAt += next.intervalMs;
        next.order = this.#order++;
      }
      next.callback();
      await this.settle();
    }
    this.#passTo(end);
  }

  /** Lets time pass, a timer at a time, until `isSo`. Returns how many milliseconds that took; throws after `limitMs`. */
  async until(isSo: () => boolean, limitMs = 60_000): Promise<number> {
    const start = this.#monotonicMs;
    await this.settle();
    while (!isSo()) {
      const next = this.#next(start + limitMs);
      if (!next) throw new Error(`it is not so after ${limitMs} ms`);
      await this.advance(next.dueAt - this.#monotonicMs);
    }
    return this.#monotonicMs - start;
  }

  #set(callback: () => void, delayMs: number, isInterval: boolean): Timer {
    if (!(delayMs <= MAX_DELAY_MS)) throw new RangeError(`${delayMs} ms: Node would wait for 1 ms`);
    // As Node does it.
    const delay = Math.max(1, Math.trunc(delayMs));
    const timer = new SimulatedTimer(
      callback,
      this.#monotonicMs + delay,
      this.#order++,
      isInterval ? delay : undefined,
      (cancelled) => this.#timers.delete(cancelled),
    );
    this.#timers.add(timer);
    return timer;
  }

  #next(end: number): SimulatedTimer | undefined {
    let first: SimulatedTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt > end) continue;
      if (!first || timer.dueAt < first.dueAt || (timer.dueAt === first.dueAt && timer.order < first.order))
        first = timer;
    }
    return first;
  }

  #passTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** A turn of the real event loop begins only when no promise has anything left to do. */
function allPromises(): Promise<void> {
  return new Promise((resolve) => void realImmediate(resolve));
}
