/**
 * A validation error of an event, the search for all of an event's errors, and their description in one line. An error has the
 * shape of Data.Rentgen's answers. Its code is pydantic's, which the users of Data.Rentgen already know.
 */
import { Type, type TObject, type TSchema } from 'typebox';
import Format from 'typebox/format';
import { printable } from '../support/printable.ts';
import { member } from './json.ts';

export interface ValidationError {
  /** The path from the body to the value: `["body", "run", "runId"]`. */
  readonly location: readonly (string | number)[];
  readonly message: string;
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** The value found, or the object that lacks the field; shortened when large. */
  readonly input: unknown;
}

/** More errors than these do not help the reader of a log line. */
const MAX_DESCRIBED = 5;

/**
 * The first five errors in one line, with the number of the others: for logs, dead letters and answers to batches. The
 * line has no value of the event, except the names of facets, which the sender chooses.
 */
export function describeErrors(errors: readonly ValidationError[]): string {
  const shown = errors
    .slice(0, MAX_DESCRIBED)
    .map(({ location, message }) => `${printable(location.join('.'))}: ${message}`);
  const more = errors.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
}

/** The most errors in one list. Without a limit, a body of 5 MiB with only errors makes an answer of a gigabyte. */
export const MAX_ERRORS = 100;

const MESSAGES = {
  string: ['string_type', 'Input should be a valid string'],
  object: ['dict_type', 'Input should be a valid object'],
  array: ['list_type', 'Input should be a valid array'],
} as const;

const FORMAT_MESSAGES: Readonly<Record<string, readonly [code: string, message: string]>> = {
  uuid: ['uuid_parsing', 'Input should be a valid UUID'],
  'date-time': ['datetime_from_date_parsing', 'Input should be a valid date and time (RFC 3339)'],
  unicode: [
    'string_unicode',
    'Input should be a valid string: it has half of a surrogate pair (a cut emoji, or text that was not UTF-8)',
  ],
};

/**
 * The first hundred validation errors of an event that does not fit its schema. TypeBox's own search also keeps a
 * hundred errors, but it reads all of the body: for 5 MiB of errors it takes seconds and a gigabyte of memory.
 */
export function findErrors(schema: TSchema, event: unknown): readonly ValidationError[] {
  const errors: ValidationError[] = [];
  search(schema, event, ['body'], errors);
  return errors;
}

type Location = ValidationError['location'];

/** Supports the types of `event-schema.ts`: objects, arrays, strings with a format, enumerations, and these or null. */
function search(schema: TSchema, value: unknown, location: Location, errors: ValidationError[]): void {
  if (errors.length === MAX_ERRORS) return;
  const report = (code: string, message: string, context = {}) => {
    errors.push({ location, message, code, context, input: excerpt(value) });
  };
  if (Type.IsUnion(schema)) {
    const [inner, ...others] = schema.anyOf;
    if (!inner || others.length !== 1 || !others.every(Type.IsNull)) throw unsupported(location);
    // Null is right, so the errors of any other value are those of the type itself.
    if (value !== null) search(inner, value, location, errors);
  } else if (Type.IsEnum(schema)) {
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
    throw unsupported(location);
  }
}

function unsupported(location: Location): Error {
  return new Error(
    `the search for errors does not support the type that the event schema has at ${location.join('.')}`,
  );
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
  // Made once: the object may have very many members.
  let input: unknown;
  for (const [field, inner] of Object.entries(properties)) {
    if (Type.IsOptional(inner) || Object.hasOwn(value, field) || errors.length === MAX_ERRORS) continue;
    input ??= excerpt(value);
    errors.push({
      location: [...location, field],
      message: 'Field required',
      code: 'missing',
      context: {},
      input,
    });
  }
  for (const [field, inner] of Object.entries(properties)) {
    if (Object.hasOwn(value, field)) search(inner, member(value, field), [...location, field], errors);
  }
  const additionalProperties = member(schema, 'additionalProperties');
  if (!Type.IsSchema(additionalProperties)) return;
  for (const field of Object.keys(value)) {
    if (errors.length === MAX_ERRORS) return;
    if (Object.hasOwn(properties, field)) continue;
    // The sender chooses this name, so it may be long. All other names are those of the schema.
    search(additionalProperties, member(value, field), [...location, shorten(field)], errors);
  }
}

function alternatives(values: readonly unknown[]): string {
  const quoted = values.map((value) => `'${String(value)}'`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
}

/** Most characters of a text, and most members of an object or an array, that an error shows. */
const MAX_TEXT = 200;
export const MAX_MEMBERS = 20;

/** The value itself when it is small, otherwise its outline: a large value must not make a large answer. */
export function excerpt(value: unknown, maxMembers = MAX_MEMBERS, maxText = MAX_TEXT): unknown {
  if (typeof value === 'string') return shorten(value, maxText);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, maxMembers).map((inner) => outline(inner, maxText));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, maxMembers)
      .map(([key, inner]) => [shorten(key, maxText), outline(inner, maxText)]),
  );
}

function outline(value: unknown, maxText: number): unknown {
  if (typeof value === 'string') return shorten(value, maxText);
  if (typeof value !== 'object' || value === null) return value;
  const empty = Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
  if (empty) return value;
  return Array.isArray(value) ? '[…]' : '{…}';
}

/** The text, cut at a code point: half of a surrogate pair would be no text. */
function shorten(text: string, maxText = MAX_TEXT): string {
  if (text.length <= maxText) return text;
  const last = text.charCodeAt(maxText - 1);
  const isCut = last >= 0xd800 && last < 0xdc00;
  return `${text.slice(0, isCut ? maxText - 1 : maxText)}…`;
}

/** Bytes of JSON of all errors in one answer. With what is around them, an answer stays below 64 KiB. */
export const MAX_ERROR_BYTES = 60 * 1024;

/** How much of an error is shown: the first that fits. The last one fits a hundred times, whatever the characters are. */
const DETAILS = [
  { members: MAX_MEMBERS, text: MAX_TEXT },
  { members: 10, text: 100 },
  { members: 5, text: 40 },
  { members: 0, text: 20 },
] as const;

/** The errors, each shortened so that all together take at most `maxBytes` of JSON. */
export function fitErrors(
  errors: readonly ValidationError[],
  maxBytes = MAX_ERROR_BYTES,
): readonly ValidationError[] {
  let left = maxBytes;
  return errors.slice(0, MAX_ERRORS).map((error, index, all) => {
    const share = left / (all.length - index);
    let fitting = error;
    let size = 0;
    for (const { members, text } of DETAILS) {
      fitting = shortened(error, members, text);
      size = Buffer.byteLength(JSON.stringify(fitting)) + 1;
      if (size <= share) break;
    }
    left -= size;
    return fitting;
  });
}

function shortened(error: ValidationError, maxMembers: number, maxText: number): ValidationError {
  const { location, input } = error;
  return {
    ...error,
    location: location.map((part) => (typeof part === 'string' ? shorten(part, maxText) : part)),
    input: maxMembers === 0 ? outline(input, maxText) : excerpt(input, maxMembers, maxText),
  };
}
