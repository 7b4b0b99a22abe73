/** The scanner of `assembly/`, as a program without any other part uses it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Scanner {
  readonly memory: WebAssembly.Memory;
  readonly reserve: (length: number) => number;
  readonly scanEvent: (length: number) => number;
  readonly scanArray: (length: number) => number;
  readonly RESULT: { readonly value: number };
  readonly ELEMENTS: { readonly value: number };
}

/** Indexes of 32-bit numbers in the scanner's result, as in assembly/memory.ts. */
const KIND = 0;
const NAMESPACE = 2;
const NAMESPACE_END = 3;
const NAME = 4;
const NAME_END = 5;

const PREFIXES = ['', 'run:', 'job:', 'dataset:'];

const scanner = load();
/** Where the scanner expects the bytes. */
const input = scanner.reserve(0);
let memory = Buffer.from(scanner.memory.buffer);
let result = new Uint32Array(scanner.memory.buffer, scanner.RESULT.value, NAME_END + 1);

/** The record's key, such as `run:namespace/name`. Undefined when the bytes are not certainly an event. */
export function keyOf(pieces: readonly Buffer[]): string | undefined {
  const length = copy(pieces);
  if (scanner.scanEvent(length) === 0) return undefined;
  return `${PREFIXES[result[KIND] ?? 0] ?? ''}${text(NAMESPACE, NAMESPACE_END)}/${text(NAME, NAME_END)}`;
}

/** The bytes between two places of the result, each as one character. */
function text(start: number, end: number): string {
  return memory.toString('latin1', input + (result[start] ?? 0), input + (result[end] ?? 0));
}

/** The start and end offsets of an array's elements, in pairs. Undefined when the bytes are not certainly an array. */
export function elementsOf(body: Buffer): Uint32Array | undefined {
  const count = scanner.scanArray(copy([body]));
  if (count < 0) return undefined;
  return new Uint32Array(scanner.memory.buffer, scanner.ELEMENTS.value, count * 2).slice();
}

/** Copies the pieces into the scanner's memory. Returns their length. */
function copy(pieces: readonly Buffer[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  scanner.reserve(length);
  // When the memory grows, it becomes a new buffer, and the length of the old one becomes zero.
  if (memory.length === 0) {
    memory = Buffer.from(scanner.memory.buffer);
    result = new Uint32Array(scanner.memory.buffer, scanner.RESULT.value, NAME_END + 1);
  }
  let at = input;
  for (const piece of pieces) {
    memory.set(piece, at);
    at += piece.length;
  }
  return length;
}

function load(): Scanner {
  const file = join(import.meta.dirname, '..', '..', '..', 'dist', 'event-scan.wasm');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {});
  if (!isScanner(exports)) throw new Error(`${file} is of another version: run make build`);
  return exports;
}

function isScanner(exports: object): exports is Scanner {
  return ['memory', 'reserve', 'scanEvent', 'scanArray', 'RESULT', 'ELEMENTS'].every(
    (name) => name in exports,
  );
}
