/**
 * The layout of the scanner's memory. The host (src/openlineage/check.ts) writes a text to INPUT and reads the result
 * from RESULT. Below RESULT are the module's own constants. The first bytes of memory are always zero.
 */

/** The data of an event: numbers of 32 bits at these indexes; the time has 64 bits. */
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
  /** 64 bits, so it takes two indexes. */
  time = 10,
  ownName = 12,
  ownNameEnd = 13,
}

/** Start and end offsets of a batch's elements, in pairs of 32-bit numbers. */
export const ELEMENTS: usize = 32 * 1024;
export const MAX_ELEMENTS: i32 = 50_000;

export const INPUT: usize = 448 * 1024;

/** Bytes of zeros after the text. Loads of 16 bytes may reach them, and they end every loop. */
const PADDING: usize = 32;

const PAGE: usize = 64 * 1024;

/**
 * Makes room for a text of `length` bytes. Returns the text's position, or 0 when the memory cannot grow. After the
 * memory has grown, the host's views of it are invalid.
 */
export function reserve(length: usize): usize {
  const wanted = <i32>((INPUT + length + PADDING + PAGE - 1) / PAGE) - memory.size();
  return wanted > 0 && memory.grow(wanted) < 0 ? 0 : INPUT;
}

/** Writes the zeros after a text that the host has written. */
export function terminate(length: usize): void {
  memory.fill(INPUT + length, 0, PADDING);
}

export function writeResult(place: Result, value: u32): void {
  store<u32>(RESULT + ((<usize>place) << 2), value);
}

export function writeTime(milliseconds: f64): void {
  store<f64>(RESULT + ((<usize>Result.time) << 2), milliseconds);
}
