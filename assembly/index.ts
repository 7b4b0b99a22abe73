/**
 * The scanner of the fast path, a WebAssembly module. It reads an event's bytes once, at some bytes per nanosecond. Its
 * answer is "certainly valid", with the data that the record needs, or "not sure". It is sound, not complete: what it
 * accepts, the full check (src/openlineage/full-check.ts) accepts as well, with the same result. The tests that compare
 * the two are test/openlineage/fast-path/*.test.ts. Read memory.ts, json.ts, formats.ts, event.ts, in this order.
 */
import { readEvent } from './event';
import { closeArray, isItem, nextItem, NOT_SURE, openArray, skipSpace, skipValue, startText } from './json';
import { ELEMENTS, INPUT, MAX_ELEMENTS, terminate } from './memory';

export { ELEMENTS, reserve, RESULT } from './memory';

/** True when the text of `length` bytes at INPUT is certainly a valid event. Then RESULT has its data. */
export function scanEvent(length: usize): bool {
  terminate(length);
  startText();
  const end = skipSpace(readEvent(skipSpace(INPUT)));
  return end == INPUT + length;
}

/**
 * The number of elements of the array of `length` bytes at INPUT; ELEMENTS has their offsets. -1 when the text is not
 * certainly a JSON array, or has more than MAX_ELEMENTS elements.
 */
export function scanArray(length: usize): i32 {
  terminate(length);
  startText();
  let count: i32 = 0;
  let at = openArray(skipSpace(INPUT));
  while (isItem(at)) {
    if (count == MAX_ELEMENTS) return -1;
    const place = ELEMENTS + ((<usize>count) << 3);
    store<u32>(place, <u32>(at - INPUT));
    at = skipValue(at);
    if (at == NOT_SURE) return -1;
    store<u32>(place + 4, <u32>(at - INPUT));
    count++;
    at = nextItem(at);
  }
  return skipSpace(closeArray(at)) == INPUT + length ? count : -1;
}

/**
 * Counts the commas and opening brackets among `length` bytes at INPUT, those in strings as well. It tells in a
 * millisecond whether a large text is made of so many members that reading it would keep others waiting.
 */
export function countMembers(length: usize): i32 {
  terminate(length);
  let count: i32 = 0;
  for (let at = INPUT; at < INPUT + length; at += 16) {
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
