/** Makes the Kafka record of an event. */
import { recordHeader, type KafkaRecord, type RecordHeader } from '../kafka/record.ts';
import type { Arrival } from './arrival.ts';

const CONTENT_TYPE = recordHeader('content-type', 'application/json');

/** Names of headers that most records have. They are made once, not for each event. */
const CORRELATION_ID = Buffer.from('correlation_id');
const REPORTED_BY = Buffer.from('reported-by-user-name');

/**
 * W3C Trace Context §3.2: version (not ff), trace id and parent id (not all zeros), flags.
 * Only a `traceparent` of this form goes into the record.
 */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The record of a valid event. `timestamp` and `arrivedAt` are milliseconds since the Unix epoch. */
export function eventRecord(
  arrival: Arrival,
  bytes: Buffer,
  key: Buffer,
  topic: string,
  timestamp: number,
  arrivedAt: number,
): KafkaRecord {
  return { topic, key, value: bytes, headers: headersOf(arrival), timestamp, arrivedAt };
}

/** The headers of every record, in the order of Data.Rentgen. */
export function headersOf({ requestId, known, traceparent }: Arrival): RecordHeader[] {
  const headers = [CONTENT_TYPE, { name: CORRELATION_ID, value: Buffer.from(requestId, 'latin1') }];
  if (known) headers.push({ name: REPORTED_BY, value: Buffer.from(known.sender.name) });
  if (traceparent !== undefined && TRACEPARENT.test(traceparent)) {
    headers.push(recordHeader('traceparent', traceparent));
  }
  return headers;
}
