/**
 * The grammar of JSON (RFC 8259) and UTF-8 (RFC 3629), in steps of 16 bytes where possible. Every function takes the
 * position of what it reads, and returns the position after it, or NOT_SURE. NOT_SURE is a position that can be read:
 * memory begins with zeros, which are valid nowhere in JSON. So callers need not check for NOT_SURE after each step.
 */

/** The position 0, where no text is. */
export const NOT_SURE: usize = 0;

export const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const OPEN_ARRAY: u8 = 0x5b;
const CLOSE_ARRAY: u8 = 0x5d;
const OPEN_OBJECT: u8 = 0x7b;
const CLOSE_OBJECT: u8 = 0x7d;
/** `,"`, read as a little-endian number. */
const COMMA_QUOTE: u16 = 0x222c;
/** "null", read as a little-endian number. */
const NULL: u32 = 0x6c6c756e;

/** The limits of src/openlineage/json.ts, which the full check uses. */
const MAX_DEPTH: i32 = 200;
const MAX_NUMBER_LENGTH: usize = 1000;

/** The number of open containers. */
let depth: i32 = 0;

/** The last string that was read: what it has besides plain ASCII, and where it begins and ends, without its quotes. */
export const ESCAPE: u32 = 1;
/** Half of a surrogate pair, as an escape. The scanner does not check whether two halves make a pair. */
export const SURROGATE: u32 = 2;
export const NON_ASCII: u32 = 4;
export let textHas: u32 = 0;
export let textStart: usize = 0;
export let textEnd: usize = 0;

/** Where the text begins. */
export let text: usize = 0;

/** Must be called before each text, which begins at `at`. What is read next is inside of `containers` containers. */
export function startText(at: usize, containers: i32 = 0): void {
  text = at;
  depth = containers;
}

/** Nearly always there is no space. The compiler writes this small function out wherever it is called. */
export function skipSpace(at: usize): usize {
  return load<u8>(at) > 0x20 ? at : skipSpaces(at);
}

function skipSpaces(at: usize): usize {
  if (load<u8>(at) == 0x20 && load<u8>(at + 1) > 0x20) return at + 1;
  while (true) {
    const bytes = v128.load(at);
    const spaces = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(0x20)), i8x16.eq(bytes, i8x16.splat(0x0a))),
      v128.or(i8x16.eq(bytes, i8x16.splat(0x0d)), i8x16.eq(bytes, i8x16.splat(0x09))),
    );
    const others = ~i8x16.bitmask(spaces) & 0xffff;
    if (others != 0) return at + ctz(others);
    at += 16;
  }
}

/** Skips any value. Its text is not noted. */
export function skipValue(at: usize): usize {
  const byte = load<u8>(at);
  if (byte == QUOTE) return skipText(at + 1);
  if (byte == OPEN_OBJECT) return skipObject(at);
  if (byte == OPEN_ARRAY) return skipArray(at);
  if (byte == 0x74) return load<u32>(at) == 0x65757274 ? at + 4 : NOT_SURE; // "true", read as a little-endian number
  if (byte == 0x6e) return load<u32>(at) == NULL ? at + 4 : NOT_SURE;
  if (byte == 0x66) return load<u32>(at + 1) == 0x65736c61 ? at + 5 : NOT_SURE; // "alse"
  return skipNumber(at);
}

/** Most bytes of a large event are read here. So the usual case, no space anywhere, is written out. */
function skipObject(at: usize): usize {
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = skipText(at + 1);
    at = load<u8>(at) == COLON && load<u8>(at + 1) > 0x20 ? at + 1 : skipColon(at);
    at = load<u8>(at) == QUOTE ? skipText(at + 1) : skipValue(at);
    at = load<u16>(at) == COMMA_QUOTE ? at + 1 : nextMember(at);
  }
  return closeObject(at);
}

function skipArray(at: usize): usize {
  at = openArray(at);
  while (isItem(at)) at = nextItem(skipValue(at));
  return closeArray(at);
}

/** True when the value is null. If so, `skipValue` reads it. */
export function isNull(at: usize): bool {
  return load<u32>(at) == NULL;
}

export function isObject(at: usize): bool {
  return load<u8>(at) == OPEN_OBJECT;
}

/** Reads `{`; returns the position of the first member's quote, or of `}`. */
export function openObject(at: usize): usize {
  if (!isObject(at) || ++depth > MAX_DEPTH) return NOT_SURE;
  return skipSpace(at + 1);
}

/** From the end of a member's value to the next member's quote, or to `}`. */
export function nextMember(at: usize): usize {
  at = skipSpace(at);
  const byte = load<u8>(at);
  if (byte == CLOSE_OBJECT) return at;
  if (byte != COMMA) return NOT_SURE;
  at = skipSpace(at + 1);
  return load<u8>(at) == QUOTE ? at : NOT_SURE;
}

export function closeObject(at: usize): usize {
  depth--;
  return load<u8>(at) == CLOSE_OBJECT ? at + 1 : NOT_SURE;
}

/** From the end of a key to its value: skips the colon, and the space around it. */
export function skipColon(at: usize): usize {
  at = skipSpace(at);
  return load<u8>(at) == COLON ? skipSpace(at + 1) : NOT_SURE;
}

/** Reads `[`; returns the position of the first item, or of `]`. */
export function openArray(at: usize): usize {
  if (load<u8>(at) != OPEN_ARRAY || ++depth > MAX_DEPTH) return NOT_SURE;
  return skipSpace(at + 1);
}

export function isItem(at: usize): bool {
  return at != NOT_SURE && load<u8>(at) != CLOSE_ARRAY;
}

