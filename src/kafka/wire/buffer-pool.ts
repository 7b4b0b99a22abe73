/**
 * Buffers to be used again. A new one for every batch, of a megabyte or so, costs the kernel's zeroed pages, and more:
 * V8 counts such memory and collects all garbage whenever enough of it was asked for.
 */

/** Bytes of the smallest buffer handed out. */
const MIN_SIZE = 16 * 1024;

/** Bytes of all buffers that are kept for later, at most. */
const MAX_KEPT = 16 * 1024 * 1024;

export class BufferPool {
  /** By their size, a power of two. */
  readonly #kept = new Map<number, Buffer[]>();
  #keptBytes = 0;

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    const size = Math.max(MIN_SIZE, 2 ** Math.ceil(Math.log2(bytes)));
    const kept = this.#kept.get(size)?.pop();
    if (!kept) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return kept;
  }

  /** Gives back what `take` handed out, once, when nobody looks into it any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (this.#keptBytes + size > MAX_KEPT) return;
    this.#keptBytes += size;
    const kept = this.#kept.get(size);
    if (kept) kept.push(buffer);
    else this.#kept.set(size, [buffer]);
  }
}
