/**
 * `eventTime`: RFC 3339 `date-time`, and forms close to it that real clients send and every consumer reads. These are:
 * without a zone (Python's `datetime.now().isoformat()`, taken as UTC), without seconds, with a comma before the
 * fraction, with an ISO 8601 basic offset (`+0200`), or with the id of a zone behind the offset (`Z[Europe/London]`).
 */
const FORM =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:([.,])(\d+))?)?(?:([Zz])|([+-])(\d{2})(?:(:?)(\d{2}))?)?$/;

/**
 * The id of a zone, as Java's `ZonedDateTime.toString()` writes it behind the offset. The letters are those that
 * `java.time.ZoneId` accepts. The offset alone decides: it says which point in time it is, without a database of zones.
 */
const ZONE_ID = /\[[A-Za-z][A-Za-z0-9~/._+-]+\]$/;

export interface EventTime {
  /** Milliseconds since the epoch; further digits are cut off. */
  readonly milliseconds: number;
  /** True when the text has a zone, as RFC 3339 demands. */
  readonly hasZone: boolean;
  /** True when the text is RFC 3339, apart from a missing zone and the id of a zone. */
  readonly isRfc3339: boolean;
  /** True when the id of a zone follows the offset. */
  readonly hasZoneId: boolean;
}

/** Reads an `eventTime`; undefined when it is not a point in time, such as a 30th of February. */
export function parseEventTime(text: string): EventTime | undefined {
  const zoneId = ZONE_ID.exec(text);
  const match = FORM.exec(zoneId ? text.slice(0, zoneId.index) : text);
  if (!match) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second,
    separator,
    fraction,
    zulu,
    sign,
    zoneHour,
    colon,
    zoneMinute,
  ] = match;
  const hours = Number(hour);
  const minutes = Number(minute);
  // RFC 3339 allows second 60, the leap second. It counts as the first second of the next minute.
  const seconds = Number(second ?? 0);
  const offsetHours = Number(zoneHour ?? 0);
  const offsetMinutes = Number(zoneMinute ?? 0);
  if (hours > 23 || minutes > 59 || seconds > 60 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const midnight = utcMidnight(Number(year), Number(month), Number(day));
  if (midnight === undefined) return undefined;

  const offset = (sign === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes);
  // The digits are cut off as text: as a number, 0.99999999999999999 would be the next second.
  const thousandths = Number((fraction ?? '').slice(0, 3).padEnd(3, '0'));
  const hasZone = zulu !== undefined || sign !== undefined;
  // An id alone names two points in time when the clocks go back.
  if (zoneId && !hasZone) return undefined;
  return {
    milliseconds: midnight + ((hours * 60 + minutes - offset) * 60 + seconds) * 1000 + thousandths,
    hasZone,
    isRfc3339: second !== undefined && separator !== ',' && (sign === undefined || colon === ':'),
    hasZoneId: zoneId !== null,
  };
}

function utcMidnight(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  // Not Date.UTC, which takes years below 100 for 19xx.
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? date.getTime() : undefined;
}
