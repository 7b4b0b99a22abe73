/** From an event and the request that brought it to the Kafka record (contract section 3). */
import { printable } from '../support/printable.ts';
import { recordHeader, type KafkaRecord, type RecordHeader } from '../kafka/record.ts';
import type { CheckedEvent } from '../openlineage/verdict.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';
import type { Exchange } from '../http/exchange.ts';

const CONTENT_TYPE = recordHeader('content-type', 'application/json');

/** The names of headers that each event has: made once. */
const CORRELATION_ID = Buffer.from('correlation_id');
const REPORTED_BY = Buffer.from('reported-by-user-name');

/** W3C Trace Context §3.2: version (not ff), trace id and parent id (not all zeros), flags. Nothing else is passed on. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** More than this of the reasons does not help whoever reads a dead letter. */
const MAX_REASONS = 20;

/** The record of an event that has passed the check. `timestamp` in milliseconds since the epoch. */
export function eventRecord(
  exchange: Exchange,
  bytes: Buffer,
  event: CheckedEvent,
  topic: string,
  timestamp: number,
  arrivedAt: number,
): KafkaRecord {
  return { topic, key: event.key, value: bytes, headers: commonHeaders(exchange), timestamp, arrivedAt };
}

/** The record of an event that has not, for the dead-letter topic: the bytes as they came, and why they are there. */
export function deadLetterRecord(
  exchange: Exchange,
  bytes: Buffer,
  errors: readonly ValidationError[],
  topic: string,
  arrivedAt: number,
): KafkaRecord {
  const reasons = errors
    .slice(0, MAX_REASONS)
    .map(({ location, message, code }) => ({ location, message, code }));
  const headers = [
    ...commonHeaders(exchange),
    recordHeader('dead-letter-reason', describeErrors(errors)),
    recordHeader('dead-letter-details', JSON.stringify(reasons)),
  ];
  return { topic, key: null, value: bytes, headers, timestamp: arrivedAt, arrivedAt };
}

/** The errors in one line, without anything of the event's content: for logs, dead letters and batch answers. */
export function describeErrors(errors: readonly ValidationError[]): string {
  const shown = errors
    .slice(0, 5)
    .map(({ location, message }) => `${printable(location.join('.'))}: ${message}`);
  const more = errors.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
}

/** The order is Data.Rentgen's. */
function commonHeaders({ request, requestId, known }: Exchange): RecordHeader[] {
  // A request's id is ASCII (`requestIdOf`).
  const headers = [CONTENT_TYPE, { name: CORRELATION_ID, value: Buffer.from(requestId, 'latin1') }];
  if (known) headers.push({ name: REPORTED_BY, value: Buffer.from(known.sender.name) });
  const { traceparent } = request.headers;
  if (typeof traceparent === 'string' && TRACEPARENT.test(traceparent)) {
    headers.push(recordHeader('traceparent', traceparent));
  }
  return headers;
}
