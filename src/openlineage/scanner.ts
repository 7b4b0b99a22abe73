/**
 * The fast path: what the scanner finds in a text. It accepts events that are certainly valid, and gives what the record
 * needs.
 */
import type { Deviation } from './deviations.ts';
import { formatKey } from './event-key.ts';
import { eventTypes, type EventKind, type EventType } from './event-schema.ts';
import { memory, scanner, startOf } from './scanner-module.ts';
import type { CheckedEvent, EventTexts } from './verdict.ts';

/** The kinds by their numbers in assembly/event.ts. */
const KINDS: readonly (EventKind | undefined)[] = [undefined, 'run', 'job', 'dataset'];

/** The types by their numbers in assembly/formats.ts. */
const EVENT_TYPES: readonly (EventType | undefined)[] = [undefined, ...eventTypes];

/** The bits of assembly/formats.ts, in the order of deviations.ts. */
const DEVIATIONS: readonly (readonly [bit: number, deviation: Deviation])[] = [
  [8, 'schema_url_missing'],
  [16, 'schema_url_not_uri'],
  [32, 'producer_not_uri'],
  [1, 'event_time_without_zone'],
  [2, 'run_id_form'],
  [4, 'facet_base_missing'],
  [64, 'null_member'],
];
const NO_DEVIATIONS: readonly Deviation[] = [];

/** The byte offsets of the fields in the scanner's result, as in assembly/memory.ts. */
const RESULT = {
  kind: 0,
  deviations: 4,
  namespace: 8,
  namespaceEnd: 12,
  name: 16,
  nameEnd: 20,
  hasEscape: 24,
  ownNamespace: 28,
  ownNamespaceEnd: 32,
  ownHasEscape: 36,
  time: 40,
  ownName: 48,
  ownNameEnd: 52,
  runId: 56,
  eventType: 60,
  producer: 64,
  producerEnd: 68,
};

const EVENT_SIZE = scanner.EVENT_SIZE.value;
const result = new DataView(memory, scanner.RESULT.value, EVENT_SIZE);

/** The event that the scanner has read last, if it is certainly valid. FIELDS has its members. */
let last: Buffer | undefined;

/** The event, when it is certainly valid at level `core`; undefined when the scanner is not sure. */
export function scanEvent(bytes: Buffer): CheckedEvent | undefined {
  last = undefined;
  const start = startOf(bytes);
  if (start === undefined || scanner.scanEvent(start, bytes.length) === 0) return undefined;
  last = bytes;
  return eventOf(bytes, result, 0);
}

/** True, and only once, if FIELDS has what the scan of this event has noted: nothing else was read since. */
export function takeFieldsOf(bytes: Buffer): boolean {
  const isLast = last === bytes;
  last = undefined;
  return isLast;
}

export interface ScannedArray {
  /** Byte offsets of the elements, start and end in pairs. */
  readonly elements: Uint32Array;
  readonly count: number;
  /** The event that an element is, if that is certain already. Undefined for others, and for far elements. */
  readonly eventAt: (index: number) => CheckedEvent | undefined;
}

/**
 * Reads an array and its elements once. Undefined when the text is not certainly an array, or has more elements than the
 * scanner stores.
 */
export function scanArray(bytes: Buffer): ScannedArray | undefined {
  last = undefined;
  const start = startOf(bytes);
  if (start === undefined) return undefined;
  const count = scanner.scanArray(start, bytes.length);
  if (count < 0) return undefined;
  // Copies: the next text overwrites them.
  const elements = new Uint32Array(memory, scanner.ELEMENTS.value, count * 2).slice();
  const known = Math.min(count, scanner.MAX_EVENTS.value);
  const events = new DataView(memory.slice(scanner.EVENTS.value, scanner.EVENTS.value + known * EVENT_SIZE));
  const eventAt = (index: number) =>
    index < known ? eventOf(bytes, events, index * EVENT_SIZE, elements[2 * index]) : undefined;
  return { elements, count, eventAt };
}

/** The number of commas and opening brackets, those in strings as well; undefined when the scanner has no room. */
export function countMembers(bytes: Buffer): number | undefined {
  const start = startOf(bytes);
  return start === undefined ? undefined : scanner.countMembers(start, bytes.length);
}

/** The name of the job of an event that the scanner accepts. */
export function jobNameOf(bytes: Buffer): string | undefined {
  last = undefined;
  const start = startOf(bytes);
  if (start === undefined || scanner.scanEvent(start, bytes.length) === 0) return undefined;
  return textOf(bytes, result, 0, 'ownName', 'ownNameEnd');
}

