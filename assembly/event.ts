/**
 * OpenLineage's core events, as src/openlineage/event-schema.ts describes them. Each function reads one part of an
 * event, and returns the position after it. It returns NOT_SURE when the part is wrong, or odd: a field that comes
 * twice, a key with an escape in it. The functions note the positions of the names for the record's key, and the
 * deviations.
 */
import {
  addDeviation,
  deviations,
  eventTime,
  eventTypeOf,
  FACET_BASE_MISSING,
  isText,
  NULL_MEMBER,
  PRODUCER_NOT_URI,
  readEventTime,
  readUri,
  readUuid,
  SCHEMA_URL_MISSING,
  SCHEMA_URL_NOT_URI,
  startFormats,
} from './formats';
import {
  closeArray,
  closeObject,
  ESCAPE,
  isItem,
  isNull,
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
  SURROGATE,
  text,
  textEnd,
  textHas,
  textStart,
} from './json';
import { clearFields, Field, Result, writeField, writeResult, writeTime } from './memory';

/** The key of the last member that was read, without its quotes. */
let key: usize = 0;
let keyEnd: usize = 0;

/** The fields that may come once in an event. The fields of datasets and facets come many times: see below. */
const EVENT_TYPE: u32 = 1 << 0;
const EVENT_TIME: u32 = 1 << 1;
const PRODUCER: u32 = 1 << 2;
const SCHEMA_URL: u32 = 1 << 3;
const RUN: u32 = 1 << 4;
const JOB: u32 = 1 << 5;
const DATASET: u32 = 1 << 6;
const INPUTS: u32 = 1 << 7;
const OUTPUTS: u32 = 1 << 8;
const RUN_ID: u32 = 1 << 9;
const RUN_FACETS: u32 = 1 << 10;
const PARENT: u32 = 1 << 11;
const PARENT_JOB: u32 = 1 << 12;
const PARENT_ROOT: u32 = 1 << 13;
const PARENT_ROOT_JOB: u32 = 1 << 14;
let seen: u32 = 0;

/** What only people read of an event: the place of the run's id, the number of the event's type, the producer. */
let runId: usize = 0;
let eventType: u32 = 0;
let producer: usize = 0;
let producerEnd: usize = 0;

/** Notes a field of the event; false when the event already had it. */
function first(field: u32): bool {
  const again = seen & field;
  seen |= field;
  return !again;
}

/** The positions of a namespace and a name in the text; each is zero while it is missing. */
class Names {
  namespace: usize = 0;
  namespaceEnd: usize = 0;
  name: usize = 0;
  nameEnd: usize = 0;
  hasEscape: bool = false;

  clear(): void {
    this.namespace = 0;
    this.name = 0;
    this.hasEscape = false;
  }

  get complete(): bool {
    return this.namespace != 0 && this.name != 0;
  }
}
/** Those of the event's own job or dataset, of its parent's job, and of the job at the root. */
const own = new Names();
const parent = new Names();
const root = new Names();
/** Those of an input or output dataset. They are read to check them, and not used. */
const other = new Names();

/** The kinds of events, by the numbers of scanner.ts. */
const RUN_EVENT: u32 = 1;
const JOB_EVENT: u32 = 2;
const DATASET_EVENT: u32 = 3;

/** Reads an event, and writes the result. */
export function readEvent(at: usize): usize {
  seen = 0;
  runId = 0;
  eventType = 0;
  own.clear();
  parent.clear();
  root.clear();
  startFormats();
  clearFields();
  at = openObject(at);
  while (load<u8>(at) == QUOTE) at = nextMember(readEventField(readKey(at)));
  at = closeObject(at);
  const kind = kindOf();
  if (kind == 0 || (seen & EVENT_TIME) == 0 || (seen & PRODUCER) == 0) return NOT_SURE;
  if ((seen & SCHEMA_URL) == 0) addDeviation(SCHEMA_URL_MISSING);
  if (at != NOT_SURE) writeEvent(kind);
  return at;
}

/** As in full-check.ts. Zero when a field that the kind needs is missing, or when there is a field of another kind. */
function kindOf(): u32 {
  if (seen & DATASET) return seen & (RUN | JOB) ? 0 : DATASET_EVENT;
  if ((seen & JOB) == 0) return 0;
  if ((seen & RUN) == 0) return JOB_EVENT;
  return seen & RUN_ID ? RUN_EVENT : 0;
}

