/**
 * JSON (RFC 8259). `scanJson` reads the bytes of a text and builds no values. It finds what `JSON.parse` does not tell:
 * the offset of an error, the depth, numbers that consumers' parsers refuse, and the bytes of an array's elements.
 * Of valid UTF-8 it accepts exactly the texts that `JSON.parse` accepts, except for the two limits below.
 */

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
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

class ScanError extends Error {
  readonly error: JsonError;
  constructor(offset: number, reason: string, code: JsonError['code'] = 'json_invalid') {
    super(reason);
    this.error = { offset, reason, code };
  }
}

/** Scans the whole text; `bytes` must be valid UTF-8. */
export function scanJson(bytes: Uint8Array): JsonScan {
  const elements: number[] = [];
  try {
    scanDocument(bytes, elements);
    return bytes[skipSpace(bytes, 0)] === OPEN_ARRAY ? { elements } : {};
  } catch (thrown) {
    if (thrown instanceof ScanError) return { error: thrown.error };
    throw thrown;
  }
}

function scanDocument(bytes: Uint8Array, elements: number[]): void {
  /** The closing bytes of the open containers, innermost last. A list, because recursion needs stack for each level. */
  const closers: number[] = [];
  let at = skipSpace(bytes, 0);
  for (;;) {
    // A value begins at this point.
    if (closers.length === 1 && closers[0] === CLOSE_ARRAY) elements.push(at);
    const first = bytes[at];
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      if (closers.length === MAX_DEPTH)
        throw new ScanError(at, `nested deeper than ${MAX_DEPTH} levels`, 'json_too_deep');
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
      if (close === CLOSE_ARRAY && closers.length === 1) elements.push(at);
      at = skipSpace(bytes, at);
      if (close === undefined) {
        if (at < bytes.length) throw new ScanError(at, 'there is more after the end of the JSON text');
        return;
      }
      if (bytes[at] === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (close === CLOSE_OBJECT) at = skipKey(bytes, at);
        break;
      }
      if (bytes[at] !== close) {
        throw unexpected(bytes, at, `"," or "${String.fromCharCode(close)}"`);
      }
      closers.pop();
      at += 1;
    }
  }
}

/** Skips `"key" :` and the space around it; returns the offset of the value. */
function skipKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw unexpected(bytes, at, 'a key in double quotes');
  const colon = skipSpace(bytes, skipString(bytes, at));
  if (bytes[colon] !== COLON) throw unexpected(bytes, colon, '":" after the key');
  return skipSpace(bytes, colon + 1);
}

function skipScalar(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first === MINUS || isDigit(first)) return skipNumber(bytes, at);
  if (first === 0x74) return skipWord(bytes, at, 'true');
  if (first === 0x66) return skipWord(bytes, at, 'false');
  if (first === 0x6e) return skipWord(bytes, at, 'null');
  throw unexpected(bytes, at, 'a value');
}

function skipString(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined) throw new ScanError(from, 'a string that does not end');
    if (byte < 0x20) throw new ScanError(at, 'a control character in a string must be escaped');
    at = byte === BACKSLASH ? skipEscape(bytes, at) : at + 1;
  }
}

/** The letters that may follow a backslash, without `u`. */
const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

function skipEscape(bytes: Uint8Array, at: number): number {
  const letter = bytes[at + 1];
  if (letter === undefined) throw new ScanError(at, 'a string that does not end');
  if (SIMPLE_ESCAPES.has(letter)) return at + 2;
  if (letter !== 0x75) throw new ScanError(at, 'an escape that JSON does not know');
  for (let i = at + 2; i < at + 6; i++) {
    if (!isHexDigit(bytes[i])) throw new ScanError(at, 'four hexadecimal digits must follow \\u');
  }
  return at + 6;
}

function skipNumber(bytes: Uint8Array, from: number): number {
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

function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at += 1;
  if (at === from) throw unexpected(bytes, at, 'a digit');
  return at;
}

function skipWord(bytes: Uint8Array, at: number, word: string): number {
  for (let i = 0; i < word.length; i++) {
    if (bytes[at + i] !== word.charCodeAt(i)) throw unexpected(bytes, at, 'a value');
  }
  return at + word.length;
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

function unexpected(bytes: Uint8Array, at: number, wanted: string): ScanError {
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
