/**
 * JSON (RFC 8259). `scanJson` reads the bytes of a text and builds no values. It finds what `JSON.parse` does not tell:
 * the offset of an error, the depth, numbers that consumers' parsers refuse, and the bytes of an array's elements.
 * Of valid UTF-8 it accepts exactly the texts that `JSON.parse` accepts, except for the two limits below.
 */

import { skipPlainText, skipSpaces } from './scanner-module.ts';

/** Levels of nesting. The parser of pydantic-core (Data.Rentgen's consumer) stops at 200, Jackson's at 1000. */
export const MAX_DEPTH = 200;

/** Characters of one number. Jackson refuses longer numbers, and Python's int() stops at 4300 digits. */
export const MAX_NUMBER_LENGTH = 1000;

export interface JsonError {
  /** Offset of the first wrong byte. */
  readonly offset: number;
  readonly reason: string;
  readonly code: 'json_invalid' | 'json_too_deep' | 'json_number_too_long';
}

export interface JsonScan {
  readonly error?: JsonError;
  /** Byte offsets of the outermost array's elements, start and end in pairs; undefined for other values. */
  readonly elements?: readonly number[];
  /** How many elements the outermost array has. `elements` may have fewer. */
  readonly count?: number;
}

/** White space, or characters of a string, that are read one by one. The scanner reads longer runs: 5 MB take no time. */
const SHORT_RUN = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

export class ScanError extends Error {
  readonly error: JsonError;
  constructor(offset: number, reason: string, code: JsonError['code'] = 'json_invalid') {
    super(reason);
    this.error = { offset, reason, code };
  }
}

/** A text that is read in slices. */
export interface JsonText {
  /** Valid UTF-8. */
  readonly bytes: Buffer;
  /** Bytes that are read before the reader yields. */
  readonly sliceBytes: number;
  /** The offset from which on the reader yields. */
  pauseAt: number;
}

/** The elements of the outermost array. */
interface Elements {
  /** Start and end offsets in pairs, of the first elements. */
  readonly offsets: number[];
  readonly maxOffsets: number;
  count: number;
}

/** Scans the whole text at once; `bytes` must be valid UTF-8. */
export function scanJson(bytes: Uint8Array): JsonScan {
  const scan = scanInSlices(bytes, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).next();
  if (scan.done !== true) throw new Error('the scan has stopped early');
  return scan.value;
}

/**
 * The same, but yields after each `sliceBytes`. The result has the offsets of the first `maxElements` elements only. A
 * single string is never split: it takes milliseconds even if it is the whole body.
 */
export function* scanInSlices(
  { buffer, byteOffset, length }: Uint8Array,
  sliceBytes: number,
  maxElements: number,
): Generator<void, JsonScan> {
  const bytes = Buffer.from(buffer, byteOffset, length);
  const elements: Elements = { offsets: [], maxOffsets: maxElements * 2, count: 0 };
  try {
    const from = skipSpace(bytes, 0);
    const end = yield* skipValue({ bytes, sliceBytes, pauseAt: sliceBytes }, from, 0, elements);
    endText(bytes, end);
    return bytes[from] === OPEN_ARRAY ? { elements: elements.offsets, count: elements.count } : {};
  } catch (thrown) {
    if (thrown instanceof ScanError) return { error: thrown.error };
    throw thrown;
  }
}

/** Only space may follow the text's value, which ends at `end`. */
export function endText(bytes: Buffer, end: number): void {
  const at = skipSpace(bytes, end);
  if (at < bytes.length) throw new ScanError(at, 'there is more after the end of the JSON text');
}

/** Checks that a container may begin at `at`, inside of `depth` others. */
export function checkDepth(at: number, depth: number): void {
  if (depth === MAX_DEPTH) throw new ScanError(at, `nested deeper than ${MAX_DEPTH} levels`, 'json_too_deep');
}

/** Skips the value at `from`, which is inside of `depth` containers. Returns the offset of its end. */
export function* skipValue(
  text: JsonText,
  from: number,
  depth: number,
  elements?: Elements,
): Generator<void, number> {
  const { bytes } = text;
  /** The closing bytes of the open containers, innermost last. A list, because recursion needs stack for each level. */
  const closers: number[] = [];
  let at = from;
  for (;;) {
    if (at >= text.pauseAt) {
      text.pauseAt = at + text.sliceBytes;
      yield;
    }
    // A value begins at this point.
    if (elements && closers.length === 1 && closers[0] === CLOSE_ARRAY) {
      elements.count += 1;
      if (elements.offsets.length < elements.maxOffsets) elements.offsets.push(at);
    }
    const first = bytes[at];
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      checkDepth(at, depth + closers.length);
      const close = first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== close) {
        closers.push(close);
        if (close === CLOSE_OBJECT) at = skipKey(bytes, at);
        continue;
      }
      at += 1;
    } else {
      at = skipScalar(bytes, at);
    }

    // A value has ended at this point. The containers around it may end as well.
    for (;;) {
      const close = closers.at(-1);
      if (close === undefined) return at;
      if (elements && close === CLOSE_ARRAY && closers.length === 1 && elements.offsets.length % 2 === 1) {
        elements.offsets.push(at);
      }
      const next = nextItem(bytes, at, close);
      if (next !== undefined) {
        at = close === CLOSE_OBJECT ? skipKey(bytes, next) : next;
        break;
      }
      closers.pop();
      at = skipSpace(bytes, at) + 1;
    }
  }
}

