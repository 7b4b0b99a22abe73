/**
 * Lends blocks of one piece of memory. A new buffer for each large body costs more than the body: V8 counts such memory,
 * and collects all garbage whenever 64 MiB of it were allocated.
 *
 * A block that is used after it was given back would be a wrong event in Kafka. So there are two ways back:
 *
 * - All who have pinned the block have unpinned it. Only those do that who know that nothing reads it any more.
 * - The garbage collector finds that no object has the block, nor a buffer that `view` or `part` has made of it.
 *   So a pin may simply be dropped where that is not known: an event on its way to the disk, a request sent twice.
 *
 * With NODE_DEBUG=http2kafka-memory, blocks are overwritten when they are given back, which shows such a mistake. Tests
 * run so.
 */

import { debuglog } from 'node:util';

/** Blocks begin at multiples of this, and have as many bytes. */
const UNIT = 4096;

/** A pool that poisons fills each block that it gets back with this byte. It is valid in no UTF-8 text. */
export const POISON = 0xfd;

/** Bytes of zeros after each view. A reader in steps of several bytes may read them. */
export const PADDING = 32;

/** The block of each buffer that was made of one. A buffer keeps its block from being collected. */
const blocks = new WeakMap<Buffer, Block>();

/** The block in which these bytes are. Undefined if they are in no pool. */
export function blockOf(bytes: Buffer): Block | undefined {
  return blocks.get(bytes);
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

export class BytePool {
  readonly memory: ArrayBuffer;
  readonly #start: number;
  readonly #poisons: boolean;
  /** What is free, in order. The first that is large enough is taken, so that most of the memory stays untouched. */
  readonly #free: Extent[];
  readonly #dropped = new FinalizationRegistry<Extent>((extent) => this.#giveBack(extent));
  #taken = 0;

  /** Lends the bytes of `memory` from `start` to `end`. */
  constructor(
    memory: ArrayBuffer,
    start: number,
    end: number,
    poisons = debuglog('http2kafka-memory').enabled,
  ) {
    this.memory = memory;
    this.#start = Math.ceil(start / UNIT) * UNIT;
    this.#poisons = poisons;
    this.#free = [{ start: this.#start, end: Math.floor(end / UNIT) * UNIT }];
  }

  /** Bytes that are lent now. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * A block for views of at most `bytes` bytes, which has one pin. Its content is arbitrary.
   * Undefined if there is no room for it, or if more than `limit` bytes were lent with it.
   */
  take(bytes: number, limit = Number.POSITIVE_INFINITY): Block | undefined {
    const size = Math.ceil((bytes + PADDING) / UNIT) * UNIT;
    if (this.#taken + size > limit) return undefined;
    const index = this.#free.findIndex(({ start, end }) => end - start >= size);
    const found = this.#free[index];
    if (!found) return undefined;
    const extent = { start: found.start, end: found.start + size };
    if (extent.end === found.end) this.#free.splice(index, 1);
    else this.#free[index] = { start: extent.end, end: found.end };
    this.#taken += size;
    const block = new Block(this.memory, extent.start, size, () => {
      this.#dropped.unregister(block);
      this.#giveBack(extent);
    });
    this.#dropped.register(block, extent, block);
    return block;
  }

  #giveBack({ start, end }: Extent): void {
    this.#taken -= end - start;
    if (this.#poisons) Buffer.from(this.memory, start, end - start).fill(POISON);
    // The first extent behind it.
    let index = 0;
    let above = this.#free.length;
    while (index < above) {
      const middle = (index + above) >> 1;
      if ((this.#free[middle]?.start ?? 0) < start) index = middle + 1;
      else above = middle;
    }
    const before = this.#free[index - 1];
    const behind = this.#free[index];
    const joinsBefore = before?.end === start;
    const joinsBehind = behind?.start === end;
    const whole = { start: joinsBefore ? before.start : start, end: joinsBehind ? behind.end : end };
    this.#free.splice(joinsBefore ? index - 1 : index, Number(joinsBefore) + Number(joinsBehind), whole);
  }
}

/** Some bytes of a pool. */
export class Block {
  /** Bytes that it takes of the pool. */
  readonly size: number;
  readonly #memory: ArrayBuffer;
  readonly #start: number;
  readonly #giveBack: () => void;
  #pins = 1;

  constructor(memory: ArrayBuffer, start: number, size: number, giveBack: () => void) {
    this.size = size;
    this.#memory = memory;
    this.#start = start;
    this.#giveBack = giveBack;
  }

  /** The first `length` bytes, with zeros after them. */
  view(length: number): Buffer {
    if (length + PADDING > this.size) throw new RangeError('the block is smaller than its view');
    const end = this.#start + length;
    Buffer.from(this.#memory, end, PADDING).fill(0);
    return this.#tied(this.#start, end);
  }

  /** A part of a view, as a buffer that also keeps the block. */
  part(view: Buffer, start: number, end: number): Buffer {
    return this.#tied(view.byteOffset + start, view.byteOffset + end);
  }

  /** Something else uses the block, too. */
  pin(): void {
    if (this.#pins === 0) throw new Error('the block was given back');
    this.#pins += 1;
  }

  /** Ends one use. With the last one the block goes back to its pool: no buffer made of it may be read from then on. */
  unpin(): void {
    if (this.#pins === 0) throw new Error('the block was given back');
    this.#pins -= 1;
    if (this.#pins === 0) this.#giveBack();
  }

  #tied(start: number, end: number): Buffer {
    const bytes = Buffer.from(this.#memory, start, end - start);
    blocks.set(bytes, this);
    return bytes;
  }
}
