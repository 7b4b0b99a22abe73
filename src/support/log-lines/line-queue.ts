/**
 * Writes lines to a file that may be slow, such as a pipe to a log collector. Lines that can wait are collected and written on
 * another thread, many at once: a write for each costs a request a tenth of its time. The order of all lines is kept.
 */
import { constants } from 'node:os';

/** The file, as the queue uses it. */
export interface LineFile {
  /** Writes all of it before it returns. */
  writeNow(text: string): void;
  /** Writes the start of it on another thread, and tells how many bytes that was. */
  write(bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
}

/** Most characters that wait. A collector that does not read for long must not fill the memory. */
const MOST_WAITING = 1 << 20;

/** Milliseconds until the next try, when the file takes nothing now (EAGAIN). */
const RETRY_MS = 20;

export class LineQueue {
  readonly #file: LineFile;
  #waiting: string[] = [];
  /** Characters of `#waiting`. */
  #size = 0;
  #isBusy = false;
  #omitted = 0;
  readonly #begin = () => this.#writeAll();

  constructor(file: LineFile) {
    this.#file = file;
  }

  /**
   * Writes a line before this returns, unless earlier lines are being written: then right after them. If too many wait,
   * the line is lost, and `takeOmitted` counts it.
   */
  write(line: string): void {
    if (this.#isBusy) this.#keep(line);
    else this.#file.writeNow(this.#taken() + line);
  }

  /** Writes a line soon. False if too many wait: then the line is lost, and `takeOmitted` counts it. */
  add(line: string): boolean {
    if (!this.#keep(line)) return false;
    if (!this.#isBusy) {
      this.#isBusy = true;
      // After this turn of the loop: the requests of one turn share one write.
      setImmediate(this.#begin);
    }
    return true;
  }

  /** How many lines were lost since the last call. 0 while there is no room for a line that says so. */
  takeOmitted(): number {
    if (this.#omitted === 0 || this.#size > MOST_WAITING / 2) return 0;
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }

  /** Writes what waits, before the process ends. */
  flush(): void {
    const text = this.#taken();
    if (text !== '') this.#file.writeNow(text);
  }

  #keep(line: string): boolean {
    if (this.#size + line.length > MOST_WAITING) {
      this.#omitted += 1;
      return false;
    }
    this.#waiting.push(line);
    this.#size += line.length;
    return true;
  }

  #taken(): string {
    if (this.#size === 0) return '';
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#size = 0;
    return text;
  }

  #writeAll(): void {
    const text = this.#taken();
    if (text === '') this.#isBusy = false;
    else this.#writeBytes(Buffer.from(text));
  }

  #writeBytes(bytes: Buffer): void {
    this.#file.write(bytes, (error, written) => {
      if (error?.errno === -constants.errno.EAGAIN) setTimeout(() => this.#writeBytes(bytes), RETRY_MS);
      // Any other error, e.g. of a closed pipe, has no place left where it could be told: the lines are lost.
      else if (!error && written < bytes.length) this.#writeBytes(bytes.subarray(written));
      else this.#writeAll();
    });
  }
}
