/**
 * The time of one process. It runs on the world's time. The process can be stopped and continued (SIGSTOP, SIGCONT)
 * and killed, and its wall clock can step. The world's other parts do not notice.
 */
import type { Clock, Time, Timer } from '../../src/support/time.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';

export class ProcessTime implements Time {
  readonly #world: SimulatedTime;
  readonly #timers = new Set<Timer>();
  readonly #held: (() => void)[] = [];
  readonly #firstOffsetMs: number;
  #wallOffsetMs: number;
  #isStopped = false;
  #isDead = false;
  #readAt = 0;
  #reads = 0;
  readonly monotonic: Clock;
  readonly wall: Clock;

  /** `wallOffsetMs`: how far the machine's wall clock is ahead of the world's. */
  constructor(world: SimulatedTime, wallOffsetMs: number) {
    this.#world = world;
    this.#firstOffsetMs = wallOffsetMs;
    this.#wallOffsetMs = wallOffsetMs;
    this.monotonic = { now: () => this.#read() };
    this.wall = { now: () => world.wall.now() + this.#wallOffsetMs };
  }

  /** Most reads of the monotonic clock at one moment. It shows how much work the process does at a time. */
  mostReads = 0;

  /** The latest time that the process can think it is: its wall clock may have been set back since its start. */
  get latestWall(): number {
    return this.#world.wall.now() + Math.max(this.#firstOffsetMs, this.#wallOffsetMs);
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer = new ProcessTimer(this.#timers);
    timer.inner = this.#world.setTimeout(() => this.run(() => timer.fire(callback, true)), delayMs);
    return timer;
  }

  setInterval(callback: () => void, intervalMs: number): Timer {
    const timer = new ProcessTimer(this.#timers);
    // However long a process was stopped, an interval then goes off once.
    let isHeld = false;
    timer.inner = this.#world.setInterval(() => {
      if (isHeld) return;
      isHeld = true;
      this.run(() => {
        isHeld = false;
        timer.fire(callback, false);
      });
    }, intervalMs);
    return timer;
  }

  setImmediate(callback: () => void): void {
    this.#world.setImmediate(() => this.run(callback));
  }

  /** Runs what happens to the process: at once, when it continues, or never. */
  run(callback: () => void): void {
    if (this.#isDead) return;
    if (this.#isStopped) this.#held.push(callback);
    else callback();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** The clock of a stopped process has gone on: all that was due happens now. */
  continue(): void {
    this.#isStopped = false;
    for (const callback of this.#held.splice(0)) this.setImmediate(callback);
  }

  kill(): void {
    this.#isDead = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#held.length = 0;
  }

  #read(): number {
    const now = this.#world.monotonic.now();
    if (now !== this.#readAt) this.#reads = 0;
    this.#readAt = now;
    this.#reads += 1;
    this.mostReads = Math.max(this.mostReads, this.#reads);
    return now;
  }

  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}

class ProcessTimer implements Timer {
  inner: Timer | undefined;
  readonly #all: Set<Timer>;
  #isOver = false;

  constructor(all: Set<Timer>) {
    this.#all = all;
    all.add(this);
  }

  /** A timer that was cancelled while its process was stopped does not go off. */
  fire(callback: () => void, isLast: boolean): void {
    if (this.#isOver) return;
    if (isLast) this.#end();
    callback();
  }

  unref(): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.#end();
    this.inner?.[Symbol.dispose]();
  }

  #end(): void {
    this.#isOver = true;
    this.#all.delete(this);
  }
}
