/**
 * An event of the spool as a line of JSON: what `http2kafka spool export` writes, and what `spool import` and the control socket
 * read. The same record comes back: topic, key, headers, time, bytes and time of arrival.
 *
 *     {"topic": "…", "arrived": "2026-11-29T01:15:26.524Z", "timestamp": 1764378926524, "key": "…" | null,
 *      "headers": {"content-type": "application/json"}, "value": "…"}
 *
 * Where bytes are not UTF-8, base64 takes the place of text: `key_base64`, `value_base64`, and `headers_base64`, a list of name and
 * value. That is also the form of headers if one name comes twice.
 */
import { isUtf8 } from 'node:buffer';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { KafkaRecord, RecordHeader } from '../../kafka/record.ts';

const Exported = Type.Object({
  topic: Type.String({ minLength: 1, maxLength: 249, pattern: '^[A-Za-z0-9._-]+$' }),
  arrived: Type.String(),
  timestamp: Type.Number(),
  key: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  key_base64: Type.Optional(Type.String()),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
  headers_base64: Type.Optional(Type.Array(Type.Tuple([Type.String(), Type.String()]))),
  value: Type.Optional(Type.String()),
  value_base64: Type.Optional(Type.String()),
});

/** The record as JSON. */
export function exportRecord({ topic, arrivedAt, key, value, headers, timestamp }: KafkaRecord): object {
  return {
    topic,
    arrived: new Date(arrivedAt).toISOString(),
    timestamp,
    ...(key === null || isUtf8(key) ? { key: key?.toString() ?? null } : { key_base64: base64(key) }),
    ...exportHeaders(headers),
    ...(isUtf8(value) ? { value: value.toString() } : { value_base64: base64(value) }),
  };
}

function exportHeaders(headers: readonly RecordHeader[]): object {
  const names = new Set(headers.map(({ name }) => name.toString()));
  // An object would have other names first if they are numbers.
  const isPlain =
    names.size === headers.length &&
    headers.every(({ name, value }) => isUtf8(name) && isUtf8(value) && !/^\d+$/.test(name.toString()));
  return isPlain
    ? { headers: Object.fromEntries(headers.map(({ name, value }) => [name.toString(), value.toString()])) }
    : { headers_base64: headers.map(({ name, value }) => [base64(name), base64(value)]) };
}

/**
 * Reads a line.
 * @throws with a message for the user if it is not a record.
 */
export function importRecord(line: Buffer): KafkaRecord {
  const parsed = parsedLine(line);
  if (typeof parsed === 'object' && parsed !== null && 'unreadable_base64' in parsed) {
    throw new Error('the program that exported the event could not read it');
  }
  if (!Value.Check(Exported, parsed)) {
    const [first] = Value.Errors(Exported, parsed);
    const place = first?.instancePath.slice(1).replaceAll('/', '.') ?? '';
    throw new Error(`not an exported event: ${place === '' ? '' : `${place}: `}${first?.message ?? ''}`);
  }
  const { topic, arrived, timestamp, value, value_base64: bytes } = parsed;
  const arrivedAt = Date.parse(arrived);
  if (Number.isNaN(arrivedAt)) throw new Error('not an exported event: arrived is no time');
  if (value === undefined && bytes === undefined) throw new Error('not an exported event: it has no value');
  return {
    ...{ topic, arrivedAt, timestamp },
    key: importKey(parsed),
    headers: importHeaders(parsed),
    value: bytes === undefined ? Buffer.from(value ?? '') : Buffer.from(bytes, 'base64'),
  };
}

function parsedLine(line: Buffer): unknown {
  if (!isUtf8(line)) throw new Error('not UTF-8');
  try {
    return JSON.parse(line.toString());
  } catch {
    throw new Error('not JSON. Is the line cut off?');
  }
}

type Exported = Type.Static<typeof Exported>;

function importKey({ key, key_base64: bytes }: Exported): Buffer | null {
  if (bytes !== undefined) return Buffer.from(bytes, 'base64');
  return key === undefined || key === null ? null : Buffer.from(key);
}

function importHeaders({ headers = {}, headers_base64: list }: Exported): readonly RecordHeader[] {
  const pairs = list ?? Object.entries(headers);
  const encoding = list ? 'base64' : 'utf8';
  return pairs.map(([name, value]) => ({
    name: Buffer.from(name, encoding),
    value: Buffer.from(value, encoding),
  }));
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}
