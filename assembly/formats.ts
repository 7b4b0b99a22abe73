/**
 * The formats of an event's fields: `eventTime`, `runId`, URIs. They are narrower than in the full check
 * (event-time.ts, event-schema.ts): they cover what clients really send. For other texts, which may be valid as well,
 * the result is NOT_SURE.
 */
import { isDigit, isHexDigit, NOT_SURE, readText, textEnd, textHas, textStart } from './json';

/** The event's deviations from the specification, by the bits of scanner.ts. */
export const TIME_WITHOUT_ZONE: u32 = 1;
export const RUN_ID_FORM: u32 = 2;
export const FACET_BASE_MISSING: u32 = 4;
export const SCHEMA_URL_MISSING: u32 = 8;
export const SCHEMA_URL_NOT_URI: u32 = 16;
export const PRODUCER_NOT_URI: u32 = 32;
export const NULL_MEMBER: u32 = 64;
export let deviations: u32 = 0;

/** The last `eventTime`, in milliseconds since the epoch. */
export let eventTime: i64 = 0;

/** Must be called before each event. */
export function startFormats(): void {
  deviations = 0;
}

/** Notes a deviation. */
export function addDeviation(deviation: u32): void {
  deviations |= deviation;
}

/** Reads a text of ASCII without escapes, which should be a URI. Notes the deviation when it is not one. */
export function readUri(at: usize, deviation: u32): usize {
  const after = readText(at);
  if (after == NOT_SURE || textHas != 0) return NOT_SURE;
  if (!isUri()) deviations |= deviation;
  return after;
}

/** True when the last text has a scheme, a colon, and one character or more, and no space (RFC 3986 §3). */
function isUri(): bool {
  let at = textStart;
  if (!isLetter(load<u8>(at))) return false;
  do at++;
  while (isSchemeByte(load<u8>(at)));
  if (load<u8>(at) != 0x3a || ++at == textEnd) return false;
  for (; at < textEnd; at++) {
    const byte = load<u8>(at);
    if (byte == 0x20 || byte == 0x7f) return false;
  }
  return true;
}

/** True when the bytes from `start` to `end` are this text, which is ASCII. */
export function isText(text: string, start: usize, end: usize): bool {
  const length = text.length;
  if (end - start != <usize>length) return false;
  for (let i = 0; i < length; i++) if (load<u8>(start + i) != <u8>text.charCodeAt(i)) return false;
  return true;
}

/** The number of an event's type in EVENT_TYPES of scanner.ts; 0 for a text that is none. */
export function eventTypeOf(start: usize, end: usize): u32 {
  if (isText('START', start, end)) return 1;
  if (isText('RUNNING', start, end)) return 2;
  if (isText('COMPLETE', start, end)) return 3;
  if (isText('ABORT', start, end)) return 4;
  if (isText('FAIL', start, end)) return 5;
  return isText('OTHER', start, end) ? 6 : 0;
}

function isLetter(byte: u8): bool {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** Letters, digits, `+`, `-`, `.`. */
function isSchemeByte(byte: u8): bool {
  return isLetter(byte) || isDigit(byte) || byte == 0x2b || byte == 0x2d || byte == 0x2e;
}

const DASH: u8 = 0x2d;

/** Reads a UUID: in the canonical form, in upper case, or without dashes. */
export function readUuid(at: usize): usize {
  const after = readText(at);
  if (after == NOT_SURE) return NOT_SURE;
  const length = textEnd - textStart;
  const dashed = length == 36;
  if (!dashed) {
    if (length != 32) return NOT_SURE;
    deviations |= RUN_ID_FORM;
  }
  for (let i: usize = 0; i < length; i++) {
    const byte = load<u8>(textStart + i);
    if (dashed && (i == 8 || i == 13 || i == 18 || i == 23)) {
      if (byte != DASH) return NOT_SURE;
    } else if (!isHexDigit(byte)) {
      return NOT_SURE;
    } else if (byte >= 0x41 && byte <= 0x46) {
      deviations |= RUN_ID_FORM;
    }
  }
  return after;
}

/** Reads `2026-11-22T10:15:30`, an optional fraction, and `Z`, `+02:00` or no zone for UTC (RFC 3339 §5.6). */
export function readEventTime(at: usize): usize {
  const after = readText(at);
  // No time needs more than 64 bytes. The limit keeps the loops below short.
  if (after == NOT_SURE || textEnd - textStart < 19 || textEnd - textStart > 64) return NOT_SURE;
  at = textStart;
  const year = digits(at, 4);
  const month = digits(at + 5, 2);
  const day = digits(at + 8, 2);
  const hour = digits(at + 11, 2);
  const minute = digits(at + 14, 2);
  const second = digits(at + 17, 2);
  const separated =
    load<u8>(at + 4) == DASH &&
    load<u8>(at + 7) == DASH &&
    load<u8>(at + 10) == 0x54 &&
    load<u8>(at + 13) == 0x3a &&
    load<u8>(at + 16) == 0x3a;
  if (!separated || year < 0 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month))
    return NOT_SURE;
  // Leap seconds are left to the full check.
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return NOT_SURE;
  at += 19;

  let thousandths: i32 = 0;
  if (load<u8>(at) == 0x2e) {
    const fraction = ++at;
    let weight: i32 = 100;
    for (; isDigit(load<u8>(at)); at++, weight /= 10) thousandths += (<i32>load<u8>(at) - 0x30) * weight;
    if (at == fraction) return NOT_SURE;
  }
  const offset = readZone(at);
  if (offset == NO_ZONE) return NOT_SURE;
  const seconds = ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second;
  eventTime = seconds * 1000 + thousandths;
  return after;
}

const NO_ZONE: i32 = i32.MAX_VALUE;

/** The offset of a zone from UTC in minutes, or NO_ZONE. The text must end after the zone. */
function readZone(at: usize): i32 {
  if (at == textEnd) {
    deviations |= TIME_WITHOUT_ZONE;
    return 0;
  }
  const byte = load<u8>(at);
  if (byte == 0x5a) return at + 1 == textEnd ? 0 : NO_ZONE;
  if ((byte != 0x2b && byte != DASH) || at + 6 != textEnd || load<u8>(at + 3) != 0x3a) return NO_ZONE;
  const hours = digits(at + 1, 2);
  const minutes = digits(at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return NO_ZONE;
  const offset = hours * 60 + minutes;
  return byte == DASH ? -offset : offset;
}

/** The number that `count` digits make, or -1. */
function digits(at: usize, count: i32): i32 {
  let number: i32 = 0;
  for (let i = 0; i < count; i++) {
    const byte = load<u8>(at + i);
    if (!isDigit(byte)) return -1;
    number = number * 10 + (<i32>byte - 0x30);
  }
  return number;
}

function daysOf(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Days since the epoch in the proleptic Gregorian calendar. Years begin in March here: so the leap day is the last. */
function daysSinceEpoch(year: i32, month: i32, day: i32): i64 {
  const marchYear = <i64>(month > 2 ? year : year - 1);
  // Days since the first of March. From March on, each five months have 153 days.
  const dayOfYear = <i64>((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1);
  const leapDays = floor(marchYear, 4) - floor(marchYear, 100) + floor(marchYear, 400);
  // The first of March of year 0 was 719,468 days before the epoch.
  return marchYear * 365 + leapDays + dayOfYear - 719468;
}

/** Division that rounds down, also for the year -1: with years from March on, January of year 0 belongs to it. */
function floor(number: i64, by: i64): i64 {
  return number >= 0 ? number / by : -1;
}