/**
 * The event with the data at `at` of `data`. Its positions are those of `bytes`, where the event begins at `start`. The
 * places in the result are those of the event's own bytes.
 */
function eventOf(bytes: Buffer, data: DataView, at: number, start = 0): CheckedEvent | undefined {
  const kind = KINDS[data.getUint32(at + RESULT.kind, true)];
  if (!kind) return undefined;
  const time = data.getFloat64(at + RESULT.time, true);
  const deviations = deviationsOf(data.getUint32(at + RESULT.deviations, true));
  const namespace = textOf(bytes, data, at, 'ownNamespace', 'ownNamespaceEnd');
  const runIdAt = data.getUint32(at + RESULT.runId, true);
  return {
    kind,
    key: keyOf(kind, bytes, data, at),
    namespace,
    time,
    deviations,
    type: EVENT_TYPES[data.getUint32(at + RESULT.eventType, true)],
    nameAt: data.getUint32(at + RESULT.ownName, true) - start,
    nameEnd: data.getUint32(at + RESULT.ownNameEnd, true) - start,
    nameHasEscape: data.getUint32(at + RESULT.ownHasEscape, true) !== 0,
    runIdAt: runIdAt === 0 ? 0 : runIdAt - start,
    producerAt: data.getUint32(at + RESULT.producer, true) - start,
    producerEnd: data.getUint32(at + RESULT.producerEnd, true) - start,
    texts: undefined,
  };
}

/** What only people read of a valid event with these bytes. */
export function textsOf(bytes: Buffer, event: CheckedEvent): EventTexts {
  if (event.texts) return event.texts;
  const { nameAt, nameEnd, nameHasEscape, runIdAt, producerAt, producerEnd } = event;
  const name = nameHasEscape ? unescape(bytes, nameAt, nameEnd) : bytes.toString('utf8', nameAt, nameEnd);
  const runIdEnd = runIdAt === 0 ? 0 : bytes.indexOf(QUOTE, runIdAt);
  return {
    name,
    runId: runIdAt === 0 ? undefined : bytes.toString('latin1', runIdAt, runIdEnd),
    producer: bytes.toString('utf8', producerAt, producerEnd),
  };
}

/** The key, such as `run:namespace/name`, copied from the event's own bytes. */
function keyOf(kind: EventKind, bytes: Buffer, data: DataView, at: number): Buffer {
  const namespace = data.getUint32(at + RESULT.namespace, true);
  const namespaceEnd = data.getUint32(at + RESULT.namespaceEnd, true);
  const name = data.getUint32(at + RESULT.name, true);
  const nameEnd = data.getUint32(at + RESULT.nameEnd, true);
  if (data.getUint32(at + RESULT.hasEscape, true) !== 0) {
    const parts = {
      namespace: unescape(bytes, namespace, namespaceEnd),
      name: unescape(bytes, name, nameEnd),
    };
    return Buffer.from(formatKey({ kind, ...parts }));
  }
  const start = kind.length + 1;
  const slash = start + namespaceEnd - namespace;
  const key = Buffer.allocUnsafe(slash + 1 + nameEnd - name);
  key.write(kind, 0, 'latin1');
  key[kind.length] = COLON;
  copyShort(bytes, namespace, namespaceEnd, key, start);
  key[slash] = SLASH;
  copyShort(bytes, name, nameEnd, key, slash + 1);
  return key;
}

/** The text of the event's own namespace or name. */
function textOf(
  bytes: Buffer,
  data: DataView,
  at: number,
  from: keyof typeof RESULT,
  to: keyof typeof RESULT,
): string {
  const start = data.getUint32(at + RESULT[from], true);
  const end = data.getUint32(at + RESULT[to], true);
  const hasEscape = data.getUint32(at + RESULT.ownHasEscape, true) !== 0;
  return hasEscape ? unescape(bytes, start, end) : bytes.toString('utf8', start, end);
}

/** Copies byte by byte: for about ten bytes, the call of `Buffer.copy` costs more than it saves. */
function copyShort(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i] ?? 0;
}

const COLON = 0x3a;
const SLASH = 0x2f;
const QUOTE = 0x22;

/** The text of a JSON string; the scanner has checked its escapes. */
function unescape(bytes: Buffer, start: number, end: number): string {
  return String(JSON.parse(`"${bytes.toString('utf8', start, end)}"`));
}

function deviationsOf(bits: number): readonly Deviation[] {
  if (bits === 0) return NO_DEVIATIONS;
  return DEVIATIONS.filter(([bit]) => (bits & bit) !== 0).map(([, deviation]) => deviation);
}
