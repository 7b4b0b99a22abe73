/**
 * Loads the scanner, the WebAssembly module of `assembly/`, and hands it texts. Its memory is also the pool for large
 * bodies. Here is what needs nothing but bytes; scanner.ts reads events.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../support/packages/package-folder.ts';
import { BytePool } from '../support/memory/byte-pool.ts';

/** What assembly/index.ts exports. */
interface Scanner {
  readonly memory: WebAssembly.Memory;
  readonly terminate: (length: number) => void;
  readonly scanEvent: (start: number, length: number) => number;
  readonly scanArray: (start: number, length: number) => number;
  readonly countMembers: (start: number, length: number) => number;
  readonly countByte: (start: number, length: number, byte: number) => number;
  readonly skipSpace: (start: number) => number;
  readonly skipPlain: (start: number) => number;
  readonly findFields: (start: number, from: number) => number;
  readonly firstDataset: (start: number, from: number) => number;
  readonly nextDataset: (start: number, from: number) => number;
  readonly RESULT: Place;
  readonly ELEMENTS: Place;
  readonly EVENTS: Place;
  readonly EVENT_SIZE: Place;
  readonly FIELDS: Place;
  readonly FIELD_COUNT: Place;
  readonly MAX_EVENTS: Place;
  readonly INPUT: Place;
  readonly MAX_INPUT: Place;
  readonly POOL: Place;
  readonly POOL_END: Place;
}

/** A constant of the module. */
interface Place {
  readonly value: number;
}

export const scanner = loadScanner();
export const memory = scanner.memory.buffer;
const scratch = Buffer.from(memory, scanner.INPUT.value, scanner.MAX_INPUT.value);
/** Memory for bodies, which the scanner reads where they are. A page of it that was used once stays with the process. */
export const textPool = new BytePool(memory, scanner.POOL.value, scanner.POOL_END.value);

/** How often a byte occurs among bytes of any number. */
export function countByte(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at += scratch.length) {
    const part = bytes.subarray(at, at + scratch.length);
    count += scanner.countByte(placed(part), part.length, byte);
  }
  return count;
}

/** From `from` to the next byte that is no white space, or to the end: for texts that are made of it. */
export function skipSpaces(bytes: Buffer, from: number): number {
  return skipRun(bytes, from, scanner.skipSpace);
}

/** From `from` to the next quote, backslash or control character, or to the end: for long strings. */
export function skipPlainText(bytes: Buffer, from: number): number {
  return skipRun(bytes, from, scanner.skipPlain);
}

/** Bytes that are copied to the scanner at once, to skip a run of some kind of bytes. */
const RUN_BYTES = 64 * 1024;

/** `skip` stops at a zero at the latest, which follows every text. */
function skipRun(bytes: Buffer, from: number, skip: (start: number) => number): number {
  let at = from;
  while (at < bytes.length) {
    const part = bytes.subarray(at, at + RUN_BYTES);
    const start = placed(part);
    // In the pool it may be more than the part: what follows is there as well.
    const length = skip(start) - start;
    at += length;
    if (length < part.length) return at;
  }
  return bytes.length;
}

/** Where the scanner finds a text; undefined when there is no room for it. */
export function startOf(bytes: Buffer): number | undefined {
  return bytes.buffer === memory || bytes.length <= scratch.length ? placed(bytes) : undefined;
}

/**
 * The place of a text: in the pool, or at INPUT, where this copies it. A text in the pool is a whole body, which has
 * zeros behind it, or an element of one that was read before.
 */
function placed(bytes: Buffer): number {
  if (bytes.buffer === memory) return bytes.byteOffset;
  scratch.set(bytes);
  scanner.terminate(bytes.length);
  return scanner.INPUT.value;
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
    ...[
      'memory',
      'terminate',
      'scanEvent',
      'scanArray',
      'countMembers',
      'countByte',
      'skipSpace',
      'skipPlain',
      'findFields',
      'firstDataset',
      'nextDataset',
    ],
    ...['RESULT', 'ELEMENTS', 'EVENTS', 'EVENT_SIZE', 'MAX_EVENTS', 'FIELDS', 'FIELD_COUNT'],
    ...['INPUT', 'MAX_INPUT', 'POOL', 'POOL_END'],
  ].every((name) => name in exports);
}
