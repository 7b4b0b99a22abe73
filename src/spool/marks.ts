/** The mark of each frame of one segment, in memory and in its `.marks` file (see segment-format.ts). */
import { errorCode } from '../support/error-text.ts';
import { writeAll, type Disk, type DiskFile } from './disk.ts';
import { decodeMarksHeader, encodeMarksHeader, MARKS_HEADER_SIZE, OPEN } from './segment-format.ts';

/**
 * - `kept`: the event is on disk only.
 * - `delivered`: the event is in Kafka, and no longer needed on disk.
 * - `sent`: the event is sent to Kafka, and Kafka has not answered.
 * - `taken`: the reader of the log has the event in memory. On disk it counts as kept.
 * - `damaged`: the event cannot be read. On disk it counts as kept.
 */
export const Mark = { kept: 0, delivered: 1, sent: 2, taken: 3, damaged: 4 } as const;
export type MarkValue = (typeof Mark)[keyof typeof Mark];

/** The memory for marks grows by at least this number of frames at once. */
const GROWTH = 1024;

export class Marks {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #seed: number;
  #values = new Uint8Array(0);
  #count = 0;
  readonly #tally = [0, 0, 0, 0, 0];
  #sealed = false;
  /** The range of frames with marks to write: from this frame, up to and without that frame. */
  #dirtyFrom = Number.POSITIVE_INFINITY;
  #dirtyTo = 0;
  #headerDirty = false;
  #writing: Promise<void> | undefined;
  #removed = false;

  constructor(disk: Disk, path: string, seed: number) {
    this.#disk = disk;
    this.#path = path;
    this.#seed = seed;
  }

  /** Number of frames of the segment, damaged ones included. */
  get count(): number {
    return this.#count;
  }

  /** Number of frames with this mark. */
  of(mark: MarkValue): number {
    return this.#tally[mark] ?? 0;
  }

  /** Number of frames that are still to be delivered. */
  get undelivered(): number {
    return this.#count - this.of(Mark.delivered) - this.of(Mark.damaged);
  }

  /** Is this frame still to be delivered? */
  isUndelivered(ordinal: number): boolean {
    const mark = this.get(ordinal);
    return mark !== Mark.delivered && mark !== Mark.damaged;
  }

  get(ordinal: number): number {
    return this.#values[ordinal] ?? Mark.kept;
  }

  /** Adds a frame at the end. */
  add(mark: MarkValue): void {
    if (this.#count === this.#values.length) {
      const more = new Uint8Array(Math.max(GROWTH, 2 * this.#values.length));
      more.set(this.#values);
      this.#values = more;
    }
    this.#count += 1;
    this.#tally[Mark.kept] = this.of(Mark.kept) + 1;
    if (mark !== Mark.kept) this.set(this.#count - 1, mark);
  }

  set(ordinal: number, mark: MarkValue): void {
    const before = this.get(ordinal);
    if (before === mark) return;
    this.#values[ordinal] = mark;
    this.#tally[before] = (this.#tally[before] ?? 0) - 1;
    this.#tally[mark] = this.of(mark) + 1;
    if (written(before) === written(mark)) return;
    this.#dirtyFrom = Math.min(this.#dirtyFrom, ordinal);
    this.#dirtyTo = Math.max(this.#dirtyTo, ordinal + 1);
    void this.flush();
  }

  /** No more frames are added. The count goes to the file, so that the next process need not count the frames. */
  seal(): void {
    this.#sealed = true;
    this.#headerDirty = true;
    void this.flush();
  }

  /**
   * Resolves when all marks are written, or cannot be written. Only one write runs at a time; it takes all marks that
   * have changed. A mark that cannot be written, for example on a full disk, is written with the next change.
   */
  flush(): Promise<void> {
    this.#writing ??= this.#write();
    return this.#writing;
  }

  /** Writes all marks again: the file is gone, or another one is in its place. */
  rewrite(): void {
    this.#headerDirty = true;
    this.#dirtyFrom = 0;
    this.#dirtyTo = this.#count;
    void this.flush();
  }

  /** Writes no more marks. */
  stop(): void {
    this.#removed = true;
  }

  /** Stops writing marks. Resolves when the file is removed. */
  async remove(): Promise<void> {
    this.stop();
    await this.#writing;
    await this.#disk.remove(this.#path);
  }

  /**
   * Loads the marks of a segment of an earlier process. Resolves to the number of its frames, or to undefined if the
   * file does not tell it. Rejects if the file exists and cannot be read.
   */
  async load(): Promise<number | undefined> {
    const file = await this.#openIfThere();
    if (!file) return undefined;
    try {
      const bytes = Buffer.alloc(await this.#disk.size(this.#path));
      const read = await file.read(bytes, 0);
      this.#values = Uint8Array.from(bytes.subarray(MARKS_HEADER_SIZE, read));
      const count = decodeMarksHeader(this.#seed, bytes.subarray(0, read));
      this.#sealed = count !== undefined;
      return count;
    } finally {
      await file.close();
    }
  }

  /** Sets the number of frames after `load`. Frames sent and never answered count as kept again; returns their number. */
  adopt(count: number): number {
    const values = new Uint8Array(count);
    values.set(this.#values.subarray(0, count));
    this.#values = values;
    this.#count = count;
    let unanswered = 0;
    for (const [ordinal, value] of values.entries()) {
      if (value === Mark.sent) unanswered += 1;
      if (value !== Mark.delivered) values[ordinal] = Mark.kept;
    }
    this.#tally[Mark.delivered] = values.reduce((sum, value) => sum + (value === Mark.delivered ? 1 : 0), 0);
    this.#tally[Mark.kept] = count - this.of(Mark.delivered);
    return unanswered;
  }

  async #openIfThere(): Promise<DiskFile | undefined> {
    try {
      return await this.#disk.open(this.#path);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(): Promise<void> {
    // Marks that change in the same turn go into the same write.
    await Promise.resolve();
    while (!this.#removed && (this.#headerDirty || this.#dirtyFrom < this.#dirtyTo)) {
      if (!(await this.#writeDirty())) break;
    }
    // In the same turn as the last check: a mark set between the two would never be written.
    this.#writing = undefined;
  }

  async #writeDirty(): Promise<boolean> {
    const from = this.#dirtyFrom;
    const to = this.#dirtyTo;
    this.#dirtyFrom = Number.POSITIVE_INFINITY;
    this.#dirtyTo = 0;
    this.#headerDirty = false;
    try {
      await this.#writeRange(from, to);
      return true;
    } catch {
      this.#headerDirty = true;
      this.#dirtyFrom = Math.min(this.#dirtyFrom, from);
      this.#dirtyTo = Math.max(this.#dirtyTo, to);
      return false;
    }
  }

  async #writeRange(from: number, to: number): Promise<void> {
    const header = encodeMarksHeader(this.#seed, this.#sealed ? this.#count : OPEN);
    const known = await this.#openIfThere();
    // A new file gets all marks: someone may have removed the file that had the earlier ones.
    const begin = known ? Math.min(from, to) : 0;
    const marks = Buffer.from(this.#values.subarray(begin, known ? to : this.#count).map(written));
    const file = known ?? (await this.#disk.create(this.#path));
    try {
      await writeAll(file, [header], 0);
      if (marks.length > 0) await writeAll(file, [marks], MARKS_HEADER_SIZE + begin);
    } finally {
      await file.close();
    }
  }
}

/** The value of a mark in the file. */
function written(mark: number): number {
  return mark === Mark.delivered || mark === Mark.sent ? mark : Mark.kept;
}
