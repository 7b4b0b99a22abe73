/**
 * Where things lie in the scanner's memory. The host (src/openlineage/fast-lane.ts) writes a text to INPUT and reads the
 * result from RESULT. Below RESULT are the module's own constants; the very first bytes are zero and stay so.
 */

/** What there is to tell of an event: numbers of 32 bits at these places, and the time, of 64 bits, behind them. */
export const RESULT: usize = 16 * 1024;
export enum Result {
  kind = 0,
  deviations = 1,
  namespace = 2,
  namespaceEnd = 3,
  name = 4,
  nameEnd = 5,
  hasEscape = 6,
  ownNamespace = 7,
  ownNamespaceEnd = 8,
  ownHasEscape = 9,
  time = 10,
}

/** Start and end offsets of a batch's elements, in pairs of 32 bits. */
export const ELEMENTS: usize = 32 * 1024;
export const MAX_ELEMENTS: i32 = 4096;

export const INPUT: usize = 64 * 1024;

/** Zeros behind the text: what is loaded there, 16 bytes at a time, ends every loop. */
const PADDING: usize = 32;

const PAGE: usize = 64 * 1024;

/**
 * Makes room for a text of so many bytes; returns where it goes, or 0 when there is no more memory to be had. The host's
 * views of the memory may be void then.
 */
export function reserve(length: usize): usize {
  const wanted = <i32>((INPUT + length + PADDING + PAGE - 1) / PAGE) - memory.size();
  return wanted > 0 && memory.grow(wanted) < 0 ? 0 : INPUT;
}

/** Puts the end marker behind a text that the host has written. */
export function terminate(length: usize): void {
  memory.fill(INPUT + length, 0, PADDING);
}

export function writeResult(place: Result, value: u32): void {
  store<u32>(RESULT + ((<usize>place) << 2), value);
}

export function writeTime(milliseconds: f64): void {
  store<f64>(RESULT + ((<usize>Result.time) << 2), milliseconds);
}
