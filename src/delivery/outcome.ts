/** What the sender of a record hears of it. */
import type { Outcome } from '../kafka/producer/port.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Delivered } from './port.ts';

/** Kafka will not take the record, ever. */
export type NeverTaken = Extract<Outcome, { kind: 'too-large' | 'refused' }>;

export const ACKNOWLEDGED: Delivered = { kind: 'acknowledged' };
export const SPOOLED: Delivered = { kind: 'spooled' };

/** The sender may try again; `why` goes to the sender and names no address. */
export function unavailable(why: string): Delivered {
  return { kind: 'retriable', reason: why };
}

/** What the sender of a record hears when nobody has told it yes yet. */
export function neverTaken({ topic, value }: KafkaRecord, outcome: NeverTaken): Delivered {
  if (outcome.kind === 'refused') return { kind: 'permanent', reason: outcome.reason };
  const { size, limit } = outcome;
  return { kind: 'too-large', topic, size, limit, event: value.length };
}

/** Why Kafka never takes a record, in one line. */
export function reasonOf(outcome: NeverTaken): string {
  return outcome.kind === 'refused'
    ? outcome.reason
    : `needs ${outcome.size} bytes even compressed, where the topic takes ${outcome.limit}`;
}
