/**
 * Streams of outcomes to people who watch now. Rows become text at most once in an interval, and only while someone
 * watches. The number of streams, the rows of an interval and the unread bytes of a reader are bounded.
 */
import type { Writable } from 'node:stream';
import type { Time, Timer } from '../support/time.ts';
import type { OutcomeRow } from './outcome-row.ts';

/** Milliseconds between two looks for new outcomes. */
const INTERVAL_MS = 500;

/** Rows of a stream in one interval. Of more, the latest are sent, and the number of the others. */
export const MAX_ROWS = 200;

/** Most streams of one owner, so that none takes all of them. */
export const MAX_OF_OWNER = 2;

/** Bytes that a reader has not taken, above which its stream gets no rows. They follow, as far as they are remembered. */
export const MAX_UNREAD_BYTES = 256 * 1024;

/** Milliseconds after which the stream of such a reader is cut. The first rows have up to a megabyte. */
const SLOW_MS = 20_000;

/** Milliseconds without a row after which a sign of life is sent: servers on the way close what is silent. */
const SILENT_MS = 15_000;

/** Milliseconds after which a stream ends. Its reader opens another one, if it still may. */
const LONGEST_MS = 3_600_000;

/** How a stream writes its rows. */
export interface StreamForm {
  /** `skipped` is the number of rows before these that were left out. */
  rows(rows: readonly OutcomeRow[], skipped: number): string;
  /** Nothing has happened for a while. */
  readonly silence: string;
}

/** Who reads a stream. */
export interface StreamReader {
  /**
   * Asked in each interval. The stream ends with `no`: a session is over. With `undecided` its rows wait for the next
   * interval.
   */
  readonly mayGoOn: () => 'yes' | 'no' | 'undecided';
  /** Undefined for a reader that may have all streams. */
  readonly owner: string | undefined;
}

/** The source of the rows. */
export interface RowSource {
  readonly sequence: number;
  rowsAfter(sequence: number): readonly OutcomeRow[];
}

interface Stream {
  readonly out: Writable;
  readonly wants: (row: OutcomeRow) => boolean;
  readonly form: StreamForm;
  readonly since: number;
  readonly reader: StreamReader | undefined;
  sequence: number;
  wroteAt: number;
  /** Since when its reader has not taken enough. */
  slowSince: number | undefined;
}

export class LiveStreams {
  readonly #source: RowSource;
  readonly #most: number;
  readonly #time: Time;
  readonly #streams = new Set<Stream>();
  #timer: Timer | undefined;
  #isClosed = false;

  /** At most `most` streams are open at once. */
  constructor(source: RowSource, most: number, time: Time) {
    this.#source = source;
    this.#most = most;
    this.#time = time;
  }

  /** Streams that are open. */
  get count(): number {
    return this.#streams.size;
  }

  /** The proxy stops. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** False if a further stream would be one too many, or the proxy stops. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#streams.size < this.#most;
  }

  /** The same for a stream of this owner. */
  hasRoomFor(owner: string): boolean {
    const own = [...this.#streams].filter(({ reader }) => reader?.owner === owner).length;
    return this.hasRoom && own < MAX_OF_OWNER;
  }

  /**
   * Writes the outcomes that the reader `wants` after the one with the number `after`, the latest `most` at once, and then
   * those to come. The stream ends with the writable, or when its reader may not go on. Call it only if it `hasRoom`.
   */
  open(
    out: Writable,
    wants: (row: OutcomeRow) => boolean,
    form: StreamForm,
    after: number,
    most: number,
    reader?: StreamReader,
  ): void {
    const now = this.#time.monotonic.now();
    const times = { since: now, wroteAt: now, slowSince: undefined };
    const stream: Stream = { out, wants, form, reader, sequence: after, ...times };
    this.#streams.add(stream);
    out.once('close', () => this.#remove(stream));
    const rows = this.#source.rowsAfter(after).filter(wants);
    stream.sequence = this.#source.sequence;
    out.write(form.rows(most === 0 ? [] : rows.slice(-most), 0));
    this.#timer ??= this.#time.setInterval(() => this.#look(), INTERVAL_MS);
  }

  /** Ends all streams, and opens no more. The proxy stops: a stream is no request in flight. */
  close(): void {
    this.#isClosed = true;
    for (const { out } of this.#streams) out.end();
  }

  #look(): void {
    const now = this.#time.monotonic.now();
    const streams = [...this.#streams];
    // The texts are made once for all streams.
    const all = this.#source.rowsAfter(Math.min(...streams.map(({ sequence }) => sequence)));
    for (const stream of streams) {
      const { out, wants, form, since, reader } = stream;
      if (out.writableLength > MAX_UNREAD_BYTES) {
        stream.slowSince ??= now;
        if (now - stream.slowSince >= SLOW_MS) out.destroy();
        continue;
      }
      stream.slowSince = undefined;
      const mayGoOn = reader?.mayGoOn() ?? 'yes';
      if (now - since > LONGEST_MS || mayGoOn === 'no') {
        out.end();
        continue;
      }
      const isDecided = mayGoOn === 'yes';
      const rows = isDecided ? all.filter((row) => row.sequence > stream.sequence && wants(row)) : [];
      if (isDecided) stream.sequence = this.#source.sequence;
      if (rows.length > 0) out.write(form.rows(rows.slice(-MAX_ROWS), Math.max(0, rows.length - MAX_ROWS)));
      else if (now - stream.wroteAt < SILENT_MS) continue;
      else out.write(form.silence);
      stream.wroteAt = now;
    }
  }

  #remove(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
