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
 * The number of elements of the array of `length` bytes at INPUT; ELEMENTS has the offsets of the first MAX_ELEMENTS. -1
 * when the text is not certainly a JSON array.
 */
export function scanArray(length: usize): i32 {
  terminate(length);
  startText();
  let count: i32 = 0;
  let at = openArray(skipSpace(INPUT));
  while (isItem(at)) {
    const start = at;
    at = skipValue(at);
    if (at == NOT_SURE) return -1;
    if (count < MAX_ELEMENTS) {
      const place = ELEMENTS + ((<usize>count) << 3);
      store<u32>(place, <u32>(start - INPUT));
      store<u32>(place + 4, <u32>(at - INPUT));
    }
    count++;
    at = nextItem(at);
  }
  return skipSpace(closeArray(at)) == INPUT + length ? count : -1;
}
