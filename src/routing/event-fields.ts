/**
 * What rules ask of a valid event, beyond what the check has found. Each is looked up when the first rule asks for it. The
 * scanner has noted it, if the event was read last, or finds it without building values. It agrees with `JSON.parse`: the
 * last of several members with one key counts.
 */
import type { EventKind } from '../openlineage/event-schema.ts';
import { member } from '../openlineage/json.ts';
import { takeFieldsOf } from '../openlineage/scanner.ts';
import { memory, scanner, startOf } from '../openlineage/scanner-module.ts';

/** The places of members in the scanner's FIELDS, as in assembly/memory.ts. */
const FIELD = { producer: 0, eventType: 1, job: 2, dataset: 3, inputs: 4, outputs: 5, namespace: 6, name: 7 };

const fields = new Uint32Array(memory, scanner.FIELDS.value, 2 * scanner.FIELD_COUNT.value);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Most different namespaces of the inputs, or outputs, of an event that rules see. More would cost too much; real events
 * have a few.
 */
export const MAX_NAMESPACES = 1000;

export class EventFields {
  readonly #bytes: Buffer;
  readonly #kind: EventKind;
  /** Where the members of the event begin and end. */
  #places: Uint32Array | undefined;
  /** True if the places are those that the scan of the event has noted. They have the name of its own job or dataset. */
  #isScanned = false;
  /** The parsed event, if it is too large for the scanner. */
  #parsed: unknown;
  #isParsed = false;

  /** `bytes` are those of a valid event of this kind. */
  constructor(bytes: Buffer, kind: EventKind) {
    this.#bytes = bytes;
    this.#kind = kind;
  }

  /** The name of the event's own job or dataset. */
  get name(): string | undefined {
    const own = this.#kind === 'dataset' ? 'dataset' : 'job';
    const places = this.#find();
    if (!places) return textOf(member(member(this.#parsed, own), 'name'));
    if (this.#isScanned) return this.#text(places, FIELD.name);
    const start = startOf(this.#bytes) ?? 0;
    const from = places[2 * FIELD[own]] ?? 0;
    if (from === 0 || scanner.findFields(start, from) === 0) return undefined;
    return this.#text(fields, FIELD.name);
  }

  /** Undefined if the event has none, or it is no text. */
  get producer(): string | undefined {
    const places = this.#find();
    return places ? this.#text(places, FIELD.producer) : textOf(member(this.#parsed, 'producer'));
  }

  /** Undefined if the event has none, or it is no text. */
  get eventType(): string | undefined {
    const places = this.#find();
    return places ? this.#text(places, FIELD.eventType) : textOf(member(this.#parsed, 'eventType'));
  }

  /** The namespaces of the event's inputs or outputs: the first MAX_NAMESPACES. One may come twice. */
  namespacesOf(list: 'inputs' | 'outputs'): readonly string[] {
    const places = this.#find();
    const found = new Set<string>();
    if (!places) {
      const datasets = member(this.#parsed, list);
      for (const dataset of Array.isArray(datasets) ? datasets : []) {
        const namespace = textOf(member(dataset, 'namespace'));
        if (namespace !== undefined && found.size < MAX_NAMESPACES) found.add(namespace);
      }
      return [...found];
    }
    const from = places[2 * FIELD[list]] ?? 0;
    if (from === 0) return [];
    const start = startOf(this.#bytes) ?? 0;
    let at = scanner.firstDataset(start, from);
    while (at !== 0 && found.size < MAX_NAMESPACES) {
      at = scanner.nextDataset(start, at);
      const namespace = this.#text(fields, FIELD.namespace);
      if (namespace !== undefined) found.add(namespace);
    }
    return [...found];
  }

  /** Undefined for an event that the scanner has no room for: then it is parsed. */
  #find(): Uint32Array | undefined {
    if (this.#places || this.#isParsed) return this.#places;
    this.#isScanned = takeFieldsOf(this.#bytes);
    if (this.#isScanned) return (this.#places = fields.slice());
    const start = startOf(this.#bytes);
    if (start !== undefined && scanner.findFields(start, scanner.skipSpace(start) - start) !== 0) {
      // A copy: the next text overwrites them.
      return (this.#places = fields.slice());
    }
    this.#parsed = JSON.parse(this.#bytes.toString('utf8'));
    this.#isParsed = true;
    return undefined;
  }

  /** The value of a member, if it is a text. */
  #text(places: Uint32Array, field: number): string | undefined {
    const from = places[2 * field] ?? 0;
    const end = places[2 * field + 1] ?? 0;
    const bytes = this.#bytes;
    if (from === 0 || bytes[from] !== QUOTE) return undefined;
    const text = bytes.subarray(from + 1, end - 1);
    // The check has read its escapes.
    return text.includes(BACKSLASH)
      ? String(JSON.parse(`"${text.toString('utf8')}"`))
      : text.toString('utf8');
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
