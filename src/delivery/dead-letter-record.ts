/** Records for the dead-letter topic: the bytes as they came, and why they are there. */
import { recordHeader, type KafkaRecord, type RecordHeader } from '../kafka/record.ts';

export interface DeadLetterReason {
  /** In one line, without anything of the event's content. */
  readonly summary: string;
  /** JSON, for programs. */
  readonly details: string;
}

/** The record of an event that the check has refused. */
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
