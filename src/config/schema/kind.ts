import { Type, type TSchema } from 'typebox';
import { Value } from 'typebox/value';

/**
 * The values that a setting takes. A value is written as text (a flag, an environment variable) or as a JSON value (a
 * file). `read` converts both to the type of the value, then `holds` checks it.
 */
export interface Kind<T> {
  /** For the reference page, with unit and limits: `integer (ms), 1 to 60000`, `list of host:port`. */
  readonly label: string;
  /** For the message of an error: `a whole number from 0 to 65535`. */
  readonly expected: string;
  /** JSON Schema of the best form in a file; a little stricter than `read`. */
  readonly written: TSchema;
  /** Returns a value that it cannot read unchanged, and `holds` refuses it. */
  readonly read: (written: unknown) => unknown;
  readonly holds: (value: unknown) => value is T;
  /** The written form of a value, where that is not its JSON. */
  readonly format?: (value: unknown) => unknown;
  /** What is wrong within a value that has parts. Without it, an error names the whole value. */
  readonly problems?: (written: unknown) => readonly PartProblem[];
}

/** Why a part of a value is wrong. */
export interface PartProblem {
  /** From the value to the part: `[2, 'when', 'kind']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The written form of a value in a file. */
export function written(kind: Kind<unknown>, value: unknown): unknown {
  return kind.format && value !== undefined ? kind.format(value) : value;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

interface TextLimits {
  readonly maxLength?: number;
  readonly pattern?: string;
  /** A check that a pattern cannot express. */
  readonly valid?: (text: string) => boolean;
}

const plainText = 'text (in quotes where YAML would read another type)';

/** Text that is not empty. `label` is its name on the reference page, `expected` its name in an error. */
export function text(
  label = 'text',
  expected = plainText,
  { valid, ...limits }: TextLimits = {},
): Kind<string> {
  const schema = Type.String({ minLength: 1, ...limits });
  const checked = valid ? Type.Refine(schema, valid) : schema;
  return {
    label,
    expected,
    written: schema,
    read: (written) => written,
    holds: (value) => Value.Check(checked, value),
  };
}

/** A whole number. The name of the setting ends in `unit`. */
export function integer({ from, to }: Range, unit?: 'ms' | 's'): Kind<number> {
  const schema = Type.Integer({ minimum: from, maximum: to });
  const inUnit = unit ? ` (${unit})` : '';
  return {
    label: `integer${inUnit}, ${from} to ${to}`,
    expected: `a whole number from ${from} to ${to}${inUnit}`,
    written: schema,
    read: (written) => (isText(written) && /^[+-]?\d+$/.test(written.trim()) ? Number(written) : written),
    holds: (value) => Value.Check(schema, value),
  };
}

const sizePattern = /^(?<count>\d+) ?(?:(?<prefix>[KMG])(?<binary>i?))?B?$/i;
const powers: Readonly<Record<string, number>> = { K: 1, M: 2, G: 3 };

/** A number of bytes, with or without a unit: `64KB` is 64,000 bytes and `64KiB` is 65,536. */
export function bytes({ from, to }: Range): Kind<number> {
  const schema = Type.Integer({ minimum: from, maximum: to });
  return {
    label: `size (bytes), ${from} to ${to}`,
    expected: `a size from ${from} to ${to} bytes, such as ${from} or 5MiB`,
    written: Type.Union([schema, Type.String({ pattern: '^\\d+ ?([KMGkmg][Ii]?)?[Bb]?$' })]),
    read: (written) => (isText(written) ? readSize(written.trim()) : written),
    holds: (value) => Value.Check(schema, value),
  };
}

function readSize(written: string): number | string {
  const { count, prefix, binary } = sizePattern.exec(written)?.groups ?? {};
  if (count === undefined) return written;
  const power = prefix ? (powers[prefix.toUpperCase()] ?? 0) : 0;
  return Number(count) * (binary ? 1024 : 1000) ** power;
}

const durationPattern = /^(?<count>\d+(?:\.\d+)?) ?(?<unit>ms|s|m|h|d)$/i;
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time with its unit: `500ms`, `1s`, `15m`, `12h`, `7d`. The value and the limits are in milliseconds. */
export function duration({ from, to }: Range): Kind<number> {
  const schema = Type.Integer({ minimum: from, maximum: to });
  return {
    label: `duration, ${inUnits(from)} to ${inUnits(to)}`,
    expected: `a time from ${inUnits(from)} to ${inUnits(to)} with its unit, such as 500ms, 1s, 15m, 12h or 7d`,
    written: Type.String({ pattern: '^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$' }),
    read: (written) => {
      const { count, unit } = (isText(written) && durationPattern.exec(written.trim())?.groups) || {};
      if (count === undefined || unit === undefined) return undefined;
      return Math.round(Number(count) * (unitMs[unit.toLowerCase()] ?? 1));
    },
    holds: (value) => Value.Check(schema, value),
    format: (value) => (typeof value === 'number' ? inUnits(value) : value),
  };
}

/** A time in the largest unit that divides it. */
function inUnits(ms: number): string {
  if (ms === 0) return '0s';
  const units = Object.entries(unitMs).filter(([, size]) => ms % size === 0);
  const [unit, size] = units.at(-1) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

// The booleans of YAML 1.1, uvicorn and pydantic (Data.Rentgen).
const truth = new Map([
  ...['true', '1', 'yes', 'on', 'y', 't'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off', 'n', 'f'].map((word) => [word, false] as const),
]);

/** True or false, in one of several words. */
export function boolean(): Kind<boolean> {
  const schema = Type.Boolean();
  return {
    label: 'boolean',
    expected: 'true or false (or 1, 0, yes, no, on, off)',
    written: schema,
    read: (written) => truth.get(asWord(written) ?? '') ?? written,
    holds: (value) => Value.Check(schema, value),
  };
}

/** One of a few words, in upper or lower case. `aliases` are other words for them, in lower case. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  aliases: Readonly<Record<string, Word>> = {},
): Kind<Word> {
  const schema = Type.Enum(words);
  const known = new Map<string, Word>([
    ...Object.entries(aliases),
    ...words.map((word) => [word.toLowerCase(), word] as const),
  ]);
  return {
    label: words.map((word) => `\`${word}\``).join(', '),
    expected: words.length === 1 ? words.join() : `one of ${words.join(', ')}`,
    written: schema,
    read: (written) => {
      const word = asWord(written);
      return (word === undefined ? undefined : known.get(word)) ?? written;
    },
    holds: (value): value is Word => Value.Check(schema, value),
  };
}

/** A list: a JSON array, or text with commas between the items. With `commas: false` an item may contain commas. */
export function list<T>(item: Kind<T>, { commas = true } = {}): Kind<readonly T[]> {
  const form = commas ? 'a comma list or a JSON array' : 'a JSON array, or a single one';
  return {
    label: `list of ${item.label}`,
    expected: `a list of ${item.expected} (${form})`,
    written: Type.Array(item.written),
    read: (written) => {
      const items = isText(written) ? itemsOf(written.trim(), commas) : written;
      return Array.isArray(items) ? items.map(item.read) : items;
    },
    holds: (value): value is readonly T[] => Array.isArray(value) && value.every(item.holds),
  };
}

function itemsOf(written: string, commas: boolean): unknown {
  if (written.startsWith('[')) {
    try {
      return JSON.parse(written);
    } catch {
      // An IPv6 address begins with a bracket, too: `[::1]:9092`. Other text is refused as an item.
    }
  }
  if (written === '') return [];
  return commas ? written.split(',').map((item) => item.trim()) : [written];
}

/** A setting that may have no value: an empty text, or a `null` in a file, gives none. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    ...kind,
    written: Type.Union([kind.written, Type.Null()]),
    read: (written) => (written === '' || written === null ? undefined : kind.read(written)),
    holds: (value): value is T | undefined => value === undefined || kind.holds(value),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** A word in lower case. A YAML file may have a number or a boolean as a word, and null as the empty word. */
function asWord(written: unknown): string | undefined {
  if (written === null) return '';
  return isText(written) || typeof written === 'number' || typeof written === 'boolean'
    ? String(written).trim().toLowerCase()
    : undefined;
}