/** From the end of an item to the next item, or to `]`. */
export function nextItem(at: usize): usize {
  at = skipSpace(at);
  const byte = load<u8>(at);
  if (byte == CLOSE_ARRAY) return at;
  if (byte != COMMA) return NOT_SURE;
  at = skipSpace(at + 1);
  return load<u8>(at) == CLOSE_ARRAY ? NOT_SURE : at;
}

export function closeArray(at: usize): usize {
  depth--;
  return load<u8>(at) == CLOSE_ARRAY ? at + 1 : NOT_SURE;
}

/** Reads a string, and sets `textHas`, `textStart` and `textEnd`. */
export function readText(at: usize): usize {
  if (load<u8>(at++) != QUOTE) return NOT_SURE;
  textStart = at;
  textHas = 0;
  at = skipText(at);
  textEnd = at - 1;
  return at;
}

/** From the first byte of a string to the byte behind its closing quote. Adds to `textHas`. */
function skipText(at: usize): usize {
  let mask = specialsAt(at);
  while (true) {
    if (mask == 0) {
      at += 16;
      mask = specialsAt(at);
      continue;
    }
    const index = ctz(mask);
    const place = at + index;
    const byte = load<u8>(place);
    if (byte == QUOTE) return place + 1;
    if (byte == BACKSLASH && index < 15 && isSimpleEscape(load<u8>(place + 1))) {
      // Texts of programs have many of these. The rest of the 16 bytes needs no other load.
      textHas |= ESCAPE;
      mask &= ~(3 << index);
      continue;
    }
    at = byte == BACKSLASH ? skipEscape(place) : byte >= 0x80 ? skipNonAscii(place) : NOT_SURE;
    if (at == NOT_SURE) return NOT_SURE;
    mask = specialsAt(at);
  }
}

/** A bit for each of 16 bytes that may end a string, begin an escape, or be no ASCII or a control character. */
function specialsAt(at: usize): i32 {
  const bytes = v128.load(at);
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(BACKSLASH))),
      // Compared as signed numbers, these are the control characters and all bytes from 0x80 on.
      i8x16.lt_s(bytes, i8x16.splat(0x20)),
    ),
  );
}

/** From a byte of a string to the next one that may end it, or that begins an escape, or is a control character. */
export function skipPlain(at: usize): usize {
  while (true) {
    const bytes = v128.load(at);
    const special = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(BACKSLASH))),
      i8x16.lt_u(bytes, i8x16.splat(0x20)),
    );
    const mask = i8x16.bitmask(special);
    if (mask != 0) return at + ctz(mask);
    at += 16;
  }
}

function skipEscape(at: usize): usize {
  textHas |= ESCAPE;
  const letter = load<u8>(at + 1);
  if (letter != 0x75) return isSimpleEscape(letter) ? at + 2 : NOT_SURE;
  for (let i: usize = 2; i < 6; i++) if (!isHexDigit(load<u8>(at + i))) return NOT_SURE;
  // The escapes from \ud800 to \udfff.
  if ((load<u8>(at + 2) | 0x20) == 0x64 && load<u8>(at + 3) >= 0x38) textHas |= SURROGATE;
  return at + 6;
}

/** One of `"\/bfnrt`. */
function isSimpleEscape(letter: u8): bool {
  const letters = letter < 64 ? LOW_LETTERS : HIGH_LETTERS;
  return letter < 128 && ((letters >> (<u64>(letter & 63))) & 1) != 0;
}

/** A bit for each letter of an escape, by its code: `"/`, and from 64 on `\bfnrt`. */
const LOW_LETTERS: u64 = 0x0000_8004_0000_0000;
const HIGH_LETTERS: u64 = 0x0014_4044_1000_0000;

/** Skips all characters of two to four bytes that follow each other; RFC 3629 §4 has the table. */
function skipNonAscii(at: usize): usize {
  textHas |= NON_ASCII;
  while (true) {
    const first = load<u8>(at);
    if (first < 0x80) return at;
    const second = load<u8>(at + 1);
    if (first < 0xc2 || first > 0xf4 || !isContinuation(second)) return NOT_SURE;
    if (first < 0xe0) {
      at += 2;
      continue;
    }
    if (!isContinuation(load<u8>(at + 2))) return NOT_SURE;
    if (first < 0xf0) {
      // Characters with a shorter encoding, and halves of surrogate pairs, are not UTF-8.
      if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return NOT_SURE;
      at += 3;
      continue;
    }
    if (!isContinuation(load<u8>(at + 3))) return NOT_SURE;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return NOT_SURE;
    at += 4;
  }
}

function isContinuation(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

function skipNumber(at: usize): usize {
  const start = at;
  if (load<u8>(at) == 0x2d) at++;
  // RFC 8259 §6 allows no leading zeros.
  at = load<u8>(at) == 0x30 ? at + 1 : skipDigits(at);
  if (load<u8>(at) == 0x2e) at = skipDigits(at + 1);
  if ((load<u8>(at) | 0x20) == 0x65) {
    const sign = load<u8>(at + 1);
    at = skipDigits(sign == 0x2b || sign == 0x2d ? at + 2 : at + 1);
  }
  return at != NOT_SURE && at - start <= MAX_NUMBER_LENGTH ? at : NOT_SURE;
}

/** Skips one digit or more. */
function skipDigits(at: usize): usize {
  if (!isDigit(load<u8>(at))) return NOT_SURE;
  do at++;
  while (isDigit(load<u8>(at)));
  return at;
}

export function isDigit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39;
}

export function isHexDigit(byte: u8): bool {
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}
