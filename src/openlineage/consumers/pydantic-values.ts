/**
 * The tests of single values, as pydantic 2.13 (pydantic-core 2.46) makes them of JSON in its lax mode. It converts some
 * values of other types: `"1_000"` is an integer, and `1700000000` is a time.
 */
import type { PydanticError, PydanticType } from './pydantic-search.ts';

const test = (test: (value: unknown) => PydanticError | undefined): PydanticType => ({ kind: 'test', test });

const STRING: PydanticError = { code: 'string_type', message: 'Input should be a valid string' };

export const text = test((value) => (typeof value === 'string' ? undefined : STRING));

/** A text of these, exactly. `code` is `enum` for an enumeration, `literal_error` for a `Literal`. */
export function oneOf(values: readonly string[], code: 'enum' | 'literal_error' = 'enum'): PydanticType {
  const quoted = values.map((value) => `'${value}'`);
  const expected = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
  const error = { code, message: `Input should be ${expected}`, context: { expected } };
  return test((value) => (typeof value === 'string' && values.includes(value) ? undefined : error));
}

const BOOLEAN: PydanticError = { code: 'bool_parsing', message: 'Input should be a valid boolean' };
const BOOLEAN_TEXT = /^(?:0|off|f|false|n|no|1|on|t|true|y|yes)$/i;

export const boolean = test((value) => {
  if (typeof value === 'boolean' || value === 0 || value === 1) return undefined;
  return typeof value === 'string' && BOOLEAN_TEXT.test(value) ? undefined : BOOLEAN;
});

/** Most digits of an integer in Python (`sys.set_int_max_str_digits`). */
export const MAX_DIGITS = 4300;

/** Unicode's White_Space, as Rust's `str::trim` cuts it off. */
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*';
/** Zeros at the start are cut off, with the underscores between them. A minus may follow them. */
const INTEGER_TEXT = new RegExp(
  `^${SPACE}(?:[+-]?(?:0[0_]*)?([1-9][0-9]*(?:_[0-9]+)*)|[+-]?0(?:[0_]*0)?|` +
    `\\+?0[0_]*-_?(0|[1-9][0-9]*(?:_[0-9]+)*))(?:\\.0+)?${SPACE}$`,
);

const INTEGER: PydanticError = { code: 'int_parsing', message: 'Input should be a valid integer' };
const FRACTION: PydanticError = {
  code: 'int_from_float',
  message: 'Input should be a valid integer, got a number with a fractional part',
};
const SIZE: PydanticError = {
  code: 'int_parsing_size',
  message: 'Input should be an integer of fewer digits',
};

/** Floating point numbers beyond this are no integers of 64 bits. */
const LIMIT = 2 ** 63;

function errorOfInteger(value: unknown): PydanticError | undefined {
  if (typeof value === 'bigint' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return { code: 'finite_number', message: 'Input should be a finite number' };
    if (!Number.isInteger(value)) return FRACTION;
    return Math.abs(value) < LIMIT ? undefined : SIZE;
  }
  if (typeof value !== 'string') return { code: 'int_type', message: 'Input should be a valid integer' };
  const match = INTEGER_TEXT.exec(value);
  if (!match) return INTEGER;
  const digits = (match[1] ?? match[2] ?? '').replaceAll('_', '');
  return digits.length > MAX_DIGITS ? SIZE : undefined;
}

export const integer = test(errorOfInteger);

const NEGATIVE: PydanticError = {
  code: 'greater_than_equal',
  message: 'Input should be greater than or equal to 0',
  context: { ge: 0 },
};

export const nonNegativeInteger = test((value) => {
  const error = errorOfInteger(value);
  if (error) return error;
  if (typeof value === 'string') return /^[^-]*-[0_]*[1-9]/.test(value) ? NEGATIVE : undefined;
  return (typeof value === 'number' || typeof value === 'bigint') && value < 0 ? NEGATIVE : undefined;
});

/** The forms that Rust's `uuid` reads. Braces and `urn:uuid:` need the dashes. */
const UUID =
  /^(?:[0-9a-f]{32}|(\{|urn:uuid:)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(\})?)$/i;

/** A UUID of version 7 and of the variant of RFC 9562. */
export const uuid7 = test((value) => {
  if (typeof value !== 'string') return { code: 'uuid_type', message: 'UUID input should be a string' };
  const match = UUID.exec(value);
  const isReadable = match && (match[1] === '{') === (match[2] === '}') && !/^URN|^urn:UUID|^Urn/.test(value);
  if (!isReadable) return { code: 'uuid_parsing', message: 'Input should be a valid UUID' };
  const digits = value.replace(/^urn:uuid:|[{}-]/g, '').replaceAll('-', '');
  const isSeven = digits[12] === '7' && /^[89ab]$/i.test(digits[16] ?? '');
  if (isSeven) return undefined;
  return { code: 'uuid_version', message: 'UUID version 7 expected', context: { expected_version: 7 } };
});
