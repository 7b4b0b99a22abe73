/**
 * The scanner of the fast path: loads the WebAssembly module of `assembly/`, hands it texts, and reads its results. The
 * scanner accepts events that are certainly valid. Its memory is also the pool for large bodies.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BytePool } from '../support/byte-pool.ts';
import { packageFolder } from '../support/package-folder.ts';
import type { Deviation } from './deviations.ts';
import { formatKey } from './event-key.ts';
import type { EventKind } from './event-schema.ts';
import type { CheckedEvent } from './verdict.ts';

/** What assembly/index.ts exports. */
interface Scanner {
  readonly memory: WebAssembly.Memory;
  readonly terminate: (length: number) => void;
  readonly scanEvent: (start: number, length: number) => number;
  readonly scanArray: (start: number, length: number) => number;
  readonly countMembers: (start: number, length: number) => number;
  readonly RESULT: Place;
  readonly ELEMENTS: Place;
  readonly INPUT: Place;
  readonly MAX_INPUT: Place;
  readonly POOL: Place;
  readonly POOL_END: Place;
}

/** A constant of the module. */
interface Place {
  readonly value: number;
}

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
const memory = scanner.memory.buffer;
const scratch = Buffer.from(memory, scanner.INPUT.value, scanner.MAX_INPUT.value);
const result = new DataView(memory, scanner.RESULT.value, RESULT_SIZE);

/**
 * Memory for bodies. The scanner reads them where they are. A page of it that was used once stays with the process.
 * HTTP2KAFKA_POISON=1 is for tests: bytes that are read too late are then no event any more.
 */
export const textPool = new BytePool(
  memory,
  scanner.POOL.value,
  scanner.POOL_END.value,
  process.env['HTTP2KAFKA_POISON'] === '1',
);

/** The event, when it is certainly valid at level `core`; undefined when the scanner is not sure. */
export function scanEvent(bytes: Buffer): CheckedEvent | undefined {
  const start = startOf(bytes);
  if (start === undefined || scanner.scanEvent(start, bytes.length) === 0) return undefined;
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
  const start = startOf(bytes);
  if (start === undefined) return undefined;
  const count = scanner.scanArray(start, bytes.length);
  if (count < 0) return undefined;
  const elements = new Uint32Array(memory, scanner.ELEMENTS.value, count * 2).slice();
  return { elements, count };
}

/** The number of commas and opening brackets, those in strings as well; undefined when the scanner has no room. */
export function countMembers(bytes: Buffer): number | undefined {
  const start = startOf(bytes);
  return start === undefined ? undefined : scanner.countMembers(start, bytes.length);
}

/** The name of the job of an event that the scanner accepts. */
export function jobNameOf(bytes: Buffer): string | undefined {
  const start = startOf(bytes);
  if (start === undefined || scanner.scanEvent(start, bytes.length) === 0) return undefined;
  return textOf(bytes, 'ownName', 'ownNameEnd');
}

/**
 * Where the scanner finds a text: in its pool, or at INPUT, where this copies it. Undefined when there is no room. A text
 * in the pool is a whole body, or an element of one that was read before.
 */
function startOf(bytes: Buffer): number | undefined {
  if (bytes.buffer === memory) return bytes.byteOffset;
  if (bytes.length > scratch.length) return undefined;
  scratch.set(bytes);
  scanner.terminate(bytes.length);
  return scanner.INPUT.value;
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
  return [
    ...['memory', 'terminate', 'scanEvent', 'scanArray', 'countMembers'],
    ...['RESULT', 'ELEMENTS', 'INPUT', 'MAX_INPUT', 'POOL', 'POOL_END'],
  ].every((name) => name in exports);
}
