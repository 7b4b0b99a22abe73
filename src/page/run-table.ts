/**
 * Runs that this proxy has seen: those that began and have not ended, and the last ones that failed. Another replica may
 * have seen their ends. The memory exists from the start; to note an event costs no object.
 */
import type { Sender, Way } from '../auth/sender.ts';
import type { CheckedEvent } from '../openlineage/verdict.ts';
import { kept, NameSlots, shown } from './texts.ts';

/**
 * A run has its place in one of so many sets, by the bytes of its id. Each set has so many places. A further run takes
 * the place of the oldest one.
 */
const SETS = 512;
const PLACES = 4;
const OPEN = SETS * PLACES;

/** Runs that failed. */
const FAILED = 200;

/** Numbers of 32 bits for an id of 128. */
const WORDS = 4;

export interface SeenRun {
  readonly run: string;
  readonly namespace: string | undefined;
  readonly job: string | undefined;
  readonly sender: string | undefined;
  readonly way: Way | undefined;
  /** `FAIL` or `ABORT`; undefined for a run that has not ended. */
  readonly failed: 'FAIL' | 'ABORT' | undefined;
  /** When the first event of the run arrived, in milliseconds since the epoch. */
  readonly beganAt: number;
  /** When the last one arrived. */
  readonly lastAt: number;
}

/** The columns of a table of runs. */
class Runs {
  readonly ids: Int32Array;
  readonly began: Float64Array;
  readonly last: Float64Array;
  readonly isAbort: Uint8Array;
  readonly names: NameSlots;
  readonly namespaces: string[];
  readonly senders: (Sender | undefined)[];

  constructor(size: number) {
    this.ids = new Int32Array(size * WORDS);
    this.began = new Float64Array(size);
    this.last = new Float64Array(size);
    this.isAbort = new Uint8Array(size);
    this.names = new NameSlots(size);
    this.namespaces = new Array<string>(size).fill('');
    this.senders = new Array<Sender | undefined>(size).fill(undefined);
  }

  holds(at: number): boolean {
    return this.began[at] !== 0;
  }

  rowAt(at: number, hasFailed: boolean): SeenRun {
    const sender = this.senders[at];
    return {
      run: textOf(this.ids.subarray(at * WORDS, (at + 1) * WORDS)),
      namespace: shown(this.namespaces[at] || undefined),
      job: shown(this.names.read(at) || undefined),
      sender: sender?.name,
      way: sender?.way,
      failed: !hasFailed ? undefined : this.isAbort[at] === 1 ? 'ABORT' : 'FAIL',
      beganAt: this.began[at] ?? 0,
      lastAt: this.last[at] ?? 0,
    };
  }
}

export class RunTable {
  readonly #open = new Runs(OPEN);
  readonly #failed = new Runs(FAILED);
  readonly #id = new Int32Array(WORDS);
  #nextFailed = 0;
  /** Runs that had to leave for others before they ended. */
  forgotten = 0;

  /** Notes an event that is kept. `at` is in milliseconds since the epoch. */
  note(event: CheckedEvent, bytes: Buffer, sender: Sender | undefined, at: number): void {
    const { type } = event;
    if (event.kind !== 'run' || type === undefined || type === 'OTHER' || !this.#readId(event, bytes)) return;
    const place = this.#find();
    const runs = this.#open;
    if (type === 'START' || type === 'RUNNING') {
      if (place >= 0) {
        runs.last[place] = at;
        return;
      }
      this.#enter(runs, this.#freePlace(), event, bytes, sender, at);
      return;
    }
    if (type === 'FAIL' || type === 'ABORT') this.#fail(place, event, bytes, sender, at);
    if (place >= 0) runs.began[place] = 0;
  }

  /** The runs that began and have not ended, the latest first. */
  get open(): readonly SeenRun[] {
    const rows: SeenRun[] = [];
    for (let at = 0; at < OPEN; at++) if (this.#open.holds(at)) rows.push(this.#open.rowAt(at, false));
    return rows.sort((a, b) => b.beganAt - a.beganAt);
  }

  /** The last runs that failed, the latest first. */
  get failed(): readonly SeenRun[] {
    const rows: SeenRun[] = [];
    for (let at = 0; at < FAILED; at++) if (this.#failed.holds(at)) rows.push(this.#failed.rowAt(at, true));
    return rows.sort((a, b) => b.lastAt - a.lastAt);
  }

  #enter(
    runs: Runs,
    place: number,
    event: CheckedEvent,
    bytes: Buffer,
    sender: Sender | undefined,
    at: number,
  ): void {
    runs.ids.set(this.#id, place * WORDS);
    runs.began[place] = at;
    runs.last[place] = at;
    runs.namespaces[place] = kept(event.namespace);
    runs.senders[place] = sender;
    if (event.texts) runs.names.write(place, event.texts.name);
    else runs.names.copy(place, bytes, event.nameAt, event.nameEnd, event.nameHasEscape);
  }

  #fail(open: number, event: CheckedEvent, bytes: Buffer, sender: Sender | undefined, at: number): void {
    const place = this.#nextFailed;
    this.#nextFailed = (place + 1) % FAILED;
    const failed = this.#failed;
    this.#enter(failed, place, event, bytes, sender, at);
    failed.isAbort[place] = event.type === 'ABORT' ? 1 : 0;
    if (open >= 0) failed.began[place] = this.#open.began[open] ?? at;
  }

  /** Reads the run's id into `#id`: hexadecimal digits, with or without dashes. False if it has another form. */
  #readId({ texts, runIdAt }: CheckedEvent, bytes: Buffer): boolean {
    if (texts === undefined && runIdAt === 0) return false;
    const id = this.#id.fill(0);
    let digits = 0;
    for (let i = 0; digits < 32; i++) {
      const byte = texts ? (texts.runId?.charCodeAt(i) ?? NaN) : bytes[runIdAt + i];
      if (byte === DASH) continue;
      const digit = byte === undefined ? -1 : digitOf(byte);
      if (digit < 0) return false;
      const word = digits >> 3;
      id[word] = ((id[word] ?? 0) << 4) | digit;
      digits += 1;
    }
    return true;
  }

  /** The set of `#id`. Ids of version 7 begin with their time, so all bits count. */
  #set(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#id;
    const mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ d, 0x9e3779b1);
    return (mixed >>> 16) % SETS;
  }

  #find(): number {
    const id = this.#id;
    const { ids } = this.#open;
    const first = this.#set() * PLACES;
    for (let place = first; place < first + PLACES; place++) {
      const at = place * WORDS;
      if (
        this.#open.holds(place) &&
        ids[at] === id[0] &&
        ids[at + 1] === id[1] &&
        ids[at + 2] === id[2] &&
        ids[at + 3] === id[3]
      )
        return place;
    }
    return -1;
  }

  #freePlace(): number {
    const { began } = this.#open;
    const first = this.#set() * PLACES;
    let oldest = first;
    for (let place = first; place < first + PLACES; place++) {
      if (began[place] === 0) return place;
      if ((began[place] ?? 0) < (began[oldest] ?? 0)) oldest = place;
    }
    this.forgotten += 1;
    return oldest;
  }
}

const DASH = 0x2d;

/** The value of a hexadecimal digit; below 0 for another character. */
function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function textOf(words: Int32Array): string {
  const hex = [...words].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
