/** What has become of the frames of one segment: in memory, and in its `.marks` (see segment-format.ts). */
import type { Disk, DiskFile } from './disk.ts';
import { decodeMarksHeader, encodeMarksHeader, MARKS_HEADER_SIZE, OPEN } from './segment-format.ts';

/**
 * - `kept`: on disk only.
 * - `delivered`: safe elsewhere.
 * - `sent`: on its way, and not answered.
 * - `taken`: somebody has it in memory. On disk it counts as kept.
 * - `damaged`: cannot be read. On disk it counts as kept.
 */
export const Mark = { kept: 0, delivered: 1, sent: 2, taken: 3, damaged: 4 } as const;
export type MarkValue = (typeof Mark)[keyof typeof Mark];

/** Marks of frames to make room for at once. */
const GROWTH = 1024;

export class Marks {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #seed: number;
  #values = new Uint8Array(0);
  #count = 0;
  readonly #tally = [0, 0, 0, 0, 0];
  #sealed = false;
  /** Frames whose marks are to be written: from, and up to but not including. */
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

  /** Frames of the segment, damaged ones too. */
  get count(): number {
    return this.#count;
  }

  /** How many frames have this mark. */
  of(mark: MarkValue): number {
    return this.#tally[mark] ?? 0;
  }

  /** How many frames are still to be delivered. */
  get undelivered(): number {
    return this.#count - this.of(Mark.delivered) - this.of(Mark.damaged);
  }

  get(ordinal: number): number {
    return this.#values[ordinal] ?? Mark.kept;
  }

  /** Another frame, behind all others. */
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

  /** No frame is added any more: the count goes to the file, so that nobody has to count them again. */
  seal(): void {
    this.#sealed = true;
    this.#headerDirty = true;
    void this.flush();
  }

  /**
   * Resolves when all marks are written, or cannot be. One write at a time, of all that has come up meanwhile. A mark
   * that cannot be written, because the disk is full, say, is tried again with the next.
   */
  flush(): Promise<void> {
    this.#writing ??= this.#write();
    return this.#writing;
  }

  /** Marks are not written any more; resolves when the file is gone. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.#writing;
    await this.#disk.remove(this.#path);
  }

  /**
   * Takes over the marks of a segment of an earlier process. Returns the number of its frames, undefined where that is
   * not known. Rejects when there are marks that cannot be read.
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

  /** After `load`: so many frames there are. Those sent and never answered are kept again; returns how many. */
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
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(): Promise<void> {
    // What comes up in the same turn goes along.
    await Promise.resolve();
    while (!this.#removed && (this.#headerDirty || this.#dirtyFrom < this.#dirtyTo)) {
      if (!(await this.#writeDirty())) break;
    }
    // In the same turn as the last look, or what comes up between the two would be nobody's.
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
    const marks = Buffer.from(this.#values.subarray(Math.min(from, to), to).map(written));
    const file = (await this.#openIfThere()) ?? (await this.#disk.create(this.#path));
    try {
      await writeAll(file, header, 0);
      if (marks.length > 0) await writeAll(file, marks, MARKS_HEADER_SIZE + from);
    } finally {
      await file.close();
    }
  }
}

/** What stands in the file for a mark. */
function written(mark: number): number {
  return mark === Mark.delivered || mark === Mark.sent ? mark : Mark.kept;
}

async function writeAll(file: DiskFile, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const written = await file.write([bytes.subarray(done)], position + done);
    if (written === 0) throw new Error('the disk takes nothing');
    done += written;
  }
}
