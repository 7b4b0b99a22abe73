/**
 * The records of the dead-letter topic. Each has the bytes of its event, and headers that say why the event is there. An
 * event becomes one in two ways: the check refuses it, or Kafka refuses its record after the sender got its answer.
 */
import { recordHeader, type KafkaRecord, type RecordHeader } from '../kafka/record.ts';
import type { Delivered, NeverTaken } from './port.ts';

/** Why the check refuses an event. */
export interface DeadLetterReason {
  /** One line, without any content of the event. */
  readonly summary: string;
  /** JSON with the single errors, for programs. */
  readonly details: string;
}

/** The record of an event that the check refuses. It has no key. `arrivedAt` is in milliseconds since the epoch. */
export function deadLetterRecord(
  topic: string,
  value: Buffer,
  headers: readonly RecordHeader[],
  { summary, details }: DeadLetterReason,
  arrivedAt: number,
): KafkaRecord {
  const reasons = [recordHeader('dead-letter-reason', summary), recordHeader('dead-letter-details', details)];
  return { topic, key: null, value, headers: [...headers, ...reasons], timestamp: arrivedAt, arrivedAt };
}

/** The record for a record that its own topic never takes: same key, bytes and headers, with the topic and the reason. */
export function deadLetterOfRecord(record: KafkaRecord, reason: string, topic: string): KafkaRecord {
  const headers = [
    ...record.headers,
    recordHeader('dead-letter-topic', record.topic),
    recordHeader('dead-letter-reason', `topic ${record.topic} does not take it: ${reason}`),
  ];
  return { ...record, topic, headers, timestamp: record.arrivedAt };
}

/** Why Kafka never takes a record, in one line. */
export function reasonOf(outcome: NeverTaken): string {
  return outcome.kind === 'refused' ? outcome.reason : tooLarge(outcome.size, outcome.limit);
}

/** The same with its kind in front. */
export function neverTakenReason(outcome: NeverTaken): string {
  return `${outcome.kind}: ${reasonOf(outcome)}`;
}

/** Why an event is not kept in the dead-letter topic: the kind of the outcome, and its reason. */
export function parkedReason(delivered: Delivered): string {
  if (delivered.kind === 'permanent') return `refused: ${delivered.reason}`;
  if (delivered.kind === 'too-large') return `too-large: ${tooLarge(delivered.size, delivered.limit)}`;
  return delivered.kind === 'retriable' ? `unavailable: ${delivered.reason}` : delivered.kind;
}

/** Sizes in bytes. */
export function tooLarge(size: number, limit: number): string {
  return `needs ${size} bytes even compressed, where the topic takes ${limit}`;
}
