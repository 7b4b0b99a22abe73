/** What becomes of an event, from its sender's point of view. */
import { refusal, type Refusal } from '../errors.ts';
import type { Outcome } from '../kafka/producer/port.ts';
import type { KafkaRecord } from '../kafka/record.ts';

/** Acknowledged by Kafka, synced to the spool, or refused. The first two are final. */
export type Delivered =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'spooled' }
  /** `never`: Kafka will not take it, ever, so that there is no use in trying again. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly never: boolean };

/** Kafka will not take the record, ever. */
export type NeverTaken = Extract<Outcome, { kind: 'too-large' | 'refused' }>;

export const ACKNOWLEDGED: Delivered = { kind: 'acknowledged' };
export const SPOOLED: Delivered = { kind: 'spooled' };

/** The sender may try again; `why` goes to the sender and names no address. */
export function unavailable(why: string): Delivered {
  const reason = refusal('unavailable', `The event cannot be kept now: ${why}`);
  return { kind: 'refused', refusal: reason, never: false };
}

/** What the sender of a record hears when nobody has told it yes yet. */
export function neverTaken({ topic, value }: KafkaRecord, outcome: NeverTaken): Delivered {
  if (outcome.kind === 'refused') {
    const reason = refusal('unavailable', `Kafka refuses the event: ${outcome.reason}`);
    return { kind: 'refused', refusal: reason, never: true };
  }
  const { size, limit } = outcome;
  const message = `The event needs ${size} bytes of topic ${topic} even compressed, which takes ${limit}`;
  const details = { size, limit, event: value.length };
  return { kind: 'refused', refusal: refusal('payload_too_large', message, details), never: true };
}

/** Why Kafka never takes a record, in one line. */
export function reasonOf(outcome: NeverTaken): string {
  return outcome.kind === 'refused'
    ? outcome.reason
    : `needs ${outcome.size} bytes even compressed, where the topic takes ${outcome.limit}`;
}
