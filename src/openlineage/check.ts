/**
 * The check: reads the bytes of a body, and returns either what the record needs, or the list of validation errors.
 *
 * This file is the fast path: the scanner of `assembly/`, compiled to WebAssembly. It accepts events that are certainly
 * valid, in a fraction of the time that `JSON.parse` and the schema need. Everything else goes to the full check, which
 * takes turns with other requests when an event costs much.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../support/package-folder.ts';
import { WORK_A_TURN, type Client, type Turns } from '../support/turns.ts';
import type { Deviation } from './deviations.ts';
import { formatKey } from './event-key.ts';
import type { CheckLevel, EventKind } from './event-schema.ts';
import {
  checkFully,
  checkInSlices,
  checkTextFully,
  checkTextInSlices,
  jobNamesOf,
  SLICE_BYTES,
} from './full-check.ts';
import type { CheckedEvent, JobNames, TextVerdict, Verdict } from './verdict.ts';

/** Checks one event at once. Never throws: the verdict has the event or its errors, whatever the bytes are. */
export function checkEvent(bytes: Buffer, level: CheckLevel): Verdict {
  // An event that is valid at level `core` is valid at `routing`, which demands less, with the same result.
  const event = scanEvent(bytes);
  return event ? { path: 'fast_path', event } : checkFully(bytes, level);
}

/** An event of more bytes waits for its turn before it is read. Nearly all events are smaller. */
const MAX_SYNC_BYTES = 64 * 1024;

/** The fast path reads this many bytes in the time in which the full check reads one, or more. */
const BYTES_A_SCAN_WORK = 8;

/** What the full check of the smallest event costs. */
const CHECK_WORK = 128;

/** What it costs to scan a text, for `Turns`. */
export function scanWork(bytes: Buffer): number {
  return Math.min(bytes.length / BYTES_A_SCAN_WORK, WORK_A_TURN);
}

/**
 * Checks one event, and takes turns with other requests when that costs much. A promise only if it must wait. The
 * promise rejects with `ClientGone` if the client goes meanwhile.
 */
export function checkInTurns(
  bytes: Buffer,
  level: CheckLevel,
  turns: Turns,
  client: Client,
): Verdict | Promise<Verdict> {
  if (bytes.length > MAX_SYNC_BYTES) return checkLarge(bytes, level, turns, client);
  const event = scanEvent(bytes);
  if (event) return { path: 'fast_path', event };
  const work = CHECK_WORK + bytes.length;
  if (work > SLICE_BYTES) return checkInSlices(bytes, level, () => turns.wait(SLICE_BYTES, client));
  if (turns.take(work)) return checkFully(bytes, level);
  return turns.wait(work, client).then(() => checkFully(bytes, level));
}

/**
 * A large text with more members and elements goes to the full check, which reads it in slices. Reading so many takes
 * the scanner a few milliseconds. An event of 1.2 MB as Spark sends it has about a hundred thousand.
 */
const MAX_SCANNED_MEMBERS = 200_000;

async function checkLarge(bytes: Buffer, level: CheckLevel, turns: Turns, client: Client): Promise<Verdict> {
  // A valid event is kept although its client has gone: most clients do not send it again.
  await turns.wait(scanWork(bytes));
  const event = hasManyMembers(bytes) ? undefined : scanEvent(bytes);
  if (event) return { path: 'fast_path', event };
  const pause = () => turns.wait(SLICE_BYTES, client);
  await pause();
  return checkInSlices(bytes, level, pause);
}

/** Checks the body of a batch as JSON text only: UTF-8, no byte order mark, the grammar, the limits of `json.ts`. */
export function checkText(bytes: Buffer): TextVerdict {
  return scanArray(bytes) ?? checkTextFully(bytes);
}

