/**
 * The fast lane: the scanner of assembly/, compiled to WebAssembly, which takes surely good events in a fraction of the
 * time that `JSON.parse` and the schema need. What it is not sure of goes to the explaining lane (explaining-lane.ts).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../support/package-folder.ts';
import type { Deviation } from './deviations.ts';
import { formatKey } from './event-key.ts';
import type { EventKind } from './event-schema.ts';
import type { CheckedEvent } from './verdict.ts';

/** What assembly/index.ts exports. */
interface Scanner {
  readonly memory: WebAssembly.Memory;
  readonly reserve: (length: number) => number;
  readonly scanEvent: (length: number) => number;
  readonly scanArray: (length: number) => number;
  readonly RESULT: { readonly value: number };
  readonly ELEMENTS: { readonly value: number };
}

/** Bytes of the longest text that is looked at: the scanner's memory grows to the longest there was, and stays. */
const MAX_LENGTH = 32 * 1024 * 1024;

/** The numbers of assembly/event.ts. */
const KINDS: readonly (EventKind | undefined)[] = [undefined, 'run', 'job', 'dataset'];

/** The bits of assembly/formats.ts, in the order of deviations.ts. */
const DEVIATIONS: readonly (readonly [bit: number, deviation: Deviation])[] = [
  [8, 'schema_url_missing'],
  [1, 'event_time_without_zone'],
  [2, 'run_id_form'],
  [4, 'facet_base_missing'],
];
const NO_DEVIATIONS: readonly Deviation[] = [];

/** Where an event's result has what, in bytes: the places of assembly/memory.ts. */
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
};
const RESULT_SIZE = 48;

const scanner = loadScanner();
let memory = new Uint8Array(scanner.memory.buffer);
let result = new DataView(scanner.memory.buffer, scanner.RESULT.value, RESULT_SIZE);

/** What there is to know of an event that is surely good, at level `core`; undefined when that is not sure. */
export function scanEvent(bytes: Buffer): CheckedEvent | undefined {
  if (!put(bytes) || scanner.scanEvent(bytes.length) === 0) return undefined;
  const kind = KINDS[resultOf('kind')];
  if (!kind) return undefined;
  const time = result.getFloat64(RESULT.time, true);
  const deviations = deviationsOf(resultOf('deviations'));
  return { kind, key: keyOf(kind, bytes), namespace: namespaceOf(bytes), time, deviations };
}

/** Start and end offsets, in pairs, of the elements of an array; undefined when it is not surely one. */
export function scanArray(bytes: Buffer): Uint32Array | undefined {
  if (!put(bytes)) return undefined;
  const count = scanner.scanArray(bytes.length);
  if (count < 0) return undefined;
  return new Uint32Array(scanner.memory.buffer, scanner.ELEMENTS.value, count * 2).slice();
}

/** Gives the text to the scanner. */
function put(bytes: Buffer): boolean {
  if (bytes.length > MAX_LENGTH) return false;
  const place = scanner.reserve(bytes.length);
  if (place === 0) return false;
  // Memory that has grown is another buffer, and the one before it is empty.
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

/** `run:namespace/name`, put together from the event's own bytes. */
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

function namespaceOf(bytes: Buffer): string {
  const start = resultOf('ownNamespace');
  const end = resultOf('ownNamespaceEnd');
  return resultOf('ownHasEscape') === 0 ? bytes.toString('utf8', start, end) : unescape(bytes, start, end);
}

/** For some ten bytes, `Buffer.copy` costs more than what it saves. */
function copyShort(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i] ?? 0;
}

const COLON = 0x3a;
const SLASH = 0x2f;

/** The text of a JSON string whose escapes are known to be right. */
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
  if (!isScanner(exports)) throw new Error(`${file} is another version's: run make build`);
  return exports;
}

function isScanner(exports: object): exports is Scanner {
  return ['memory', 'reserve', 'scanEvent', 'scanArray', 'RESULT', 'ELEMENTS'].every(
    (name) => name in exports,
  );
}