/** From the end of an item to the next item of its container; undefined if `close` ends the container. */
export function nextItem(bytes: Buffer, from: number, close: number): number | undefined {
  const at = skipSpace(bytes, from);
  if (bytes[at] === COMMA) return skipSpace(bytes, at + 1);
  if (bytes[at] !== close) throw unexpected(bytes, at, `"," or "${String.fromCharCode(close)}"`);
  return undefined;
}

/** Skips `"key" :` and the space around it; returns the offset of the value. */
function skipKey(bytes: Buffer, at: number): number {
  return skipColon(bytes, skipKeyText(bytes, at));
}

/** Skips a key with its quotes. */
export function skipKeyText(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) throw unexpected(bytes, at, 'a key in double quotes');
  return skipString(bytes, at);
}

/** From the end of a key to its value. */
export function skipColon(bytes: Buffer, at: number): number {
  const colon = skipSpace(bytes, at);
  if (bytes[colon] !== COLON) throw unexpected(bytes, colon, '":" after the key');
  return skipSpace(bytes, colon + 1);
}

export function skipScalar(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first === MINUS || isDigit(first)) return skipNumber(bytes, at);
  if (first === 0x74) return skipWord(bytes, at, 'true');
  if (first === 0x66) return skipWord(bytes, at, 'false');
  if (first === 0x6e) return skipWord(bytes, at, 'null');
  throw unexpected(bytes, at, 'a value');
}

function skipString(bytes: Buffer, from: number): number {
  let at = from + 1;
  let longAt = at + SHORT_RUN;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined) throw new ScanError(from, 'a string that does not end');
    if (byte < 0x20) throw new ScanError(at, 'a control character in a string must be escaped');
    if (byte === BACKSLASH) {
      at = skipEscape(bytes, at);
      longAt = at + SHORT_RUN;
    } else if (at < longAt) {
      at += 1;
    } else {
      at = skipPlainText(bytes, at);
    }
  }
}

/** The letters that may follow a backslash, without `u`. */
const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

function skipEscape(bytes: Buffer, at: number): number {
  const letter = bytes[at + 1];
  if (letter === undefined) throw new ScanError(at, 'a string that does not end');
  if (SIMPLE_ESCAPES.has(letter)) return at + 2;
  if (letter !== 0x75) throw new ScanError(at, 'an escape that JSON does not know');
  for (let i = at + 2; i < at + 6; i++) {
    if (!isHexDigit(bytes[i])) throw new ScanError(at, 'four hexadecimal digits must follow \\u');
  }
  return at + 6;
}

function skipNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  // RFC 8259 §6: no leading zeros.
  at = bytes[at] === 0x30 ? at + 1 : skipDigits(bytes, at);
  if (bytes[at] === 0x2e) at = skipDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    at = skipDigits(bytes, sign === 0x2b || sign === MINUS ? at + 2 : at + 1);
  }
  if (at - from > MAX_NUMBER_LENGTH) {
    throw new ScanError(from, `a number longer than ${MAX_NUMBER_LENGTH} characters`, 'json_number_too_long');
  }
  return at;
}

function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at += 1;
  if (at === from) throw unexpected(bytes, at, 'a digit');
  return at;
}

function skipWord(bytes: Buffer, at: number, word: string): number {
  for (let i = 0; i < word.length; i++) {
    if (bytes[at + i] !== word.charCodeAt(i)) throw unexpected(bytes, at, 'a value');
  }
  return at + word.length;
}

export function skipSpace(bytes: Buffer, from: number): number {
  for (let at = from; at < from + SHORT_RUN; at += 1) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
  }
  return skipSpaces(bytes, from + SHORT_RUN);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

function unexpected(bytes: Buffer, at: number, wanted: string): ScanError {
  return new ScanError(
    at,
    at >= bytes.length ? `the text ends where ${wanted} is expected` : `${wanted} is expected`,
  );
}

/** A member of a parsed object or array; undefined when the value has no such member of its own. */
export function member(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}
