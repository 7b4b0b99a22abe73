/**
 * A fault of an event, in the shape of Data.Rentgen's answers (contract section 2), and the search for all of an event's
 * errors. The codes are pydantic's words, which Data.Rentgen's users already know.
 */
import { Type, type TObject, type TSchema } from 'typebox';
import Format from 'typebox/format';
import { printable } from '../support/printable.ts';

export interface ValidationError {
  /** Where, from the body down: `["body", "run", "runId"]`. */
  readonly location: readonly (string | number)[];
  readonly message: string;
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** The value found, or the object that lacks the field; shortened when large. */
  readonly input: unknown;
}

/** The errors in one line, without anything of the event's content: for logs, dead letters and batch answers. */
export function describeErrors(errors: readonly ValidationError[]): string {
  const shown = errors
    .slice(0, 5)
    .map(({ location, message }) => `${printable(location.join('.'))}: ${message}`);
  const more = errors.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
}

/** More errors than anyone reads; a 5 MiB body of nothing but errors must not make an answer of a gigabyte. */
export const MAX_ERRORS = 100;

const MESSAGES = {
  string: ['string_type', 'Input should be a valid string'],
  object: ['dict_type', 'Input should be a valid object'],
  array: ['list_type', 'Input should be a valid array'],
} as const;

const FORMAT_MESSAGES: Readonly<Record<string, readonly [code: string, message: string]>> = {
  uuid: ['uuid_parsing', 'Input should be a valid UUID'],
  uri: ['url_parsing', 'Input should be a valid URI, with a scheme'],
  'date-time': ['datetime_from_date_parsing', 'Input should be a valid date and time (RFC 3339)'],
  unicode: ['string_unicode', 'Input should be a valid string: it has half of a surrogate pair'],
};

/**
 * Every fault of an event that does not fit its schema, the first hundred of them. TypeBox's own search goes through all
 * of a body though it keeps a hundred, and takes seconds and a gigabyte for 5 MiB of errors.
 */
export function findErrors(schema: TSchema, event: unknown): readonly ValidationError[] {
  const errors: ValidationError[] = [];
  search(schema, event, ['body'], errors);
  return errors;
}

type Location = ValidationError['location'];

/** Knows what `event-schema.ts` is made of: objects, arrays, strings with a format, enumerations. */
function search(schema: TSchema, value: unknown, location: Location, errors: ValidationError[]): void {
  if (errors.length === MAX_ERRORS) return;
  const report = (code: string, message: string, context = {}) => {
    errors.push({ location, message, code, context, input: excerpt(value) });
  };
  if (Type.IsEnum(schema)) {
    const expected = alternatives(schema.enum);
    if (!schema.enum.some((one) => one === value))
      report('enum', `Input should be ${expected}`, { expected });
  } else if (Type.IsString(schema)) {
    const format = member(schema, 'format');
    if (typeof value !== 'string') report(...MESSAGES.string);
    else if (typeof format === 'string' && !Format.Test(format, value))
      report(...(FORMAT_MESSAGES[format] ?? MESSAGES.string));
  } else if (Type.IsArray(schema)) {
    if (!Array.isArray(value)) report(...MESSAGES.array);
    else searchItems(schema.items, value, location, errors);
  } else if (Type.IsObject(schema)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) report(...MESSAGES.object);
    else searchMembers(schema, value, location, errors);
  } else {
    throw new Error(
      `the event schema has something at ${location.join('.')} that errors cannot be searched in`,
    );
  }
}

function searchItems(
  schema: TSchema,
  items: readonly unknown[],
  location: Location,
  errors: ValidationError[],
): void {
  for (const [index, item] of items.entries()) {
    if (errors.length === MAX_ERRORS) return;
    search(schema, item, [...location, index], errors);
  }
}

function searchMembers(schema: TObject, value: object, location: Location, errors: ValidationError[]): void {
  const { properties } = schema;
  for (const [field, inner] of Object.entries(properties)) {
    if (Type.IsOptional(inner) || Object.hasOwn(value, field) || errors.length === MAX_ERRORS) continue;
    const missing = { message: 'Field required', code: 'missing', context: {}, input: excerpt(value) };
    errors.push({ location: [...location, field], ...missing });
  }
  for (const [field, inner] of Object.entries(properties)) {
    if (Object.hasOwn(value, field)) search(inner, member(value, field), [...location, field], errors);
  }
  const additionalProperties = member(schema, 'additionalProperties');
  if (!Type.IsSchema(additionalProperties)) return;
  for (const field of Object.keys(value)) {
    if (errors.length === MAX_ERRORS) return;
    if (Object.hasOwn(properties, field)) continue;
    // The one place where a sender chooses the name.
    search(additionalProperties, member(value, field), [...location, shorten(field)], errors);
  }
}

/** A member of an object or array; undefined when the value has none. */
export function member(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

function alternatives(values: readonly unknown[]): string {
  const quoted = values.map((value) => `'${String(value)}'`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
}

const MAX_TEXT = 200;
const MAX_MEMBERS = 20;

/** The value itself when small; otherwise its outline, so that an answer is never larger than it need be. */
export function excerpt(value: unknown): unknown {
  if (typeof value === 'string') return shorten(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map(outline);
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_MEMBERS)
      .map(([key, inner]) => [shorten(key), outline(inner)]),
  );
}

function outline(value: unknown): unknown {
  if (typeof value === 'string') return shorten(value);
  if (typeof value !== 'object' || value === null) return value;
  const empty = Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
  if (empty) return value;
  return Array.isArray(value) ? '[…]' : '{…}';
}

function shorten(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
