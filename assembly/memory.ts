/**
 * The layout of the scanner's memory. The host (src/openlineage/scanner-module.ts) reads the result from RESULT. It writes a text
 * to INPUT, or into the pool, where the scanner reads it as well. Below RESULT are the module's own constants. The first
 * bytes of memory are always zero. All memory exists from the start (asconfig.json): growing it would make the host's
 * views of it invalid. The kernel gives no page of it before it is used.
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
  /** The text of the run's id, 0 for an event without a run. */
  runId = 14,
  /** A number of EVENT_TYPES in scanner.ts, 0 for none. */
  eventType = 15,
  producer = 16,
  producerEnd = 17,
}

/**
 * Where the values of members begin and end, in pairs of 32-bit numbers, in the order of Field. Of the event that was read
 * last, `event.ts` notes those of a rule's conditions here. `fields.ts` finds all of them, in any object.
 */
export const FIELDS: usize = 24 * 1024;
export enum Field {
  producer = 0,
  eventType = 1,
  job = 2,
  dataset = 3,
  inputs = 4,
  outputs = 5,
  namespace = 6,
  name = 7,
}
export const FIELD_COUNT: usize = 8;

/** Start and end offsets of a batch's elements, in pairs of 32-bit numbers. */
export const ELEMENTS: usize = 32 * 1024;
export const MAX_ELEMENTS: i32 = 50_000;

/** The data of the first elements of a batch, laid out as at RESULT. */
export const EVENTS: usize = 432 * 1024;
export const EVENT_SIZE: usize = 80;
export const MAX_EVENTS: i32 = 1024;

/** A text outside of the pool is copied to this place. */
export const INPUT: usize = 512 * 1024;

/** The longest of these texts, in bytes. */
export const MAX_INPUT: usize = 32 * 1024 * 1024;

/** Bytes of zeros after a text. Loads of 16 bytes may reach them, and they end every loop. */
const PADDING: usize = 32;

/** The memory of the pool. */
export const POOL: usize = INPUT + MAX_INPUT + 64 * 1024;
export const POOL_END: usize = POOL + 32 * 1024 * 1024;

/** Writes the zeros after a text at INPUT. The pool writes its own. */
export function terminate(length: usize): void {
  memory.fill(INPUT + length, 0, PADDING);
}

/** Keeps the data of an element: what RESULT has if it is certainly a valid event, or else the kind 0. */
export function keepEvent(index: i32, isEvent: bool): void {
  const place = EVENTS + <usize>index * EVENT_SIZE;
  if (isEvent) memory.copy(place, RESULT, EVENT_SIZE);
  else store<u32>(place, 0);
}

export function writeResult(place: Result, value: u32): void {
  store<u32>(RESULT + ((<usize>place) << 2), value);
}

export function clearFields(): void {
  memory.fill(FIELDS, 0, FIELD_COUNT << 3);
}

/** Notes a value from `start` to `end`, both offsets in the text. */
export function writeField(field: Field, start: usize, end: usize): void {
  const place = FIELDS + ((<usize>field) << 3);
  store<u32>(place, <u32>start);
  store<u32>(place + 4, <u32>end);
}

export function writeTime(milliseconds: f64): void {
  store<f64>(RESULT + ((<usize>Result.time) << 2), milliseconds);
}
