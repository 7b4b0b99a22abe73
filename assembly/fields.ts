/**
 * Finds members of an object in a text that is certainly JSON: what the fast path does not note of an event. The last of
 * several members with one name counts, as in every consumer's parser, and a key may have escapes.
 */
import {
  ESCAPE,
  isHexDigit,
  isItem,
  isObject,
  nextItem,
  nextMember,
  NOT_SURE,
  openArray,
  openObject,
  QUOTE,
  readText,
  skipColon,
  skipValue,
  startText,
  textEnd,
  textHas,
  textStart,
} from './json';
import { clearFields, Field, FIELDS, writeField } from './memory';

/** The place of a member that is not looked for. */
const OTHER: i32 = -1;

/**
 * Notes in FIELDS where the values of the members begin and end, for the object at `from` in the text at `start`. Both are
 * 0 for a member that the object lacks. False if there is no object.
 */
export function findFields(start: usize, from: usize): bool {
  startText(start);
  return readFields(start, start + from) != NOT_SURE;
}

function readFields(start: usize, at: usize): usize {
  clearFields();
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = readText(at);
    const field = fieldOf(textStart, textEnd, (textHas & ESCAPE) != 0);
    at = skipColon(at);
    const end = skipValue(at);
    if (field != OTHER) writeField(field, at - start, end - start);
    at = nextMember(end);
  }
  return at == NOT_SURE ? NOT_SURE : at + 1;
}

/** The namespace of the dataset before, as in FIELDS. */
let previous: usize = 0;
let previousEnd: usize = 0;

/** The offset of the first element of the array at `from`; 0 if it has none, or is no array. */
export function firstDataset(start: usize, from: usize): usize {
  startText(start);
  previous = 0;
  const at = openArray(start + from);
  return isItem(at) ? at - start : 0;
}

/**
 * Goes on from the element at `from`, to the first one with another namespace than that before. FIELDS has its members.
 * Returns the offset of the next element, 0 if there is none.
 */
export function nextDataset(start: usize, from: usize): usize {
  const place = FIELDS + ((<usize>Field.namespace) << 3);
  let at = start + from;
  while (true) {
    startText(start);
    let end: usize = 0;
    if (isObject(at)) end = readFields(start, at);
    else {
      store<u64>(place, 0);
      end = skipValue(at);
    }
    at = nextItem(end);
    const next = isItem(at) ? at - start : 0;
    const begin = <usize>load<u32>(place);
    const stop = <usize>load<u32>(place + 4);
    const isSame =
      previous != 0 &&
      stop - begin == previousEnd - previous &&
      memory.compare(start + begin, start + previous, stop - begin) == 0;
    if (begin != 0 && !isSame) {
      previous = begin;
      previousEnd = stop;
      return next;
    }
    // FIELDS must not have what the caller knows already.
    store<u64>(place, 0);
    if (next == 0) return 0;
  }
}

/** The place of the member with this key. */
function fieldOf(at: usize, end: usize, hasEscape: bool): i32 {
  if (hasEscape) return escapedField(at, end);
  const length = end - at;
  if (length < 3 || length > 9) return OTHER;
  if (length == 3) return isText('job', at) ? Field.job : OTHER;
  if (length == 4) return isText('name', at) ? Field.name : OTHER;
  if (length == 6) return isText('inputs', at) ? Field.inputs : OTHER;
  if (length == 7)
    return isText('outputs', at) ? Field.outputs : isText('dataset', at) ? Field.dataset : OTHER;
  if (length == 8) return isText('producer', at) ? Field.producer : OTHER;
  if (length == 9)
    return isText('namespace', at) ? Field.namespace : isText('eventType', at) ? Field.eventType : OTHER;
  return OTHER;
}

/** `at` has as many bytes as `name` has characters. */
function isText(name: string, at: usize): bool {
  for (let i = 0; i < name.length; i++) if (load<u8>(at + i) != <u8>name.charCodeAt(i)) return false;
  return true;
}

function escapedField(at: usize, end: usize): i32 {
  if (isEscaped('producer', at, end)) return Field.producer;
  if (isEscaped('eventType', at, end)) return Field.eventType;
  if (isEscaped('job', at, end)) return Field.job;
  if (isEscaped('dataset', at, end)) return Field.dataset;
  if (isEscaped('inputs', at, end)) return Field.inputs;
  if (isEscaped('outputs', at, end)) return Field.outputs;
  if (isEscaped('namespace', at, end)) return Field.namespace;
  if (isEscaped('name', at, end)) return Field.name;
  return OTHER;
}

/** Only the escape with four digits can stand for a letter. */
function isEscaped(name: string, at: usize, end: usize): bool {
  for (let i = 0; i < name.length; i++) {
    if (at >= end) return false;
    let letter = <u32>load<u8>(at);
    if (letter == 0x5c) {
      if (load<u8>(at + 1) != 0x75) return false;
      letter = hexAt(at + 2);
      at += 6;
    } else {
      at += 1;
    }
    if (letter != <u32>name.charCodeAt(i)) return false;
  }
  return at == end;
}

function hexAt(at: usize): u32 {
  let value: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const byte = load<u8>(at + i);
    if (!isHexDigit(byte)) return 0;
    value = (value << 4) | (<u32>(byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57));
  }
  return value;
}
