/**
 * A fault of an event, in the shape of Data.Rentgen's answers (contract section 2), and the translation of the
 * schema's findings into it. The codes are pydantic's words, which Data.Rentgen's users already know.
 */
import type { TLocalizedValidationError } from 'typebox/error';

export interface Fault {
  /** Where, from the body down: `["body", "run", "runId"]`. */
  readonly location: readonly (string | number)[];
  readonly message: string;
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** The value found, or the object that lacks the field; shortened when large. */
  readonly input: unknown;
}

/** More faults than anyone reads; a 5 MiB body of nothing but faults must not make an answer of a gigabyte. */
export const MAX_FAULTS = 100;

const MESSAGES: Readonly<Record<string, readonly [code: string, message: string]>> = {
  string: ['string_type', 'Input should be a valid string'],
  object: ['dict_type', 'Input should be a valid object'],
  array: ['list_type', 'Input should be a valid array'],
  uuid: ['uuid_parsing', 'Input should be a valid UUID'],
  uri: ['url_parsing', 'Input should be a valid URI, with a scheme'],
  'date-time': ['datetime_from_date_parsing', 'Input should be a valid date and time (RFC 3339)'],
  unicode: ['string_unicode', 'Input should be a valid string: it has half of a surrogate pair'],
};

/** The faults behind one finding of the schema: one for each missing field, else one. */
export function faultsOf(finding: TLocalizedValidationError, event: unknown): Fault[] {
  const location = ['body', ...pathOf(finding.instancePath)];
  const value = valueAt(event, finding.instancePath);
  const input = excerpt(value);
  const make = (code: string, message: string, context = {}): Fault => ({
    location,
    message,
    code,
    context,
    input,
  });

  switch (finding.keyword) {
    case 'required':
      return finding.params.requiredProperties.map((field) => ({
        ...make('missing', 'Field required'),
        location: [...location, field],
      }));
    case 'enum': {
      const expected = alternatives(finding.params.allowedValues);
      return [make('enum', `Input should be ${expected}`, { expected })];
    }
    case 'type':
    case 'format': {
      const name = finding.keyword === 'type' ? String(finding.params.type) : finding.params.format;
      const [code, message] = MESSAGES[name] ?? [finding.keyword, finding.message];
      return [make(code, message)];
    }
    default:
      return [make(finding.keyword, finding.message)];
  }
}

/** RFC 6901: `~1` is a slash, `~0` a tilde. */
function pathOf(pointer: string): (string | number)[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^(?:0|[1-9]\d*)$/.test(step) ? Number(step) : step));
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const step of pathOf(pointer)) value = member(value, step);
  return value;
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
