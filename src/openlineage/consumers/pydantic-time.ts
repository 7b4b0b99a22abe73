/** A time as pydantic 2.13 reads it from JSON: ISO 8601, a date, or seconds or milliseconds since the epoch. */
import type { PydanticError, PydanticType } from './pydantic-search.ts';

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt _](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?:[Zz]|[+\-\u2212](\d{2}):?(\d{2}))?)?$/;
const INTEGER = /^[+-]?\d+$/;
/** An exponent only behind a point. */
const DECIMAL = /^[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A number up to this is in seconds, a larger one in milliseconds. */
const MOST_SECONDS = 20_000_000_000;
/** Years 1 to 9999, in milliseconds. */
const FIRST = -62_135_596_800_000;
const END = 253_402_300_800_000;

const PARSING: PydanticError = {
  code: 'datetime_from_date_parsing',
  message: 'Input should be a valid datetime or date',
};

export const time: PydanticType = {
  kind: 'test',
  test: (value) => {
    if (typeof value === 'number') return isInRange(value) ? undefined : PARSING;
    if (typeof value !== 'string')
      return { code: 'datetime_type', message: 'Input should be a valid datetime' };
    if (INTEGER.test(value)) return isInRange(Number(value)) ? undefined : PARSING;
    if (DECIMAL.test(value)) return isDecimalInRange(Number(value)) ? undefined : PARSING;
    return isTime(value) ? undefined : PARSING;
  },
};

function isInRange(value: number): boolean {
  if (Math.abs(value) <= MOST_SECONDS) return true;
  return value >= FIRST && value < END;
}

/** A text with a point may also be in microseconds. */
function isDecimalInRange(value: number): boolean {
  if (Math.abs(value) <= MOST_SECONDS * 1000) return true;
  return value >= FIRST * 1000 && value < END * 1000;
}

function isTime(text: string): boolean {
  const match = ISO.exec(text);
  if (!match) return false;
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = match
    .slice(1)
    .map((part: string | undefined) => Number(part ?? 0));
  if (!isDay(year ?? 0, month ?? 0, day ?? 0)) return false;
  return (
    [hour, zoneHour].every((hours = 0) => hours < 24) &&
    [minute, second, zoneMinute].every((value = 0) => value < 60)
  );
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day <= days;
}
