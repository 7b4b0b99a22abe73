/** One segment: a file of events and the marks that go with it. See segment-format.ts for both. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';
import { Mark, Marks, type MarkValue } from './marks.ts';
import {
  decodeHeader,
  encodeFrameHeader,
  encodeHeader,
  findFrames,
  formatName,
  FRAME_HEADER_SIZE,
  HEADER_SIZE,
  VERSION,
  type Frame,
  type SegmentName,
} from './segment-format.ts';

/** Read at once: few enough that one event that stays in memory does not hold many others' bytes there with its own. */
const READ_BYTES = 1024 * 1024;

/** An event as it is handed to the spool. */
export interface Payload {
  /** Its bytes, in pieces that are written one behind the other. */
  readonly parts: readonly Buffer[];
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
}

/** Bytes that a payload takes in a segment. */
export function frameSize({ parts }: Payload): number {
  let size = FRAME_HEADER_SIZE;
  for (const part of parts) size += part.length;
  return size;
}

/** A segment of a version that this program does not know. */
export class UnknownVersion extends Error {}

export class Segment {
  readonly number: number;
  readonly path: string;
  readonly marks: Marks;
  /** When it was made, in milliseconds since the epoch. No event of it has arrived much earlier. */
  readonly createdAt: number;
  /** Up to where it can be read, in bytes. */
  size = HEADER_SIZE;
  /** Frames that cannot be read. */
  damaged = 0;
  /** Frames of an earlier process that were sent and never answered. */
  unanswered = 0;
  readonly #disk: Disk;
  readonly #seed: number;
  /** Open while it is written to. */
  #file: DiskFile | undefined;

  private constructor(disk: Disk, folder: string, name: SegmentName, createdAt: number) {
    const path = join(folder, formatName(name));
    this.#disk = disk;
    this.#seed = name.seed;
    this.number = name.number;
    this.path = `${path}.log`;
    this.marks = new Marks(disk, `${path}.marks`, name.seed);
    this.createdAt = createdAt;
  }

  /** A new segment, to be written to. Resolves when it would survive a power cut; leaves nothing behind when it rejects. */
  static async create(disk: Disk, folder: string, number: number): Promise<Segment> {
    const segment = new Segment(disk, folder, { number, seed: randomInt(2 ** 32) }, Date.now());
    segment.#file = await disk.create(segment.path);
    try {
      await segment.#writeAll([encodeHeader(segment.createdAt)], 0);
      await segment.#file.sync();
      await disk.syncFolder(folder);
      return segment;
    } catch (error) {
      await segment.close();
      await disk.remove(segment.path).catch(() => undefined);
      throw error;
    }
  }

  /**
   * A segment of an earlier process, only to be read. One that was not sealed is looked through: a torn frame at its end
   * was never acknowledged, and is passed over.
   * @throws {UnknownVersion}
   */
  static async load(disk: Disk, folder: string, name: SegmentName): Promise<Segment> {
    const path = join(folder, `${formatName(name)}.log`);
    const file = await disk.open(path);
    try {
      const size = await disk.size(path);
      const header = Buffer.alloc(HEADER_SIZE);
      await readAll(file, header, 0);
      const facts = decodeHeader(header);
      if (facts && facts.version > VERSION) throw new UnknownVersion(`format version ${facts.version}`);
      const segment = new Segment(disk, folder, name, facts?.createdAt ?? Date.now());
      segment.size = size;
      const sealed = await segment.marks.load();
      segment.unanswered = segment.marks.adopt(sealed ?? (await segment.#countFrames(file)));
      if (sealed === undefined) segment.marks.seal();
      return segment;
    } finally {
      await file.close();
    }
  }

  /** How many frames can be read that nobody has in memory. */
  get unread(): number {
    return this.marks.of(Mark.kept);
  }

  /** Writes frames behind all others; resolves when they would survive a power cut, but they do not count yet. */
  async write(payloads: readonly Payload[]): Promise<void> {
    const first = this.marks.count;
    const buffers = payloads.flatMap(({ parts, arrivedAt }, index) => [
      encodeFrameHeader(this.#seed, first + index, arrivedAt, parts),
      ...parts,
    ]);
    await this.#writeAll(buffers, this.size);
    await this.#file?.sync();
  }

  /** Counts the next of the written frames, from now on to be read; returns its ordinal. */
  admit(payload: Payload, mark: MarkValue): number {
    this.size += frameSize(payload);
    this.marks.add(mark);
    return this.marks.count - 1;
  }

  /** Nothing is added any more. What a failed attempt may have left at its end is cut off, if that is possible. */
  async seal(afterFailure: boolean): Promise<void> {
    if (afterFailure) await this.#file?.truncate(this.size).catch(() => undefined);
    await this.close();
    this.marks.seal();
  }

  /**
   * The undamaged frames from this place of the file on, as many as are had in one go, and where to go on. At `size`
   * everything up to there has been looked at.
   */
  async read(from: number): Promise<{ readonly frames: readonly Frame[]; readonly next: number }> {
    const { size } = this;
    const file = await this.#disk.open(this.path);
    try {
      const to = Math.min(size, from + READ_BYTES);
      const frames = await this.#framesBetween(file, from, to);
      const last = frames.at(-1);
      if (to === size) return { frames, next: size };
      if (last) return { frames, next: from + last.end };
      // A frame larger than that, or damage.
      return { frames: await this.#framesBetween(file, from, size), next: size };
    } finally {
      await file.close();
    }
  }

  /** The frames from this ordinal up to that, not included, were not found when they were read. Returns how many these are. */
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

  /** Takes it off the disk; one with damage is set aside, for people to look at. */
  async remove(): Promise<void> {
    await this.close();
    if (this.damaged > 0) await this.#disk.rename(this.path, this.asidePath);
    else await this.#disk.remove(this.path);
    await this.marks.remove();
  }

  /** Where it goes when it is removed with damage. */
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

  async #framesBetween(file: DiskFile, from: number, to: number): Promise<Frame[]> {
    const bytes = Buffer.allocUnsafeSlow(to - from);
    const length = await readAll(file, bytes, from);
    return [...findFrames(bytes.subarray(0, length), this.#seed)];
  }

  async #writeAll(buffers: readonly Buffer[], position: number): Promise<void> {
    const file = this.#file;
    if (!file) throw new Error(`${this.path} is not open for writing`);
    let left = buffers;
    let done = 0;
    while (left.length > 0) {
      const written = await file.write(left, position + done);
      if (written === 0) throw new Error(`${this.path}: the disk takes nothing`);
      done += written;
      left = without(left, written);
    }
  }
}

/** What is left of the buffers when so many bytes of them are written. */
function without(buffers: readonly Buffer[], written: number): readonly Buffer[] {
  let left = written;
  const from = buffers.findIndex((buffer) => {
    if (buffer.length > left) return true;
    left -= buffer.length;
    return false;
  });
  if (from === -1) return [];
  const [torn = Buffer.alloc(0), ...rest] = buffers.slice(from);
  return [torn.subarray(left), ...rest];
}

async function readAll(file: DiskFile, buffer: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const read = await file.read(buffer.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