/** The same in turns with other requests. The verdict has the offsets of at most `maxElements` elements. */
export async function checkTextInTurns(
  bytes: Buffer,
  maxElements: number,
  turns: Turns,
  client: Client,
): Promise<TextVerdict> {
  const work = scanWork(bytes);
  if (!turns.take(work)) await turns.wait(work, client);
  const scan = hasManyMembers(bytes) ? undefined : scanArray(bytes);
  return scan ?? checkTextInSlices(bytes, maxElements, () => turns.wait(SLICE_BYTES, client));
}

function hasManyMembers(bytes: Buffer): boolean {
  // Smaller texts have not so many.
  if (bytes.length <= MAX_SCANNED_MEMBERS || !copyToScanner(bytes)) return false;
  return scanner.countMembers(bytes.length) > MAX_SCANNED_MEMBERS;
}

/** A larger event is not scanned for the names of its job: a log line needs them, and no more. */
const MAX_NAMED_BYTES = 1024 * 1024;

/** The names of the job of a valid event, for a log line. `namespace` is what the check has found. */
export function jobOf(bytes: Buffer, { kind, namespace }: CheckedEvent): JobNames {
  if (kind === 'dataset') return {};
  if (bytes.length <= MAX_NAMED_BYTES && scanEvent(bytes)) {
    return { namespace, name: textOf(bytes, 'ownName', 'ownNameEnd') };
  }
  return bytes.length > MAX_SYNC_BYTES ? { namespace } : jobNamesOf(JSON.parse(bytes.toString('utf8')));
}

/** What assembly/index.ts exports. */
interface Scanner {
  readonly memory: WebAssembly.Memory;
  readonly reserve: (length: number) => number;
  readonly scanEvent: (length: number) => number;
  readonly scanArray: (length: number) => number;
  readonly countMembers: (length: number) => number;
  readonly RESULT: { readonly value: number };
  readonly ELEMENTS: { readonly value: number };
}

/** The longest text that the scanner gets, in bytes. Its memory grows to the longest text so far and never shrinks. */
const MAX_LENGTH = 32 * 1024 * 1024;

/** The kinds by their numbers in assembly/event.ts. */
const KINDS: readonly (EventKind | undefined)[] = [undefined, 'run', 'job', 'dataset'];

/** The bits of assembly/formats.ts, in the order of deviations.ts. */
const DEVIATIONS: readonly (readonly [bit: number, deviation: Deviation])[] = [
  [8, 'schema_url_missing'],
  [16, 'schema_url_not_uri'],
  [32, 'producer_not_uri'],
  [1, 'event_time_without_zone'],
  [2, 'run_id_form'],
  [4, 'facet_base_missing'],
  [64, 'null_member'],
];
const NO_DEVIATIONS: readonly Deviation[] = [];

/** The byte offsets of the fields in the scanner's result, as in assembly/memory.ts. */
const RESULT = {
  kind: 0,
  deviations: 4,
  namespace: 8,
  namespaceEnd: 12,
  name: 16,
  nameEnd: 20,
  hasEscape: 24,
  ownNamespace: 28,
  ownNamespaceEnd: 32,
  ownHasEscape: 36,
  time: 40,
  ownName: 48,
  ownNameEnd: 52,
};
const RESULT_SIZE = 56;

const scanner = loadScanner();
let memory = new Uint8Array(scanner.memory.buffer);
let result = new DataView(scanner.memory.buffer, scanner.RESULT.value, RESULT_SIZE);

/** The event, when it is certainly valid at level `core`; undefined when the scanner is not sure. */
export function scanEvent(bytes: Buffer): CheckedEvent | undefined {
  if (!copyToScanner(bytes) || scanner.scanEvent(bytes.length) === 0) return undefined;
  const kind = KINDS[resultOf('kind')];
  if (!kind) return undefined;
  const time = result.getFloat64(RESULT.time, true);
  const deviations = deviationsOf(resultOf('deviations'));
  const namespace = textOf(bytes, 'ownNamespace', 'ownNamespaceEnd');
  return { kind, key: keyOf(kind, bytes), namespace, time, deviations };
}

