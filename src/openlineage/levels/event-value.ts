/**
 * The value of an event's JSON text, for a search that needs all of it. An integer of 64 bits or more is a BigInt:
 * consumers in Python tell `1e19` from `10000000000000000000`, and a number of JavaScript does not.
 *
 * `JSON.parse` of 5 MiB takes up to 700 ms. So a large text is parsed in slices.
 */
import {
  checkDepth,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  nextItem,
  OPEN_ARRAY,
  OPEN_OBJECT,
  skipColon,
  skipKeyText,
  skipScalar,
  skipSpace,
} from '../json.ts';

/** A text without this has no integer of 64 bits or more: the smallest one has 19 digits. */
const MAY_BE_LARGE = /\d{19}/;
const INTEGER = /^-?\d+$/;
const LARGE = 2 ** 63;

/** Parses a text that is valid JSON. */
export function parseEvent(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  if (!MAY_BE_LARGE.test(text)) return JSON.parse(text);
  const revive = (_name: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && context?.source !== undefined ? numberOf(value, context.source) : value;
  return JSON.parse(text, revive);
}

function numberOf(value: number, source: string): number | bigint {
  return Math.abs(value) >= LARGE && INTEGER.test(source) ? BigInt(source) : value;
}

/** `Object.keys` of an object of so many members takes long: the parser remembers the names of such an object. */
const MANY_MEMBERS = 1000;
const namesOfMany = new WeakMap<object, string[]>();

/** The names of the members of a parsed object. */
export function namesOf(object: object): readonly string[] {
  return namesOfMany.get(object) ?? Object.keys(object);
}

/** A container that is being read, and the name of the member that comes next. */
interface Open {
  readonly value: object;
  readonly items: unknown[] | undefined;
  names: string[];
  name: string;
}

/** Parses a text that is valid JSON, and yields after each `sliceBytes`. */
export function* parseInSlices(bytes: Buffer, sliceBytes: number): Generator<void, unknown> {
  const open: Open[] = [];
  let at = skipSpace(bytes, 0);
  let pauseAt = sliceBytes;
  for (;;) {
    if (at >= pauseAt) {
      pauseAt = at + sliceBytes;
      yield;
    }
    let value: unknown;
    const first = bytes[at];
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      checkDepth(at, open.length);
      const items: unknown[] | undefined = first === OPEN_ARRAY ? [] : undefined;
      const container: Open = { value: items ?? {}, items, names: [], name: '' };
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== (items ? CLOSE_ARRAY : CLOSE_OBJECT)) {
        open.push(container);
        if (!items) at = readName(bytes, at, container);
        continue;
      }
      at += 1;
      value = container.value;
    } else {
      const end = skipScalar(bytes, at);
      value = scalarOf(bytes.toString('utf8', at, end));
      at = end;
    }

    // A value has ended, and perhaps the containers around it.
    for (;;) {
      const container = open.at(-1);
      if (!container) return value;
      put(container, value);
      const next = nextItem(bytes, at, container.items ? CLOSE_ARRAY : CLOSE_OBJECT);
      if (next !== undefined) {
        at = container.items ? next : readName(bytes, next, container);
        break;
      }
      open.pop();
      value = container.value;
      at = skipSpace(bytes, at) + 1;
    }
  }
}

/** Reads `"name" :` and returns the offset of the value. */
function readName(bytes: Buffer, at: number, container: Open): number {
  const end = skipKeyText(bytes, at);
  container.name = String(JSON.parse(bytes.toString('utf8', at, end)));
  return skipColon(bytes, end);
}

function scalarOf(source: string): unknown {
  const value: unknown = JSON.parse(source);
  return typeof value === 'number' ? numberOf(value, source) : value;
}

/** Adds the value as an item, or as the member of the name that was read. As in `JSON.parse`, the last one counts. */
function put({ value: target, items, names, name }: Open, value: unknown): void {
  if (items) {
    items.push(value);
    return;
  }
  if (!Object.hasOwn(target, name)) {
    names.push(name);
    if (names.length === MANY_MEMBERS) namesOfMany.set(target, names);
  }
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}
