/**
 * Searches an event for each letter of OpenLineage's schema 2-0-2 (`OpenLineage.json`) and of the schemas that its
 * standard facets name. Other facets are held to the base facet.
 */
import { member } from '../json.ts';
import { namesOf } from '../levels/event-value.ts';
import { BODY, ValueSearch, type Place, type Search } from '../levels/search.ts';
import { formats } from './formats.ts';
import { readShape, type Format, type Notation, type Shape } from './shapes.ts';
import { standardFacet } from './standard-facets.ts';

const base = { eventTime: 'date-time', producer: 'uri', schemaURL: 'uri' };
const job: Notation = { namespace: 'string', name: 'string', 'facets?': '@deletable facets' };
const dataset = job;
const lists: Notation = {
  'inputs?': [{ ...dataset, 'inputFacets?': '@facets' }],
  'outputs?': [{ ...dataset, 'outputFacets?': '@facets' }],
};
const run = { runId: 'uuid', 'facets?': '@facets' };
const eventType = '=START|RUNNING|COMPLETE|ABORT|FAIL|OTHER';

const RUN_EVENT = readShape({ ...base, 'eventType?': eventType, run, job, ...lists });
const JOB_EVENT = readShape({ ...base, job, ...lists });
const DATASET_EVENT = readShape({ ...base, dataset });

const BASE_FACET = readShape({ _producer: 'uri', _schemaURL: 'uri' });
const DELETABLE_FACET = readShape({ _producer: 'uri', _schemaURL: 'uri', '_deleted?': 'boolean' });

/** The code and the message for a value of a wrong type: pydantic's, as the other levels have them. */
const TYPES = {
  string: ['string_type', 'Input should be a valid string'],
  number: ['float_type', 'Input should be a valid number'],
  integer: ['int_type', 'Input should be a valid integer'],
  boolean: ['bool_type', 'Input should be a valid boolean'],
  object: ['dict_type', 'Input should be a valid object'],
  list: ['list_type', 'Input should be a valid array'],
} as const;

const FORMATS: Readonly<Record<Format, readonly [code: string, message: string]>> = {
  uri: ['url_parsing', 'Input should be a valid absolute URI (RFC 3986)'],
  uuid: ['uuid_parsing', 'Input should be a valid UUID with dashes'],
  'date-time': ['datetime_from_date_parsing', 'Input should be a valid date and time with a zone (RFC 3339)'],
};

const REASON = 'specification';

/** A search of the value of an event that is valid at level `core`. */
export function strictSearch(event: unknown): Search {
  if (member(event, 'dataset') !== undefined && (member(event, 'dataset') ?? null) !== null) {
    return new StrictSearch(DATASET_EVENT, event);
  }
  return new StrictSearch(member(event, 'run') === undefined ? JOB_EVENT : RUN_EVENT, event);
}

class StrictSearch extends ValueSearch<Shape> {
  constructor(shape: Shape, event: unknown) {
    super();
    if (shape === DATASET_EVENT && has(event, 'run') && has(event, 'job')) {
      this.object(
        REASON,
        'event_kind',
        'Input should be a dataset event, without `run` and `job`',
        BODY,
        event,
      );
    }
    this.add([{ type: shape, value: event, place: BODY }]);
  }

  protected override visit(shape: Shape, value: unknown, place: Place): void {
    switch (shape.kind) {
      case 'any':
        return;
      case 'string':
      case 'boolean':
        if (typeof value !== shape.kind) this.#wrongType(shape.kind, value, place);
        return;
      case 'number':
        if (typeof value !== 'number' && typeof value !== 'bigint') this.#wrongType('number', value, place);
        return;
      case 'integer':
        this.#visitInteger(shape.minimum, value, place);
        return;
      case 'format':
        if (typeof value !== 'string') this.#wrongType('string', value, place);
        else if (!formats[shape.format](value)) this.object(REASON, ...FORMATS[shape.format], place, value);
        return;
      case 'texts':
        if (typeof value !== 'string' || !shape.texts.includes(value))
          this.#wrongText(shape.texts, value, place);
        return;
      case 'list':
        if (Array.isArray(value)) this.addItems(shape.of, value, place);
        else this.#wrongType('list', value, place);
        return;
      case 'part':
        this.visit(shape.shape(), value, place);
        return;
      case 'choice':
        this.#visitChoice(shape.of, value, place);
        return;
      case 'object':
      case 'members':
      case 'facets':
        if (!isObject(value)) this.#wrongType('object', value, place);
        else if (shape.kind === 'members') this.#visitMembers(shape, value, place);
        else if (shape.kind === 'facets') {
          this.addMembers(shape.deletable ? DELETABLE_FACET : BASE_FACET, value, namesOf(value), place);
        }
    }
  }