/**
 * Byte offsets of an array's elements, start and end in pairs; undefined when the text is not certainly an array, or has
 * more elements than the scanner stores.
 */
export function scanArray(bytes: Buffer): { elements: Uint32Array; count: number } | undefined {
  if (!copyToScanner(bytes)) return undefined;
  const count = scanner.scanArray(bytes.length);
  if (count < 0) return undefined;
  const elements = new Uint32Array(scanner.memory.buffer, scanner.ELEMENTS.value, count * 2).slice();
  return { elements, count };
}

/** Copies a text into the scanner's memory; false when there is no room for it. */
function copyToScanner(bytes: Buffer): boolean {
  if (bytes.length > MAX_LENGTH) return false;
  const place = scanner.reserve(bytes.length);
  if (place === 0) return false;
  // When the scanner's memory grows, it becomes a new buffer, and the length of the old one becomes zero.
  if (memory.length === 0) {
    memory = new Uint8Array(scanner.memory.buffer);
    result = new DataView(scanner.memory.buffer, scanner.RESULT.value, RESULT_SIZE);
  }
  memory.set(bytes, place);
  return true;
}

function resultOf(field: keyof typeof RESULT): number {
  return result.getUint32(RESULT[field], true);
}

/** The key, such as `run:namespace/name`, copied from the event's own bytes. */
function keyOf(kind: EventKind, bytes: Buffer): Buffer {
  const namespace = resultOf('namespace');
  const namespaceEnd = resultOf('namespaceEnd');
  const name = resultOf('name');
  const nameEnd = resultOf('nameEnd');
  if (resultOf('hasEscape') !== 0) {
    const parts = {
      namespace: unescape(bytes, namespace, namespaceEnd),
      name: unescape(bytes, name, nameEnd),
    };
    return Buffer.from(formatKey({ kind, ...parts }));
  }
  const start = kind.length + 1;
  const slash = start + namespaceEnd - namespace;
  const key = Buffer.allocUnsafe(slash + 1 + nameEnd - name);
  key.write(kind, 0, 'latin1');
  key[kind.length] = COLON;
  copyShort(bytes, namespace, namespaceEnd, key, start);
  key[slash] = SLASH;
  copyShort(bytes, name, nameEnd, key, slash + 1);
  return key;
}

/** The text of the event's own namespace or name. */
function textOf(bytes: Buffer, startOf: keyof typeof RESULT, endOf: keyof typeof RESULT): string {
  const start = resultOf(startOf);
  const end = resultOf(endOf);
  return resultOf('ownHasEscape') === 0 ? bytes.toString('utf8', start, end) : unescape(bytes, start, end);
}

/** Copies byte by byte: for about ten bytes, the call of `Buffer.copy` costs more than it saves. */
function copyShort(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i] ?? 0;
}

const COLON = 0x3a;
const SLASH = 0x2f;

/** The text of a JSON string; the scanner has checked its escapes. */
function unescape(bytes: Buffer, start: number, end: number): string {
  return String(JSON.parse(`"${bytes.toString('utf8', start, end)}"`));
}

function deviationsOf(bits: number): readonly Deviation[] {
  if (bits === 0) return NO_DEVIATIONS;
  return DEVIATIONS.filter(([bit]) => (bits & bit) !== 0).map(([, deviation]) => deviation);
}

function loadScanner(): Scanner {
  const file = join(packageFolder, 'dist', 'event-scan.wasm');
  if (!existsSync(file)) throw new Error(`${file} is missing: run make build`);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {});
  if (!isScanner(exports)) throw new Error(`${file} is of another version: run make build`);
  return exports;
}

function isScanner(exports: object): exports is Scanner {
  return ['memory', 'reserve', 'scanEvent', 'scanArray', 'countMembers', 'RESULT', 'ELEMENTS'].every(
    (name) => name in exports,
  );
}
