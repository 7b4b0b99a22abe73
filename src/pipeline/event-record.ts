/** From an event and its arrival to the Kafka record. */
import { recordHeader, type KafkaRecord, type RecordHeader } from '../kafka/record.ts';
import type { Arrival } from './arrival.ts';

const CONTENT_TYPE = recordHeader('content-type', 'application/json');

/** The names of headers that each event has: made once. */
const CORRELATION_ID = Buffer.from('correlation_id');
const REPORTED_BY = Buffer.from('reported-by-user-name');

/** W3C Trace Context §3.2: version (not ff), trace id and parent id (not all zeros), flags. Nothing else is passed on. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The record of an event that has passed the check. Times in milliseconds since the epoch. */
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

/** The headers that every record has. Their order is Data.Rentgen's. */
export function headersOf({ requestId, known, traceparent }: Arrival): RecordHeader[] {
  const headers = [CONTENT_TYPE, { name: CORRELATION_ID, value: Buffer.from(requestId, 'latin1') }];
  if (known) headers.push({ name: REPORTED_BY, value: Buffer.from(known.sender.name) });
  if (traceparent !== undefined && TRACEPARENT.test(traceparent)) {
    headers.push(recordHeader('traceparent', traceparent));
  }
  return headers;
}