  #visitInteger(minimum: number, value: unknown, place: Place): void {
    const isInteger = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
    if (!isInteger) {
      this.#wrongType('integer', value, place);
    } else if (value < minimum) {
      const message = `Input should be greater than or equal to ${minimum}`;
      this.object(REASON, 'greater_than_equal', message, place, value, { ge: minimum });
    }
  }

  #visitMembers(shape: Extract<Shape, { kind: 'members' }>, value: object, place: Place): void {
    const { members, others, together } = shape;
    const found = [];
    for (const [name, { shape: inner, required }] of members) {
      const at: Place = { key: name, container: place };
      if (has(value, name)) found.push({ type: inner, value: member(value, name), place: at });
      else if (required) this.object(REASON, 'missing', 'Field required', at, value);
    }
    for (const [name, needed] of together) {
      if (!has(value, name)) continue;
      for (const other of needed) {
        if (has(value, other)) continue;
        const at: Place = { key: other, container: place };
        this.object(REASON, 'missing', `Field required beside \`${name}\``, at, value);
      }
    }
    if (shape === BASE_FACET || shape === DELETABLE_FACET) {
      const url = member(value, '_schemaURL');
      const standard = typeof url === 'string' ? standardFacet(url) : undefined;
      if (standard) found.push({ type: standard, value, place });
    }
    if (others !== undefined) {
      const further = namesOf(value).filter((name) => !members.has(name));
      if (others === 'none') {
        for (const name of further.slice(0, MOST_EXTRA)) {
          this.object(
            REASON,
            'extra_forbidden',
            'Extra inputs are not permitted',
            { key: name, container: place },
            value,
          );
        }
      } else {
        this.addMembers(others, value, further, place);
      }
    }
    this.add(found);
  }

  /** Of the shapes only those are tried that the value shows: by its required members and their texts. */
  #visitChoice(shapes: readonly Shape[], value: unknown, place: Place): void {
    const fitting = shapes.filter((shape) => shows(shape, value));
    const [only] = fitting;
    if (only && fitting.length === 1) {
      this.visit(only, value, place);
      return;
    }
    this.object(REASON, 'union_error', `Input should be exactly one of ${shapes.length} kinds`, place, value);
  }

  #wrongType(type: keyof typeof TYPES, value: unknown, place: Place): void {
    const [code, message] = TYPES[type];
    this.object(REASON, code, message, place, value);
  }

  #wrongText(texts: readonly string[], value: unknown, place: Place): void {
    const expected = texts
      .map((text) => `'${text}'`)
      .join(', ')
      .replace(/, (?=[^,]*$)/, ' or ');
    this.object(REASON, 'enum', `Input should be ${expected}`, place, value, { expected });
  }
}

/** An error for each is enough. */
const MOST_EXTRA = 100;

/** True if the value has the members that tell this kind from others: those that are one of some texts. Without such, all that are required. */
function shows(shape: Shape, value: unknown): boolean {
  if (shape.kind === 'part') return shows(shape.shape(), value);
  if (shape.kind !== 'members') return false;
  const required = [...shape.members].filter(([, inner]) => inner.required);
  const telling = required.filter(([, inner]) => inner.shape.kind === 'texts');
  return (telling.length > 0 ? telling : required).every(([name, { shape: inner }]) => {
    if (inner.kind !== 'texts') return has(value, name);
    const text = member(value, name);
    return typeof text === 'string' && inner.texts.includes(text);
  });
}

function has(value: unknown, name: string): boolean {
  return isObject(value) && Object.hasOwn(value, name);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
