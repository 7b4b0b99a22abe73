/**
 * Reads a large event in slices, and makes a small value of it that the full check judges as it would judge the event.
 *
 * `JSON.parse` of 5 MiB takes up to 700 ms when the text is made of keys, and nothing else runs meanwhile. Most of such
 * a body decides nothing: the contents of facets, unknown members, the hundred-and-first wrong dataset. So this reader
 * keeps only what the check, the key, the deviations and the list of errors look at. It reads the text once. As in
 * `JSON.parse`, the last of two members of one name counts.
 */
import { Compile } from 'typebox/compile';
import { deviationsOfDataset } from './deviations.ts';
import { InputDataset, OutputDataset } from './event-schema.ts';
import {
  checkDepth,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  endText,
  nextItem,
  OPEN_ARRAY,
  OPEN_OBJECT,
  ScanError,
  skipColon,
  skipKeyText,
  skipScalar,
  skipSpace,
  skipValue,
  type JsonError,
  type JsonText,
} from './json.ts';
import { MAX_ERRORS, MAX_MEMBERS } from './validation-error.ts';

export interface ReducedEvent {
  readonly event: unknown;
  /** For each list of datasets: the true indexes of the datasets that are kept. */
  readonly indexes: ReadonlyMap<string, readonly number[]>;
}

type Shape =
  /** Its members decide nothing: a text, or a value of a wrong type. */
  | { readonly kind: 'value' }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, Shape>>; readonly others: number }
  | { readonly kind: 'facets'; readonly ofRun: boolean }
  | { readonly kind: 'datasets'; readonly name: string; readonly isValid: (dataset: unknown) => boolean };

/** `others`: how many other members are kept, as an error shows them. */
const object = (members: Readonly<Record<string, Shape>>, others = MAX_MEMBERS): Shape => ({
  kind: 'object',
  members,
  others,
});
const VALUE: Shape = { kind: 'value' };
const FACETS: Shape = { kind: 'facets', ofRun: false };
const NAMES = { namespace: VALUE, name: VALUE };
const BASE = { _producer: VALUE, _schemaURL: VALUE };
const FACET = object(BASE, 0);
const PARENT = object({ ...BASE, job: object(NAMES), root: object({ job: object(NAMES) }) }, 0);
const DATASET = object({ ...NAMES, facets: FACETS, inputFacets: FACETS, outputFacets: FACETS });

const inputs = Compile(InputDataset);
const outputs = Compile(OutputDataset);

const EVENT = object({
  eventTime: VALUE,
  eventType: VALUE,
  producer: VALUE,
  schemaURL: VALUE,
  run: object({ runId: VALUE, facets: { kind: 'facets', ofRun: true } }),
  job: object({ ...NAMES, facets: FACETS }),
  dataset: object({ ...NAMES, facets: FACETS }),
  inputs: { kind: 'datasets', name: 'inputs', isValid: (dataset) => inputs.Check(dataset) },
  outputs: { kind: 'datasets', name: 'outputs', isValid: (dataset) => outputs.Check(dataset) },
});

/** A member with a longer key, in bytes of JSON, is not in the schema: its names have at most 12 characters. */
const MAX_KEY_BYTES = 6 * 12 + 2;

/** Stand for facets and datasets that are valid and have no deviation. */
const GOOD_FACET = { _producer: '', _schemaURL: '' };
const BARE_FACET = {};
const GOOD_DATASET = { namespace: '', name: '' };

/** Names that are looked through before the reader yields. */
const NAMES_A_SLICE = 4096;

/** Reads an event, and yields after each `sliceBytes`. Returns the error of a text that is not JSON. */
export function* reduceEvent(
  bytes: Buffer,
  sliceBytes: number,
): Generator<void, ReducedEvent | { readonly error: JsonError }> {
  try {
    return yield* new EventReader({ bytes, sliceBytes, pauseAt: sliceBytes }).read();
  } catch (thrown) {
    if (thrown instanceof ScanError) return { error: thrown.error };
    throw thrown;
  }
}

class EventReader {
  readonly #text: JsonText;
  readonly #bytes: Buffer;
  readonly #indexes = new Map<string, readonly number[]>();
  #at: number;
  /** The last key, without its quotes when it is read. */
  #keyStart = 0;
  #keyEnd = 0;

