/**
 * Reads events from files: one event, a JSON array of events, or JSON lines, each also compressed with gzip. JSON lines are
 * read piece by piece, so a file may be larger than the memory. An array or a single event is read as a whole.
 */
import { createReadStream, type Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { checkText } from '../../openlineage/check.ts';
import { errorCode, errorText } from '../../support/error-text.ts';

/** The bytes of an event, and its place in the file. */
export interface FileEvent {
  readonly bytes: Buffer;
  /** In a JSON array, from 0. */
  readonly index?: number;
  /** In JSON lines, from 1. */
  readonly line?: number;
}

const STANDARD_INPUT = '-';
const LINE_FEED = 0x0a;

/** The names of files that surely have JSON lines. */
const LINES_NAME = /\.(?:jsonl|ndjson)(?:\.gz)?$/i;

/** The names of files with events in a folder. */
const EVENTS_NAME = /\.(?:json|jsonl|ndjson)(?:\.gz)?$/i;

/** Most bytes of an array, of a single event, or of one line. */
const MAX_TEXT_BYTES = 1024 ** 3;

/**
 * The files that are named, and the files with events in the folders that are named, in the order of their names.
 * @throws when a folder cannot be read, or has no such file; with a message for the user.
 */
export async function filesOf(names: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of names) files.push(...(await filesOfOne(name)));
  return files;
}

/** An event with its file, or a file that cannot be read. */
export type FoundEvent =
  | (FileEvent & { readonly file: string; readonly error?: never })
  | { readonly file: string; readonly error: string };

/** The events of the files and folders that are named. A name that cannot be read gives an error, and the next one follows. */
export async function* eventsOf(names: readonly string[]): AsyncGenerator<FoundEvent> {
  for (const name of names) {
    let current = name;
    try {
      for (const file of await filesOf([name])) {
        current = file;
        for await (const event of readEvents(file)) yield { file, ...event };
      }
    } catch (error) {
      yield { file: current, error: errorText(error) };
    }
  }
}

/** `events.json[2]`, `events.jsonl:7`. */
export function placeText({ file, index, line }: { file: string } & Partial<FileEvent>): string {
  if (index !== undefined) return `${file}[${index}]`;
  return line === undefined ? file : `${file}:${line}`;
}

