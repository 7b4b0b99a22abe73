/**
 * The bytes of a body while it arrives. A large body lies in a block of the pool, in which the check reads it: so it is
 * copied once. A body for which the pool has no room has a buffer of its own.
 */
import type { Block } from '../../support/memory/byte-pool.ts';

/** Lends a block for a body of at most `bytes` bytes; undefined if there is no room. */
export type Lend = (bytes: number) => Block | undefined;

/** A smaller body stays in the buffer in which Node hands it over. For an event of 5 KB, a block would cost more. */
export const MIN_POOLED_BYTES = 16 * 1024;

/** Bytes of the first buffer of a body whose length is not known. */
export const UNKNOWN_BYTES = 64 * 1024;

export class BodyBuffer {
  readonly #lend: Lend;
  readonly #ownsPieces: boolean;
  #block: Block | undefined;
  #bytes: Buffer | undefined;
  #size = 0;

  /** `ownsPieces`: as in `HttpRequest`. */
  constructor(lend: Lend, ownsPieces: boolean) {
    this.#lend = lend;
    this.#ownsPieces = ownsPieces;
  }

  /** Adds a piece of a body of `declared` bytes; 0 if that is not known. Then it has at most `room` bytes. */
  append(piece: Buffer, declared: number, room: number): void {
    const end = this.#size + piece.length;
    if (!this.#bytes && declared >= MIN_POOLED_BYTES) {
      this.#block = this.#lend(declared);
      this.#bytes = this.#block?.view(declared);
    }
    if (!this.#bytes || this.#bytes.length < end) {
      const larger = Buffer.allocUnsafeSlow(declared > 0 ? declared : Math.min(room, capacityFor(end)));
      this.#bytes?.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    piece.copy(this.#bytes, this.#size);
    if (isAlone(piece, this.#ownsPieces)) free(piece.buffer);
    this.#size = end;
  }

  /** The whole body. If it is in a block, the pin of the block is the caller's from now on. */
  take(): Buffer {
    const bytes = this.#bytes?.subarray(0, this.#size) ?? Buffer.alloc(0);
    const body = this.#block?.view(this.#size) ?? moved(bytes, this.#lend);
    this.#block = undefined;
    this.#bytes = undefined;
    return body;
  }

  /** The body will not be whole. */
  drop(): void {
    this.#block?.unpin();
    this.#block = undefined;
    this.#bytes = undefined;
  }
}

/**
 * The same bytes in a block, if they are many and there is room. The pin of the block is the caller's. No other part of
 * the buffer of `bytes` may be in use, unless that is a slab of Node's pool for small buffers.
 */
export function moved(bytes: Buffer, lend: Lend): Buffer {
  if (bytes.length < MIN_POOLED_BYTES) return bytes;
  const view = lend(bytes.length)?.view(bytes.length);
  if (!view) return bytes;
  bytes.copy(view);
  // Node takes only less than half of a slab for one buffer.
  if (bytes.length * 2 > bytes.buffer.byteLength) free(bytes.buffer);
  return view;
}

/** The same for a piece, which may be a part of a larger buffer that serves others as well. `isOwned`: it does not. */
export function movedPiece(piece: Buffer, lend: Lend, isOwned: boolean): Buffer {
  return isAlone(piece, isOwned) ? moved(piece, lend) : piece;
}

/** True if the buffer of a piece serves nothing else. An owned piece may follow its head, or be in a slab of Node's pool. */
function isAlone(piece: Buffer, isOwned: boolean): boolean {
  const { byteLength } = piece.buffer;
  return isOwned ? piece.length * 2 > byteLength : piece.length === byteLength;
}

/**
 * Frees memory at once. Otherwise it waits for the garbage collector, which looks through all objects whenever 64 MiB of
 * such memory have come together: that was a quarter of the cost of a large event.
 */
function free(memory: ArrayBufferLike): void {
  if (memory instanceof ArrayBuffer && !memory.detached) memory.transfer(0);
}

/** The size of a buffer for `bytes`: a power of two, so that a growing body is copied a few times only. */
function capacityFor(bytes: number): number {
  return Math.max(UNKNOWN_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
}
