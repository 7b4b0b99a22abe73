/**
 * The scanner of the fast path, a WebAssembly module. It reads an event's bytes once, at some bytes per nanosecond. Its
 * answer is "certainly valid", with the data that the record needs, or "not sure". It is sound, not complete: what it
 * accepts, the full check (src/openlineage/full-check.ts) accepts as well, with the same result. The tests that compare
 * the two are test/openlineage/fast-path/*.test.ts. Read memory.ts, json.ts, formats.ts, event.ts, in this order;
 * fields.ts finds more of an event that is valid.
 */
import { readEvent } from './event';
import {
  closeArray,
  isItem,
  nextItem,
  NOT_SURE,
  openArray,
  skipSpace,
  skipValue,
  startText,
  text,
} from './json';
import { ELEMENTS, keepEvent, MAX_ELEMENTS, MAX_EVENTS } from './memory';

export { findFields, firstDataset, nextDataset } from './fields';
export { skipPlain, skipSpace } from './json';
export {
  ELEMENTS,
  EVENT_SIZE,
  EVENTS,
  FIELD_COUNT,
  FIELDS,
  INPUT,
  MAX_EVENTS,
  MAX_INPUT,
  POOL,
  POOL_END,
  RESULT,
  terminate,
} from './memory';

/**
 * True when the text of `length` bytes at `at` is certainly a valid event. Then RESULT has its data. Behind the text are
 * zeros, or it is an element of an array that was read before: it ends where its value ends.
 */
export function scanEvent(at: usize, length: usize): bool {
  startText(at);
  return isEnd(readEvent(skipSpace(at)), length);
}

/**
 * The number of elements of the array of `length` bytes at `start`; ELEMENTS has their offsets. EVENTS has the data of
 * those of the first MAX_EVENTS elements that are certainly valid events, with positions in the whole text. -1 when the text is not
 * certainly a JSON array, or has more than MAX_ELEMENTS elements.
 */
export function scanArray(start: usize, length: usize): i32 {
  startText(start);
  let count: i32 = 0;
  let at = openArray(skipSpace(start));
  while (isItem(at)) {
    if (count == MAX_ELEMENTS) return -1;
    const place = ELEMENTS + ((<usize>count) << 3);
    store<u32>(place, <u32>(at - start));
    at = count < MAX_EVENTS ? readElement(at, count) : skipValue(at);
    if (at == NOT_SURE) return -1;
    store<u32>(place + 4, <u32>(at - start));
    count++;
    at = nextItem(at);
  }
  return isEnd(closeArray(at), length) ? count : -1;
}

/** Reads an element, which may be an event, and keeps its data. */
function readElement(at: usize, index: i32): usize {
  let end = readEvent(at);
  keepEvent(index, end != NOT_SURE);
  if (end == NOT_SURE) {
    // Inside of the array.
    startText(text, 1);
    end = skipValue(at);
  }
  return end;
}

/** True when the text's value ends at `at`, and nothing but space follows it in the text. */
function isEnd(at: usize, length: usize): bool {
  return at - text == length || skipSpace(at) - text == length;
}

/**
 * Counts the commas and opening brackets among `length` bytes at `start`, those in strings as well. It tells in a
 * millisecond whether a large text is made of so many members that reading it would keep others waiting.
 */
export function countMembers(start: usize, length: usize): i32 {
  let count: i32 = 0;
  for (let at = start; at < start + length; at += 16) {
    const bytes = v128.load(at);
    const found = v128.or(
      i8x16.eq(bytes, i8x16.splat(0x2c)),
      // `{` and `[` differ in one bit, which no other comparison here needs.
      i8x16.eq(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(0x7b)),
    );
    count += popcnt(i8x16.bitmask(found));
  }
  return count;
}

/** How often a byte occurs among `length` bytes at `start`. */
export function countByte(start: usize, length: usize, byte: u8): i32 {
  const wanted = i8x16.splat(byte);
  let count: i32 = 0;
  let at = start;
  for (; at + 16 <= start + length; at += 16) count += popcnt(i8x16.bitmask(i8x16.eq(v128.load(at), wanted)));
  for (; at < start + length; at++) if (load<u8>(at) == byte) count++;
  return count;
}
