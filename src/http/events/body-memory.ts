/**
 * The memory that all bodies together take while they are received, decoded and handled. A body that needs more than is
 * free waits in a line, in which no later body overtakes it. So a few large bodies arrive at a time, and each completes.
 */
import { refusal } from '../../errors.ts';
import type { Shown } from '../answer-memory.ts';
import type { HttpResponse } from '../exchange.ts';
import { systemTime, type Time, type Timer } from '../../support/time.ts';
import type { Lend } from './body-buffer.ts';

export interface BodyLimits {
  /** Most bytes of one body, decoded. */
  readonly maxBytes: number;
  /** The memory of all bodies. */
  readonly memory: BodyMemory;
  /** Lends blocks of the pool for large bodies. */
  readonly lend: Lend;
}

/** The refusal of a body for which there is no memory in time. */
export const NO_MEMORY = refusal('unavailable', 'Too much is being received at once');

/** Milliseconds that a body waits for memory. Java clients wait 5 s for their answer, and the disk needs some of that. */
const WAIT_MS = 2000;

/** Milliseconds in which a body must have arrived once it has its memory, while others wait. It is refused otherwise. */
const HOLD_MS = 5000;

/** Milliseconds between two checks for such bodies. */
const CHECK_MS = 500;

/** Bytes that a waiting request takes: what Node has read of its body, up to the high-water mark of two streams. */
const WAITING_BYTES = 128 * 1024;

/** Bodies that may wait in any case. */
const MIN_WAITING = 64;

interface Waiting {
  readonly bytes: number;
  readonly granted: () => void;
  readonly refused: () => void;
  readonly timer: Timer;
}

/** Counts bytes of memory, and lends them. It allocates nothing itself. */
export class BodyMemory {
  readonly #maxBytes: number;
  readonly #time: Time;
  readonly #shown: Shown | undefined;
  #taken = 0;
  /** In order. */
  readonly #line = new Map<MemoryShare, Waiting>();
  /** Shares of bodies that are arriving, in the order in which they got their memory. */
  readonly #arriving = new Map<MemoryShare, { readonly since: number; readonly refused: () => void }>();
  #checks: Timer | undefined;

  /** `maxBytes` is for all requests together. One body alone may take more. */
  constructor(maxBytes: number, time: Time = systemTime, shown?: Shown) {
    this.#maxBytes = maxBytes;
    this.#shown = shown;
    this.#time = time;
  }

  /** Bytes that are lent now. */
  get taken(): number {
    return this.#taken;
  }

  /** The share of one request's body. It is given back when the answer is sent or the connection closes. */
  shareFor(response: Pick<HttpResponse, 'once'>): MemoryShare {
    const share = new MemoryShare(this);
    response.once('close', () => share.giveBack());
    return share;
  }

  /** True if a share of `own` bytes can get `bytes` at once. */
  isFree(bytes: number, own = 0): boolean {
    return this.#line.size === 0 && this.#fits(bytes, own);
  }

  /** Changes the bytes that are lent, and lets those in the line go on. */
  lend(more: number): void {
    this.#taken += more;
    this.#shown?.set(this.#taken);
    if (more < 0) this.#advance();
  }

  /** Puts a share into the line for `bytes` in all. Calls back once, unless the share leaves the line first. */
  wait(share: MemoryShare, bytes: number, granted: () => void, refused: () => void): void {
    if (this.#line.size >= Math.max(MIN_WAITING, this.#maxBytes / WAITING_BYTES)) {
      refused();
      return;
    }
    const giveUp = () => {
      this.leave(share);
      refused();
    };
    this.#line.set(share, { bytes, granted, refused, timer: this.#time.setTimeout(giveUp, WAIT_MS) });
    this.#checks ??= this.#time.setInterval(() => this.#refuseSlow(), CHECK_MS);
  }

  /** The body of a share begins to arrive. `refused` is called if it takes too long while others wait. */
  arriving(share: MemoryShare, refused: () => void): void {
    this.#arriving.set(share, { since: this.#time.monotonic.now(), refused });
  }

  /** The body of a share has arrived, or never will. */
  arrived(share: MemoryShare): void {
    this.#arriving.delete(share);
  }

  /** Takes a share out of the line. */
  leave(share: MemoryShare): void {
    this.#line.get(share)?.timer[Symbol.dispose]();
    this.#line.delete(share);
    if (this.#line.size > 0) return;
    this.#checks?.[Symbol.dispose]();
    this.#checks = undefined;
  }

  #fits(bytes: number, own: number): boolean {
    return this.#taken - own + bytes <= this.#maxBytes || this.#taken === own;
  }

  #advance(): void {
    for (const [share, { bytes, granted }] of this.#line) {
      if (!this.#fits(bytes, share.bytes)) return;
      this.leave(share);
      share.resize(bytes);
      granted();
    }
  }

  #refuseSlow(): void {
    const now = this.#time.monotonic.now();
    for (const [share, { since, refused }] of this.#arriving) {
      if (now - since < HOLD_MS) return;
      this.arrived(share);
      refused();
    }
  }
}

/** The bytes of memory that one body has taken. */
export class MemoryShare {
  readonly #memory: BodyMemory;
  #bytes = 0;
  #isGivenBack = false;

  constructor(memory: BodyMemory) {
    this.#memory = memory;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Gets `bytes` in all, now or later. Calls one of the two; neither if the share is given back first. */
  reserve(bytes: number, granted: () => void, refused: () => void): void {
    if (this.#isGivenBack) return;
    if (this.#memory.isFree(bytes, this.#bytes)) {
      this.resize(bytes);
      granted();
    } else this.#memory.wait(this, bytes, granted, refused);
  }

  /** Sets the size, also if there is no room: for bytes that exist already. */
  resize(bytes: number): void {
    if (this.#isGivenBack) return;
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    this.#memory.lend(more);
  }

  /** The body begins to arrive. `refused` is called if it takes too long while others wait. */
  arriving(refused: () => void): void {
    if (!this.#isGivenBack) this.#memory.arriving(this, refused);
  }

  arrived(): void {
    this.#memory.arrived(this);
  }

  /** Gives all bytes back, and leaves the line. The share stays empty from then on. */
  giveBack(): void {
    if (this.#isGivenBack) return;
    this.#memory.leave(this);
    this.#memory.arrived(this);
    this.resize(0);
    this.#isGivenBack = true;
  }
}