/** Writes the names that `keyPartsOf` in event-key.ts chooses, and the event's own namespace. */
function writeEvent(kind: u32): void {
  let names = own;
  if (kind == RUN_EVENT) {
    if (root.complete) names = root;
    else if (parent.complete) names = parent;
  }
  writeResult(Result.kind, kind);
  writeResult(Result.deviations, deviations);
  writeResult(Result.namespace, <u32>(names.namespace - text));
  writeResult(Result.namespaceEnd, <u32>(names.namespaceEnd - text));
  writeResult(Result.name, <u32>(names.name - text));
  writeResult(Result.nameEnd, <u32>(names.nameEnd - text));
  writeResult(Result.hasEscape, <u32>names.hasEscape);
  writeResult(Result.ownNamespace, <u32>(own.namespace - text));
  writeResult(Result.ownNamespaceEnd, <u32>(own.namespaceEnd - text));
  writeResult(Result.ownHasEscape, <u32>own.hasEscape);
  writeResult(Result.ownName, <u32>(own.name - text));
  writeResult(Result.ownNameEnd, <u32>(own.nameEnd - text));
  writeResult(Result.runId, runId == 0 ? 0 : <u32>(runId - text));
  writeResult(Result.eventType, eventType);
  writeResult(Result.producer, <u32>(producer - text));
  writeResult(Result.producerEnd, <u32>(producerEnd - text));
  writeTime(<f64>eventTime);
  // With its quotes, as the others.
  writeField(Field.name, own.name - 1 - text, own.nameEnd + 1 - text);
}

/** Reads a member's key and colon, and sets `key` and `keyEnd`. A key with an escape could be any key: NOT_SURE. */
function readKey(at: usize): usize {
  at = skipColon(readText(at));
  key = textStart;
  keyEnd = textEnd;
  return textHas & ESCAPE ? NOT_SURE : at;
}

function isKey(name: string): bool {
  return isText(name, key, keyEnd);
}

function readEventField(at: usize): usize {
  if (isKey('eventTime')) return first(EVENT_TIME) ? readEventTime(at) : NOT_SURE;
  if (isKey('producer')) return first(PRODUCER) ? readProducer(at) : NOT_SURE;
  if (isKey('schemaURL')) return first(SCHEMA_URL) ? readSchemaUrl(at) : NOT_SURE;
  if (isKey('eventType')) return first(EVENT_TYPE) ? noted(Field.eventType, at, readEventType(at)) : NOT_SURE;
  if (isKey('run')) return first(RUN) ? readRun(at) : NOT_SURE;
  if (isKey('job')) return first(JOB) ? readThing(at, own) : NOT_SURE;
  if (isKey('dataset')) return first(DATASET) ? readThing(at, own) : NOT_SURE;
  if (isKey('inputs')) return first(INPUTS) ? noted(Field.inputs, at, readDatasets(at)) : NOT_SURE;
  if (isKey('outputs')) return first(OUTPUTS) ? noted(Field.outputs, at, readDatasets(at)) : NOT_SURE;
  return skipValue(at);
}

/** Notes where a value that was read begins and ends. */
function noted(field: Field, at: usize, end: usize): usize {
  writeField(field, at - text, end - text);
  return end;
}

/** Reads null for a member that may be absent, and notes the deviation. */
function readNull(at: usize): usize {
  addDeviation(NULL_MEMBER);
  return skipValue(at);
}

function readProducer(at: usize): usize {
  const end = readUri(at, PRODUCER_NOT_URI);
  // Without its quotes.
  producer = at + 1;
  producerEnd = end - 1;
  return noted(Field.producer, at, end);
}

function readSchemaUrl(at: usize): usize {
  if (!isNull(at)) return readUri(at, SCHEMA_URL_NOT_URI);
  addDeviation(SCHEMA_URL_MISSING);
  return readNull(at);
}

function readEventType(at: usize): usize {
  if (isNull(at)) return readNull(at);
  at = readText(at);
  eventType = eventTypeOf(textStart, textEnd);
  return eventType != 0 ? at : NOT_SURE;
}

function readRun(at: usize): usize {
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = readKey(at);
    if (isKey('runId')) at = first(RUN_ID) ? readRunId(at) : NOT_SURE;
    else if (isKey('facets')) at = first(RUN_FACETS) ? readFacets(at, true) : NOT_SURE;
    else at = skipValue(at);
    at = nextMember(at);
  }
  return closeObject(at);
}

function readRunId(at: usize): usize {
  // Without its quote.
  runId = at + 1;
  return readUuid(at);
}

function readDatasets(at: usize): usize {
  if (isNull(at)) return readNull(at);
  at = openArray(at);
  while (isItem(at)) {
    other.clear();
    at = nextItem(readThing(at, other));
  }
  return closeArray(at);
}

const FACETS: u32 = 1;
const INPUT_FACETS: u32 = 2;
const OUTPUT_FACETS: u32 = 4;

