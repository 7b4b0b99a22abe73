/** One segment: a file of events, and a file with their marks. segment-format.ts describes both. */
import { basename, join } from 'node:path';
import type { Clock } from '../support/time.ts';
import { readAll, writeAll, type Disk, type DiskFile, type Machine } from './disk.ts';
import { Mark, Marks, type MarkValue } from './marks.ts';
import { NewerFormat } from './newer-format.ts';
import { Holds, Pins } from './shared/pins.ts';
import {
  decodeHeader,
  encodeFrameHeader,
  encodeHeader,
  eventSize,
  findFrames,
  formatName,
  FRAME_HEADER_SIZE,
  HEADER_SIZE,
  PLAIN_VERSION,
  VERSION,
  type Frame,
  type Reference,
  type SegmentName,
} from './segment-format.ts';

/** Most bytes of one read. An event that stays in memory keeps all bytes of its read there, so they must be few. */
const READ_BYTES = 1024 * 1024;

/** Least bytes of one read: most events fit in. */
const LEAST_READ_BYTES = 4096;

/** A read that finds no whole frame is so many times as long as the one before. */
const READ_GROWTH = 4;

/** How much a read may give to its caller. One event is given whatever its size. */
export interface ReadLimit {
  /** Bytes of all events. */
  readonly bytes: number;
  /** Bytes that each event counts in addition to its own: the memory that the caller needs. */
  readonly perEvent: number;
}

const NO_BYTES = Buffer.alloc(0);

const UNLIMITED: ReadLimit = { bytes: Number.POSITIVE_INFINITY, perEvent: 0 };

export interface FramesRead {
  readonly frames: readonly Frame[];
  /** The position of the next read. */
  readonly next: number;
}

/** An event for the spool. */
export interface Payload {
  /** The bytes of the event, in pieces. They are written one after the other, without a copy. */
  readonly parts: readonly Buffer[];
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
  /** The segment that has the bytes of the event, if the parts are a reference to them. */
  readonly body?: Segment | undefined;
}

/** Bytes of a payload in a segment, its frame header included. */
export function frameSize({ parts }: Payload): number {
  let size = FRAME_HEADER_SIZE;
  for (const part of parts) size += part.length;
  return size;
}

export class Segment {
  readonly number: number;
  readonly path: string;
  readonly marks: Marks;
  /** Of its format. It tells whether there may be references. */
  readonly version: number;
  /** Undelivered references to its events. It stays on disk as long as there are any. */
  readonly pins = new Pins();
  /** What its own undelivered references name. */
  readonly holds = new Holds();
  /** It is removed, or is being removed. */
  isRetired = false;
  /** Creation time, in milliseconds since the epoch. Its events arrived at this time or later, with small exceptions. */
  readonly createdAt: number;
  /** Its age goes by the monotonic clock from here on. The age of an earlier process's segment is 0 at least. */
  readonly #ageAtOpening: number;
  readonly #openedAt: number;
  readonly #clock: Clock;
  /** Bytes that can be read. */
  size = HEADER_SIZE;
  /** Number of frames that cannot be read. */
  damaged = 0;
  /** Number of frames that an earlier process sent to Kafka without an answer. */
  unanswered = 0;
  /** The file was removed while the proxy ran, and with it the events that are on disk only. */
  isLost = false;
  #scanDamage = 0;
  /** Bytes that a read has found behind what it gave, for the next read. */
  #ahead: { readonly from: number; readonly bytes: Buffer } | undefined;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #seed: number;
  /** The identity of the open file. */
  #identity: string | undefined;
  /** Open while the proxy writes to the segment. */
  #file: DiskFile | undefined;

  private constructor(
    { disk, time }: Machine,
    folder: string,
    name: SegmentName,
    createdAt: number,
    version: number,
  ) {
    const path = join(folder, formatName(name));
    this.#disk = disk;
    this.#folder = folder;
    this.#clock = time.monotonic;
    this.#openedAt = time.monotonic.now();
    this.#ageAtOpening = Math.max(0, time.wall.now() - createdAt);
    this.#seed = name.seed;
    this.number = name.number;
    this.path = `${path}.log`;
    this.marks = new Marks(disk, `${path}.marks`, name.seed);
    this.createdAt = createdAt;
    this.version = version;
  }

