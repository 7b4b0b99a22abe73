/** The formats of JSON Schema 2020-12 (Validation §7.3) that the schemas of OpenLineage use. */
import { parseEventTime } from '../event-time.ts';
import type { Format } from './shapes.ts';

/** RFC 9562 §4: with dashes, in either case. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** RFC 3339 §5.6. The letters may be small (its note). */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:(\d{2})(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

// RFC 3986, appendix A.
const ESCAPE = '%[0-9a-f]{2}';
const PLAIN = "a-z0-9._~!$&'()*+,;=\\-";
const PATH = `(?:[${PLAIN}:@/]|${ESCAPE})*`;
const HOST = `(?:\\[(?:[0-9a-f:.]+|v[0-9a-f]+\\.[${PLAIN}:]+)\\]|(?:[${PLAIN}]|${ESCAPE})*)`;
const AUTHORITY = `(?:(?:[${PLAIN}:]|${ESCAPE})*@)?${HOST}(?::[0-9]*)?`;
const REST = `(?:[${PLAIN}:@/?]|${ESCAPE})*`;
const URI = new RegExp(
  `^[a-z][a-z0-9+.-]*:(?://${AUTHORITY}(?:/${PATH})?|(?!//)${PATH})(?:\\?${REST})?(?:#${REST})?$`,
  'i',
);

export const formats: Readonly<Record<Format, (text: string) => boolean>> = {
  uuid: (text) => UUID.test(text),
  'date-time': isDateTime,
  uri: (text) => URI.test(text),
};

function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  const time = match ? parseEventTime(text) : undefined;
  if (!match || !time) return false;
  // A leap second is the last second of a day, in UTC (RFC 3339 §5.7). It counts as the first second of the next day.
  return match[1] !== '60' || Math.floor(time.milliseconds / 1000) % 86_400 === 0;
}