/** Reads a job or a dataset: namespace, name, facets. Only inputs and outputs have the other two kinds of facets. */
function readThing(at: usize, names: Names): usize {
  let facets: u32 = 0;
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = readKey(at);
    const kind = isKey('facets')
      ? FACETS
      : isKey('inputFacets')
        ? INPUT_FACETS
        : isKey('outputFacets')
          ? OUTPUT_FACETS
          : 0;
    if (kind == 0) {
      at = readNames(at, names);
    } else {
      const odd = (facets & kind) != 0 || (kind != FACETS && names !== other);
      at = odd ? NOT_SURE : readFacets(at, false);
      facets |= kind;
    }
    at = nextMember(at);
  }
  return names.complete ? closeObject(at) : NOT_SURE;
}

/** Reads the value of a member, which may be a namespace or a name. */
function readNames(at: usize, names: Names): usize {
  if (isKey('namespace')) {
    if (names.namespace != 0) return NOT_SURE;
    at = readUnicode(at);
    names.namespace = textStart;
    names.namespaceEnd = textEnd;
  } else if (isKey('name')) {
    if (names.name != 0) return NOT_SURE;
    at = readUnicode(at);
    names.name = textStart;
    names.nameEnd = textEnd;
  } else {
    return skipValue(at);
  }
  if (textHas & ESCAPE) names.hasEscape = true;
  return at;
}

/** Reads a string that certainly has an encoding in UTF-8: it has no half of a surrogate pair. */
function readUnicode(at: usize): usize {
  at = readText(at);
  return textHas & SURROGATE ? NOT_SURE : at;
}

/** Reads facets. Of the facets of a run, the parent matters. */
function readFacets(at: usize, ofRun: bool): usize {
  if (isNull(at)) return readNull(at);
  let bare: usize = 0;
  let bareEnd: usize = 0;
  let empty: usize = 0;
  let emptyEnd: usize = 0;
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = readKey(at);
    const name = key;
    const nameEnd = keyEnd;
    // The later of two facets with the same name counts. So the earlier one must not be bare, and not null.
    if (bare != 0 && isSame(bare, bareEnd, name, nameEnd)) return NOT_SURE;
    if (empty != 0 && isSame(empty, emptyEnd, name, nameEnd)) return NOT_SURE;
    const isParent = ofRun && isKey('parent');
    if (isParent && !first(PARENT)) return NOT_SURE;
    if (isNull(at)) {
      at = readNull(at);
      if (empty == 0) {
        empty = name;
        emptyEnd = nameEnd;
      }
    } else {
      at = readFacet(at, isParent);
      if (facetIsBare && bare == 0) {
        bare = name;
        bareEnd = nameEnd;
        addDeviation(FACET_BASE_MISSING);
      }
    }
    at = nextMember(at);
  }
  return closeObject(at);
}

function isSame(a: usize, aEnd: usize, b: usize, bEnd: usize): bool {
  return aEnd - a == bEnd - b && memory.compare(a, b, aEnd - a) == 0;
}

/** True when the last facet that was read has no `_producer` or no `_schemaURL`. */
let facetIsBare: bool = false;

function readFacet(at: usize, isParent: bool): usize {
  let hasProducer = false;
  let hasSchemaUrl = false;
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = readKey(at);
    if (isKey('_producer')) {
      at = hasProducer ? NOT_SURE : readText(at);
      hasProducer = true;
    } else if (isKey('_schemaURL')) {
      at = hasSchemaUrl ? NOT_SURE : readText(at);
      hasSchemaUrl = true;
    } else {
      at = isParent ? readParentField(at) : skipValue(at);
    }
    at = nextMember(at);
  }
  facetIsBare = !hasProducer || !hasSchemaUrl;
  return closeObject(at);
}

/**
 * Reads a member of the parent facet. When a job has no usable names, the next job in `keyPartsOf` counts. So a `job`
 * or a `root` that is not an object is the same as a missing one.
 */
function readParentField(at: usize): usize {
  if (isKey('job')) return first(PARENT_JOB) ? readParentJob(at, parent) : NOT_SURE;
  if (!isKey('root')) return skipValue(at);
  if (!first(PARENT_ROOT)) return NOT_SURE;
  if (isNull(at)) return readNull(at);
  if (!isObject(at)) return skipValue(at);
  at = openObject(at);
  while (load<u8>(at) == QUOTE) {
    at = readKey(at);
    if (isKey('job')) at = first(PARENT_ROOT_JOB) ? readParentJob(at, root) : NOT_SURE;
    else at = skipValue(at);
    at = nextMember(at);
  }
  return closeObject(at);
}

function readParentJob(at: usize, names: Names): usize {
  if (!isObject(at)) return skipValue(at);
  at = openObject(at);
  while (load<u8>(at) == QUOTE) at = nextMember(readNames(readKey(at), names));
  return closeObject(at);
}