  constructor(text: JsonText) {
    this.#text = text;
    this.#bytes = text.bytes;
    this.#at = skipSpace(text.bytes, 0);
  }

  *read(): Generator<void, ReducedEvent> {
    const event = yield* this.#read(EVENT, 0);
    endText(this.#bytes, this.#at);
    return { event, indexes: this.#indexes };
  }

  /** Reads a value inside of `depth` containers. */
  *#read(shape: Shape, depth: number): Generator<void, unknown> {
    const first = this.#bytes[this.#at];
    if (first === OPEN_OBJECT) {
      if (shape.kind === 'facets') return yield* this.#readFacets(shape.ofRun, depth);
      if (shape.kind === 'object') return yield* this.#readObject(shape.members, shape.others, depth);
      return yield* this.#readObject({}, MAX_MEMBERS, depth);
    }
    if (first === OPEN_ARRAY) {
      if (shape.kind === 'datasets') return yield* this.#readDatasets(shape.name, shape.isValid, depth);
      return yield* this.#readArray(depth);
    }
    return this.#readScalar();
  }

  *#readObject(
    members: Readonly<Record<string, Shape>>,
    others: number,
    depth: number,
  ): Generator<void, object> {
    const object = {};
    let left = others;
    for (let more = this.#openObject(depth); more; more = this.#nextMember()) {
      if (this.#isTimeToPause()) yield;
      const isShort = this.#keyEnd - this.#keyStart <= MAX_KEY_BYTES;
      const name = isShort ? this.#textAt(this.#keyStart, this.#keyEnd) : undefined;
      const shape = name !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
      if (name !== undefined && shape) {
        setMember(object, name, yield* this.#read(shape, depth + 1));
      } else if (left > 0) {
        left -= 1;
        setMember(object, this.#key(), yield* this.#readOutline(depth + 1));
      } else {
        yield* this.#skip(depth + 1);
      }
    }
    return object;
  }

  /** The first items of an array of a wrong type, as an error shows them. */
  *#readArray(depth: number): Generator<void, unknown[]> {
    const items: unknown[] = [];
    for (let more = this.#openArray(depth); more; more = this.#nextElement()) {
      if (this.#isTimeToPause()) yield;
      if (items.length < MAX_MEMBERS) items.push(yield* this.#readOutline(depth + 1));
      else yield* this.#skip(depth + 1);
    }
    return items;
  }

  /** A scalar, or an array or an object that is empty or not. */
  *#readOutline(depth: number): Generator<void, unknown> {
    const first = this.#bytes[this.#at];
    if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return this.#readScalar();
    const second = this.#bytes[skipSpace(this.#bytes, this.#at + 1)];
    yield* this.#skip(depth);
    if (first === OPEN_ARRAY) return second === CLOSE_ARRAY ? [] : [null];
    return second === CLOSE_OBJECT ? {} : { '…': null };
  }

  /**
   * Keeps the facets that decide something: at most a hundred that are wrong, one that is bare, one that is null, and the
   * parent of a run. The later of two facets with one name counts, so it must remember all of these until the end.
   */
  *#readFacets(ofRun: boolean, depth: number): Generator<void, object> {
    const odd = new Map<string, unknown>();
    let isEmpty = true;
    for (let more = this.#openObject(depth); more; more = this.#nextMember()) {
      if (this.#isTimeToPause()) yield;
      isEmpty = false;
      const start = this.#keyStart;
      const end = this.#keyEnd;
      const isParent = ofRun && end - start <= MAX_KEY_BYTES && this.#textAt(start, end) === 'parent';
      const facet = yield* this.#read(isParent ? PARENT : FACET, depth + 1);
      const kept = isParent ? facet : essenceOf(facet);
      if (kept !== GOOD_FACET) odd.set(this.#textAt(start, end), kept);
      else if (odd.size > 0) odd.delete(this.#textAt(start, end));
    }
    const facets = {};
    if (!isEmpty) setMember(facets, '…', GOOD_FACET);
    let wrong = 0;
    let seen = 0;
    let hasBare = false;
    let hasNull = false;
    for (const [name, facet] of odd) {
      if (++seen % NAMES_A_SLICE === 0) yield;
      if (facet === BARE_FACET) {
        if (hasBare) continue;
        hasBare = true;
      } else if (facet === null) {
        if (hasNull) continue;
        hasNull = true;
      } else if (!(ofRun && name === 'parent') && ++wrong > MAX_ERRORS) {
        continue;
      }
      setMember(facets, name, facet);
    }
    return facets;
  }

  /** Keeps the first hundred datasets that are wrong, and one for each kind of deviation. */
  *#readDatasets(
    name: string,
    isValid: (dataset: unknown) => boolean,
    depth: number,
  ): Generator<void, unknown[]> {
    const datasets: unknown[] = [];
    const indexes: number[] = [];
    const deviations = new Set<string>();
    let wrong = 0;
    let count = 0;
    for (let more = this.#openArray(depth); more; more = this.#nextElement()) {
      if (this.#isTimeToPause()) yield;
      if (wrong === MAX_ERRORS) {
        yield* this.#skip(depth + 1);
        continue;
      }
      const dataset = yield* this.#read(DATASET, depth + 1);
      let isKept = !isValid(dataset);
      if (isKept) {
        wrong += 1;
      } else {
        for (const deviation of deviationsOfDataset(dataset)) {
          isKept ||= !deviations.has(deviation);
          deviations.add(deviation);
        }
      }
      if (isKept) {
        datasets.push(dataset);
        indexes.push(count);
      }
      count += 1;
    }
    this.#indexes.set(name, indexes);
    return count > 0 && datasets.length === 0 ? [GOOD_DATASET] : datasets;
  }

  *#skip(depth: number): Generator<void, void> {
    const first = this.#bytes[this.#at];
    // Nearly all values are scalars. A generator for each costs more than the value.
    if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) this.#at = skipScalar(this.#bytes, this.#at);
    else this.#at = yield* skipValue(this.#text, this.#at, depth);
  }

  #readScalar(): unknown {
    const start = this.#at;
    this.#at = skipScalar(this.#bytes, start);
    return JSON.parse(this.#bytes.toString('utf8', start, this.#at));
  }

  #isTimeToPause(): boolean {
    if (this.#at < this.#text.pauseAt) return false;
    this.#text.pauseAt = this.#at + this.#text.sliceBytes;
    return true;
  }

  /** Reads `{` and the first key; false if the object is empty. */
  #openObject(depth: number): boolean {
    checkDepth(this.#at, depth);
    const at = skipSpace(this.#bytes, this.#at + 1);
    if (this.#bytes[at] !== CLOSE_OBJECT) return this.#readKey(at);
    this.#at = at + 1;
    return false;
  }

  #nextMember(): boolean {
    const next = nextItem(this.#bytes, this.#at, CLOSE_OBJECT);
    return next === undefined ? this.#close() : this.#readKey(next);
  }

  #openArray(depth: number): boolean {
    checkDepth(this.#at, depth);
    this.#at = skipSpace(this.#bytes, this.#at + 1);
    if (this.#bytes[this.#at] !== CLOSE_ARRAY) return true;
    this.#at += 1;
    return false;
  }

  #nextElement(): boolean {
    const next = nextItem(this.#bytes, this.#at, CLOSE_ARRAY);
    if (next === undefined) return this.#close();
    this.#at = next;
    return true;
  }

  #close(): false {
    this.#at = skipSpace(this.#bytes, this.#at) + 1;
    return false;
  }

  #readKey(at: number): true {
    this.#keyStart = at;
    this.#keyEnd = skipKeyText(this.#bytes, at);
    this.#at = skipColon(this.#bytes, this.#keyEnd);
    return true;
  }

  #key(): string {
    return this.#textAt(this.#keyStart, this.#keyEnd);
  }

  /** The text of a string, given with its quotes. */
  #textAt(start: number, end: number): string {
    return String(JSON.parse(this.#bytes.toString('utf8', start, end)));
  }
}

/** What a facet decides, apart from the parent of a run. */
function essenceOf(facet: unknown): unknown {
  if (typeof facet !== 'object' || facet === null || Array.isArray(facet)) return facet;
  const { _producer, _schemaURL } = { _producer: undefined, _schemaURL: undefined, ...facet };
  return typeof _producer === 'string' && typeof _schemaURL === 'string' ? GOOD_FACET : BARE_FACET;
}

/** As `JSON.parse` does it: `__proto__` is a member like any other. */
function setMember(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