  /** A new segment to write to. Resolves when it survives a power cut. Leaves no file behind when it rejects. */
  static async create(
    machine: Machine,
    folder: string,
    number: number,
    version = PLAIN_VERSION,
  ): Promise<Segment> {
    const { disk, time, randomSeed } = machine;
    const segment = new Segment(machine, folder, { number, seed: randomSeed() }, time.wall.now(), version);
    segment.#file = await disk.create(segment.path);
    try {
      await segment.#writeAll([encodeHeader(segment.createdAt, version)], 0);
      await segment.#file.sync();
      await disk.syncFolder(folder);
      segment.#identity = await segment.#file.identity();
      return segment;
    } catch (error) {
      await segment.close();
      await disk.remove(segment.path).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Loads a segment of an earlier process, for reading only. The frames of a segment that was not sealed are counted. A
   * torn frame at the end was never acknowledged, and is skipped.
   * @throws {NewerFormat}
   */
  static async load(machine: Machine, folder: string, name: SegmentName): Promise<Segment> {
    const { disk, time } = machine;
    const path = join(folder, `${formatName(name)}.log`);
    const file = await disk.open(path);
    try {
      const size = await disk.size(path);
      const header = Buffer.alloc(HEADER_SIZE);
      await readAll(file, header, 0);
      const facts = decodeHeader(header);
      if (facts && facts.version > VERSION) throw new NewerFormat(path, facts.version, VERSION);
      // A damaged header tells no version, and there may be references.
      const { createdAt, version } = facts ?? { createdAt: time.wall.now(), version: VERSION };
      const segment = new Segment(machine, folder, name, createdAt, version);
      segment.size = size;
      const sealed = await segment.marks.load();
      segment.unanswered = segment.marks.adopt(sealed ?? (await segment.#countFrames(file)));
      if (sealed === undefined) segment.marks.seal();
      return segment;
    } finally {
      await file.close();
    }
  }

  /** Milliseconds since its creation. A step of the machine's clock does not change it. */
  get ageMs(): number {
    return this.#ageAtOpening + this.#clock.now() - this.#openedAt;
  }

  /** Number of frames that are on disk only. */
  get unread(): number {
    return this.marks.of(Mark.kept);
  }

  /** Writes frames at the end. Resolves when they survive a power cut. `admit` then counts each of them. */
  async write(payloads: readonly Payload[]): Promise<void> {
    const first = this.marks.count;
    const buffers = payloads.flatMap(({ parts, arrivedAt, body }, index) => [
      encodeFrameHeader(this.#seed, first + index, arrivedAt, parts, body !== undefined),
      ...parts,
    ]);
    await this.#writeAll(buffers, this.size);
    await this.#file?.sync();
  }

  /**
   * Does the path still lead to the open file? Someone may have removed or replaced the file or a folder above it. A
   * sync of the open file then succeeds, and the next process finds nothing.
   */
  async isInPlace(): Promise<boolean> {
    return (await this.#disk.identity(this.path)) === this.#identity;
  }

  /**
   * Puts the file back in its place, with its first `size` bytes, which are read from the open file. Its folder must
   * exist. Resolves when it survives a power cut.
   */
  async restore(size: number): Promise<void> {
    const old = this.#file;
    if (!old) throw new Error(`${this.path} is not open`);
    const bytes = Buffer.allocUnsafeSlow(size);
    if ((await readAll(old, bytes, 0)) < size) throw new Error(`${this.path} cannot be read back`);
    // A file of this name is a copy of this one, as the name contains the random seed.
    const isThere = (await this.#disk.identity(this.path)) !== undefined;
    this.#file = await (isThere ? this.#disk.open(this.path) : this.#disk.create(this.path));
    try {
      await this.#writeAll([bytes], 0);
      await this.#file.truncate(size);
      await this.#file.sync();
      await this.#disk.syncFolder(this.#folder);
      this.#identity = await this.#file.identity();
    } catch (error) {
      await this.#file.close().catch(() => undefined);
      this.#file = old;
      throw error;
    }
    await old.close().catch(() => undefined);
    this.marks.rewrite();
  }

  /** The file is gone, with all events that are on disk only. Returns their number. */
  lose(): number {
    this.isLost = true;
    this.marks.stop();
    return this.noteDamage(0, this.marks.count);
  }

  /** Counts the next written frame, which can be read from now on. Returns its ordinal. */
  admit(payload: Payload, mark: MarkValue): number {
    this.size += frameSize(payload);
    this.marks.add(mark);
    if (payload.body && mark !== Mark.delivered) this.holds.add(payload.body);
    else payload.body?.pins.remove();
    return this.marks.count - 1;
  }

  /** A reference to the frame that begins at `offset` and has `length` bytes. */
  referenceTo(ordinal: number, offset: number, length: number): Reference {
    const topic = basename(this.#folder);
    return { topic, number: this.number, seed: this.#seed, ordinal, offset, length };
  }

  /** Is this the segment of that name? */
  isNamed({ number, seed }: SegmentName): boolean {
    return this.number === number && this.#seed === seed;
  }

  /** No more frames are added. Cuts off the remains of a failed write, if the disk allows it. */
  async seal(afterFailure: boolean): Promise<void> {
    if (afterFailure) await this.#file?.truncate(this.size).catch(() => undefined);
    await this.close();
    this.marks.seal();
  }

  /**
   * The undamaged frames from this position on, as many as one read returns and the limit allows. When the next position
   * is `size`, all bytes are read.
   */
  async read(from: number, limit = UNLIMITED): Promise<FramesRead> {
    const { size } = this;
    const file = await this.#disk.open(this.path);
    try {
      let bytes = this.#ahead?.from === from ? this.#ahead.bytes : NO_BYTES;
      this.#ahead = undefined;
      let to = from + bytes.length;
      let more = Math.floor(Math.max(LEAST_READ_BYTES, Math.min(READ_BYTES, limit.bytes)));
      for (;;) {
        const frames = [...findFrames(bytes, this.#seed)];
        const last = frames.at(-1);
        // The file may be shorter than it was.
        if (to >= size) return this.#within(limit, from, bytes, { frames, next: size });
        if (last) return this.#within(limit, from, bytes, { frames, next: from + last.end });
        to = Math.min(size, to + more);
        bytes = await extended(file, from, bytes, to);
        // A frame is larger than this read, or it is damaged.
        more *= READ_GROWTH;
      }
    } finally {
      await file.close();
    }
  }

  /** The undelivered frames from this ordinal on, as long as the segment `isThere`. Changes no mark but of damaged ones. */
  async *scan(from: number, isThere: () => boolean): AsyncGenerator<Frame, void> {
    const { size, marks } = this;
    const { count } = marks;
    let next = 0;
    for (let offset = 0; offset < size && isThere();) {
      const read = await this.read(offset);
      offset = read.next;
      for (const frame of read.frames) {
        const { ordinal } = frame;
        if (ordinal >= count) continue;
        this.#scanDamage += this.noteDamage(next, ordinal);
        next = ordinal + 1;
        if (ordinal >= from && marks.isUndelivered(ordinal)) yield frame;
      }
    }
    if (isThere()) this.#scanDamage += this.noteDamage(next, count);
  }

  /** The number of frames that scans have found damaged since the last call. */
  takeScanDamage(): number {
    const damaged = this.#scanDamage;
    this.#scanDamage = 0;
    return damaged;
  }

  /** Marks frames that were not found as damaged: from this ordinal, up to and without that one. Returns their number. */
  noteDamage(from: number, to: number): number {
    const before = this.damaged;
    for (let ordinal = from; ordinal < to; ordinal++) {
      if (this.marks.get(ordinal) !== Mark.kept) continue;
      this.marks.set(ordinal, Mark.damaged);
      this.damaged += 1;
    }
    return this.damaged - before;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  /** Removes the files. A segment with damaged frames is set aside, so that an operator can examine it. */
  async remove(): Promise<void> {
    await this.close();
    if (this.isLost) return;
    if (this.damaged > 0) await this.#disk.rename(this.path, this.asidePath);
    else await this.#disk.remove(this.path);
    await this.marks.remove();
  }

  /** The path of the segment after it is set aside. */
  get asidePath(): string {
    return `${this.path}.damaged`;
  }

  /** The number of frames up to the last undamaged one. */
  async #countFrames(file: DiskFile): Promise<number> {
    const bytes = Buffer.allocUnsafeSlow(this.size);
    const length = await readAll(file, bytes, 0);
    let count = 0;
    for (const { ordinal } of findFrames(bytes.subarray(0, length), this.#seed)) count = ordinal + 1;
    return count;
  }

  /**
   * The first of the frames that were found in these bytes: as many as the limit allows. What the next read needs of the
   * bytes is kept for it, so that no byte is read twice.
   */
  #within({ bytes: most, perEvent }: ReadLimit, from: number, bytes: Buffer, found: FramesRead): FramesRead {
    let { frames, next } = found;
    let room = most;
    for (const [index, frame] of frames.entries()) {
      if (this.marks.get(frame.ordinal) !== Mark.kept) continue;
      room -= eventSize(frame) + perEvent;
      if (room >= 0 || index === 0) continue;
      frames = frames.slice(0, index);
      next = from + (frames.at(-1)?.end ?? 0);
      break;
    }
    // A copy: a part would pin the whole.
    const rest = Buffer.from(bytes.subarray(next - from));
    if (rest.length > 0) this.#ahead = { from: next, bytes: rest };
    return { frames, next };
  }

  async #writeAll(buffers: readonly Buffer[], position: number): Promise<void> {
    if (!this.#file) throw new Error(`${this.path} is not open for writing`);
    await writeAll(this.#file, buffers, position);
  }
}

/** The bytes of a file from `from` to `to`. The first of them are known. Fewer if the file is shorter. */
async function extended(file: DiskFile, from: number, known: Buffer, to: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(to - from);
  known.copy(bytes);
  const length = await readAll(file, bytes.subarray(known.length), from + known.length);
  return bytes.subarray(0, known.length + length);
}
