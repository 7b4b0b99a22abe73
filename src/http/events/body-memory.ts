/** The memory that all bodies together take while they are received and decoded. */
import type { ServerResponse } from 'node:http';

export interface BodyLimits {
  /** Most bytes of one body, decoded. */
  readonly maxBytes: number;
  /** The memory of all bodies that are being received and decoded. */
  readonly memory: BodyMemory;
}

/** Counts the bytes of memory that are free for bodies. It allocates nothing itself. */
export class BodyMemory {
  #free: number;

  /** `maxBytes` is for all requests together. */
  constructor(maxBytes: number) {
    this.#free = maxBytes;
  }

  /** The share of one request's body. It is given back when the answer is sent or the connection closes. */
  shareFor(response: ServerResponse): MemoryShare {
    const share = new MemoryShare(this);
    response.once('close', () => share.giveBack());
    return share;
  }

  /** True if `bytes` more are free. */
  hasRoomFor(bytes: number): boolean {
    return this.#free >= bytes;
  }

  /** Takes bytes, even if they are not free. A negative number gives bytes back. */
  take(bytes: number): void {
    this.#free -= bytes;
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

  /** Sets the size of the share. Returns false, and changes nothing, if there is no room for that. */
  resize(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more > 0 && !this.#memory.hasRoomFor(more)) return false;
    this.force(bytes);
    return true;
  }

  /**
   * Sets the size of the share even if there is no room. For bytes that already exist, and for a body that must be
   * decoded before others can be.
   */
  force(bytes: number): void {
    if (this.#isGivenBack) return;
    this.#memory.take(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Gives all bytes back. The share stays empty from then on. */
  giveBack(): void {
    this.force(0);
    this.#isGivenBack = true;
  }
}
