/** The memory that bodies take while they are received and decoded, all together. */
import type { ServerResponse } from 'node:http';

export interface BodyLimits {
  /** Of one body, decoded. */
  readonly maxBytes: number;
  /** Of all bodies that are being received and decoded, together. */
  readonly memory: BodyMemory;
}

export class BodyMemory {
  #free: number;

  /** `maxBytes` for all requests together. */
  constructor(maxBytes: number) {
    this.#free = maxBytes;
  }

  /** The part that the body of one request has. It is given back when its answer has gone, or its connection. */
  shareFor(response: ServerResponse): MemoryShare {
    const share = new MemoryShare(this);
    response.once('close', () => share.giveBack());
    return share;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#free >= bytes;
  }

  take(bytes: number): void {
    this.#free -= bytes;
  }
}

export class MemoryShare {
  readonly #memory: BodyMemory;
  #bytes = 0;
  #isGivenBack = false;

  constructor(memory: BodyMemory) {
    this.#memory = memory;
  }

  /** From now on the share is this large; false, and it stays as it is, where there is no room for that. */
  resize(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more > 0 && !this.#memory.hasRoomFor(more)) return false;
    this.force(bytes);
    return true;
  }

  /** The same, room or not: for what is there already, and for the one that must go on for others to come after it. */
  force(bytes: number): void {
    if (this.#isGivenBack) return;
    this.#memory.take(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  giveBack(): void {
    this.force(0);
    this.#isGivenBack = true;
  }
}
