/**
 * The way of an event: check, route, make the record, deliver. It takes one event at a time, whatever brings it, and answers what has
 * become of it.
 */
import { deadLetterRecord } from '../delivery/dead-letter-record.ts';
import type { Delivered, EventDelivery } from '../delivery/port.ts';
import { refusal, type Refusal } from '../errors.ts';
import { checkEvent } from '../openlineage/check.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import { printable } from '../support/printable.ts';
import type { Clock } from '../support/time.ts';
import type { Arrival } from './arrival.ts';
import { eventRecord, headersOf } from './event-record.ts';
import type { KnownKind, Observer } from './observer.ts';

export interface IngestSettings {
  /** The topic of events that no routing rule is about. */
  readonly mainTopic: string;
  /** For events that the check refuses, where they are kept at all. */
  readonly malformedTopic: string;
  readonly checkLevel: CheckLevel;
  /** What becomes of an event that the check refuses. */
  readonly invalid: 'reject' | 'dead-letter';
  /** The record's time. */
  readonly timestamp: 'event-time' | 'arrival';
}

/** What has become of one event. The first three are final: it is kept. */
export type Ingested =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'spooled' }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Validation errors that a dead letter's header `dead-letter-details` lists. More do not help its reader. */
const MAX_DETAILS = 20;

const OVER_QUOTA = refusal('too_many_requests', 'You send more events than you may; wait a second');

export class Ingest {
  readonly #settings: IngestSettings;
  readonly #delivery: EventDelivery;
  readonly #observer: Observer;
  readonly #wall: Clock;

  /** `wall` tells the time of arrival. */
  constructor(settings: IngestSettings, delivery: EventDelivery, observer: Observer, wall: Clock) {
    this.#settings = settings;
    this.#delivery = delivery;
    this.#observer = observer;
    this.#wall = wall;
  }

  /** Takes one event; resolves when it is known what the sender can be told. */
  async take(arrival: Arrival, bytes: Buffer): Promise<Ingested> {
    const limits = arrival.known?.limits;
    if (limits?.quota?.take() === false) return this.#refuse(arrival, 'unknown', OVER_QUOTA);
    const { mainTopic, checkLevel, timestamp } = this.#settings;
    const verdict = checkEvent(bytes, checkLevel);
    this.#observer.checked(verdict);
    const { event } = verdict;
    if (!event) return this.#takeInvalid(arrival, bytes, verdict.kind ?? 'unknown', verdict.errors);
    if (limits?.mayWriteTo(event.namespace) === false) {
      return this.#refuse(arrival, event.kind, foreignNamespace(event.namespace));
    }
    const arrivedAt = this.#wall.now();
    const time = timestamp === 'arrival' ? arrivedAt : event.time;
    const record = eventRecord(arrival, bytes, event.key, mainTopic, time, arrivedAt);
    const delivered = await this.#delivery.deliver(record);
    if (delivered.kind !== 'acknowledged' && delivered.kind !== 'spooled') {
      return this.#refuse(arrival, event.kind, refusalOf(delivered));
    }
    this.#observer.kept(arrival, event.kind, delivered.kind);
    return delivered;
  }

  #refuse(arrival: Arrival, kind: KnownKind, reason: Refusal): Ingested {
    this.#observer.refused(arrival, kind, reason);
    return { kind: 'refused', refusal: reason };
  }

  async #takeInvalid(
    arrival: Arrival,
    bytes: Buffer,
    kind: KnownKind,
    errors: readonly ValidationError[],
  ): Promise<Ingested> {
    const { invalid, malformedTopic } = this.#settings;
    if (invalid === 'reject')
      return this.#refuse(arrival, kind, refusal('invalid_request', undefined, errors));
    const details = errors
      .slice(0, MAX_DETAILS)
      .map(({ location, message, code }) => ({ location, message, code }));
    const reason = { summary: describeErrors(errors), details: JSON.stringify(details) };
    const letter = deadLetterRecord(malformedTopic, bytes, headersOf(arrival), reason, this.#wall.now());
    const delivered = await this.#delivery.deliver(letter);
    if (delivered.kind !== 'acknowledged' && delivered.kind !== 'spooled') {
      return this.#refuse(arrival, kind, refusalOf(delivered));
    }
    this.#observer.deadLettered(arrival, kind, malformedTopic, errors);
    return { kind: 'dead-letter' };
  }
}

/** What the sender hears of an event that is not kept. */
function refusalOf(delivered: Exclude<Delivered, { kind: 'acknowledged' | 'spooled' }>): Refusal {
  switch (delivered.kind) {
    case 'retriable':
      return refusal('unavailable', `The event cannot be kept now: ${delivered.reason}`);
    case 'permanent':
      return refusal('unavailable', `Kafka refuses the event: ${delivered.reason}`);
    case 'too-large': {
      const { topic, size, limit, event } = delivered;
      const message = `The event needs ${size} bytes of topic ${topic} even compressed, which takes ${limit}`;
      return refusal('payload_too_large', message, { size, limit, event });
    }
  }
}

function foreignNamespace(namespace: string): Refusal {
  return refusal('forbidden', `Your namespaces do not include "${printable(namespace.slice(0, 200))}"`);
}