async function filesOfOne(name: string): Promise<readonly string[]> {
  if (name === STANDARD_INPUT) return [name];
  let entries: readonly Dirent[];
  try {
    entries = await readdir(name, { recursive: true, withFileTypes: true });
  } catch (error) {
    // A file, or nothing: what is wrong with it shows when it is read.
    if (['ENOTDIR', 'ENOENT'].includes(errorCode(error) ?? '')) return [name];
    throw new Error(errorText(error), { cause: error });
  }
  const files = entries
    .filter((entry) => !entry.isDirectory() && EVENTS_NAME.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  if (files.length > 0) return files.sort();
  throw new Error(
    `this folder has no file that ends in .json, .jsonl or .ndjson, or in one of these and .gz`,
  );
}

/**
 * The events of a file in their order; `-` is standard input. An array is divided as the batch endpoint does it. `onRead` is
 * called with the number of bytes of the file that were read since the last call.
 * @throws when the file cannot be read, with a message for the user.
 */
export async function* readEvents(
  file: string,
  onRead: (bytes: number) => void = () => undefined,
): AsyncGenerator<FileEvent> {
  const source = await Source.open(file, onRead);
  if (LINES_NAME.test(file)) {
    yield* linesOf(source);
    return;
  }
  // If the first of several lines is a JSON text, all are: an event or an array in several lines is none in its first.
  const first = await source.untilLineFeed();
  if (checkText(first).errors === undefined && (await source.hasMoreThan(first.length))) {
    yield* linesOf(source);
    return;
  }
  const bytes = await source.rest();
  const { elements } = checkText(bytes);
  if (elements) yield* elementsOf(bytes, elements);
  else yield { bytes };
}

/**
 * The lines of a file that are not blank, with their numbers; `-` is standard input. It may be compressed with gzip.
 * @throws when the file cannot be read, with a message for the user.
 */
export async function* readLines(file: string): AsyncGenerator<FileEvent & { readonly line: number }> {
  yield* linesOf(await Source.open(file, () => undefined));
}

/** A file that is read piece by piece and decompressed. What was looked at is still there to be read. */
class Source {
  readonly #pieces: AsyncIterator<unknown>;
  /** What was read and not taken is between `#start` and `#end`. Bytes that were handed out are never overwritten. */
  #memory: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #isEnded = false;

  private constructor(pieces: AsyncIterator<unknown>) {
    this.#pieces = pieces;
  }

  static async open(file: string, onRead: (bytes: number) => void): Promise<Source> {
    const raw = new Source(counted(file === STANDARD_INPUT ? process.stdin : createReadStream(file), onRead));
    while (raw.#read.length < 2 && (await raw.#more()));
    // RFC 1952 §2.3.1: the first two bytes of gzip. No JSON text begins with them.
    return raw.#read[0] === 0x1f && raw.#read[1] === 0x8b ? new Source(decompressed(raw)) : raw;
  }

  /** What comes before the next line feed, without taking it. All that is left, if there is none. */
  async untilLineFeed(): Promise<Buffer> {
    for (let searched = 0; ;) {
      const at = this.#read.indexOf(LINE_FEED, searched);
      if (at !== -1) return this.#read.subarray(0, at);
      searched = this.#read.length;
      if (!(await this.#more())) return this.#read;
    }
  }

  /** Is there anything but space behind the first `length` bytes? */
  async hasMoreThan(length: number): Promise<boolean> {
    for (let searched = length; ; searched = this.#read.length) {
      if (isFilled(this.#read.subarray(searched))) return true;
      searched = this.#read.length;
      if (!(await this.#more())) return false;
    }
  }

  /** Takes the next line, without its end; undefined at the end of the file. */
  async line(): Promise<Buffer | undefined> {
    const line = await this.untilLineFeed();
    if (line.length === 0 && this.#read.length === 0) return undefined;
    this.#start = Math.min(this.#end, this.#start + line.length + 1);
    return line;
  }

  /** Takes all that is left. */
  async rest(): Promise<Buffer> {
    while (await this.#more());
    const rest = this.#read;
    this.#start = this.#end;
    return rest;
  }

  /** Takes what is left, in the pieces in which it is read. */
  async *pieces(): AsyncGenerator<Buffer> {
    yield this.#read;
    for (let piece = await this.#next(); piece; piece = await this.#next()) yield piece;
  }

  get #read(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Reads one more piece; false at the end. */
  async #more(): Promise<boolean> {
    const piece = await this.#next();
    if (!piece) return false;
    const left = this.#end - this.#start;
    if (left + piece.length > MAX_TEXT_BYTES) {
      throw new Error(`a text of more than ${MAX_TEXT_BYTES} bytes. Divide it, or write one event a line`);
    }
    if (this.#end + piece.length > this.#memory.length) {
      // Twice as much: otherwise a text of many pieces would be copied once for each.
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * left, left + piece.length));
      this.#read.copy(larger);
      this.#memory = larger;
      this.#start = 0;
      this.#end = left;
    }
    piece.copy(this.#memory, this.#end);
    this.#end += piece.length;
    return true;
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#isEnded) return undefined;
    const next: IteratorResult<unknown, unknown> = await this.#pieces.next();
    if (next.done !== true && Buffer.isBuffer(next.value)) return next.value;
    this.#isEnded = true;
    return undefined;
  }
}

async function* counted(stream: AsyncIterable<unknown>, onRead: (bytes: number) => void): AsyncGenerator {
  for await (const piece of stream) {
    if (Buffer.isBuffer(piece)) onRead(piece.length);
    yield piece;
  }
}

async function* decompressed(source: Source): AsyncGenerator {
  const gunzip = createGunzip();
  const feeding = feed(source, gunzip);
  // Its error is that of the loop below as well, or comes first.
  feeding.catch(() => undefined);
  try {
    yield* gunzip;
  } catch (error) {
    throw new Error(`gzip cannot be decompressed: ${errorText(error)}`, { cause: error });
  }
  await feeding;
}

async function feed(source: Source, gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  try {
    for await (const piece of source.pieces()) {
      if (!gunzip.write(piece)) await new Promise((resolve) => void gunzip.once('drain', resolve));
    }
    gunzip.end();
  } catch (error) {
    gunzip.destroy(error instanceof Error ? error : new Error(errorText(error)));
    throw error;
  }
}

/** The lines that are not blank. */
async function* linesOf(source: Source): AsyncGenerator<FileEvent & { readonly line: number }> {
  let number = 1;
  for (let line = await source.line(); line; line = await source.line()) {
    if (isFilled(line)) yield { line: number, bytes: line };
    number += 1;
  }
}

function isFilled(line: Buffer): boolean {
  return line.some((byte) => byte > 0x20);
}

function* elementsOf(bytes: Buffer, elements: readonly number[] | Uint32Array): Generator<FileEvent> {
  for (let i = 0; i + 1 < elements.length; i += 2) {
    yield { index: i / 2, bytes: bytes.subarray(elements[i], elements[i + 1]) };
  }
}
