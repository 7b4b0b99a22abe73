/**
 * The fast lane's scanner, a WebAssembly module: looks at an event's bytes once, at some bytes a nanosecond, and says
 * either "surely good, and here is what you need of it" or "not sure". It is sound, not complete: whatever it takes, the
 * explaining lane (src/openlineage/explaining-lane.ts) takes, too, and finds the same. The tests that hold the two
 * against each other are test/openlineage/fast-lane*.test.ts. Read memory.ts, json.ts, formats.ts, event.ts, in this
 * order.
 */
import { readEvent } from './event';
import { closeArray, isItem, nextItem, NOT_SURE, openArray, skipSpace, skipValue, startText } from './json';
import { ELEMENTS, INPUT, MAX_ELEMENTS, terminate } from './memory';

export { ELEMENTS, reserve, RESULT } from './memory';

/** Is the text of so many bytes at INPUT surely a good event? If so, RESULT tells of it. */
export function scanEvent(length: usize): bool {
  terminate(length);
  startText();
  const end = skipSpace(readEvent(skipSpace(INPUT)));
  return end == INPUT + length;
}

/** How many elements the array at INPUT has; ELEMENTS tells where. -1 when it is not surely an array of JSON. */
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
