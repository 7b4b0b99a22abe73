/**
 * The pipeline of an event: check, route, make the record, deliver. It takes one event and returns its outcome.
 * It does not know how the event arrived.
 */
import { deadLetterRecord } from '../delivery/dead-letter-record.ts';
import type { Delivered, EventDelivery } from '../delivery/port.ts';
import { refusal, type Refusal } from '../errors.ts';
import { recordHeader, type RecordHeader } from '../kafka/record.ts';
import { checkEvent } from '../openlineage/check.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import { printable } from '../support/printable.ts';
import type { Clock } from '../support/time.ts';
import type { Arrival } from './arrival.ts';
import type { KnownKind, Observer } from './observer.ts';

export interface IngestSettings {
  /** The topic of events that match no routing rule. */
  readonly mainTopic: string;
  /** The topic of events that are not valid, if `invalid` is `dead-letter`. */
  readonly malformedTopic: string;
  readonly checkLevel: CheckLevel;
  /** What to do with an event that is not valid. */
  readonly invalid: 'reject' | 'dead-letter';
  /** Which time is the timestamp of the record. */
  readonly timestamp: 'event-time' | 'arrival';
}

/** The outcome of one event. With each of the first three the event is kept. */
export type Ingested =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'spooled' }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Most validation errors in the header `dead-letter-details` of a dead letter. More do not help its reader. */
const MAX_DETAILS = 20;

const CONTENT_TYPE = recordHeader('content-type', 'application/json');

/** Names of headers that most records have. They are made once, not for each event. */
const CORRELATION_ID = Buffer.from('correlation_id');
const REPORTED_BY = Buffer.from('reported-by-user-name');

/**
 * W3C Trace Context §3.2: version (not ff), trace id and parent id (not all zeros), flags.
 * Only a `traceparent` of this form goes into the record.
 */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

const OVER_QUOTA = refusal('too_many_requests', 'You send more events than your quota allows; wait a second');

export class Ingest {
  readonly #settings: IngestSettings;
  readonly #delivery: EventDelivery;
  readonly #observer: Observer;
  readonly #wall: Clock;

  /** `wall` gives the time of arrival, in milliseconds since the Unix epoch. */
  constructor(settings: IngestSettings, delivery: EventDelivery, observer: Observer, wall: Clock) {
    this.#settings = settings;
    this.#delivery = delivery;
    this.#observer = observer;
    this.#wall = wall;
  }

  /**
   * Takes one event. Resolves once the event is kept or refused. The observer hears of the outcome first.
   * Rejects only for a defect of http2kafka.
   */
  async take(arrival: Arrival, bytes: Buffer): Promise<Ingested> {
    const limits = arrival.known?.limits;
    if (limits?.quota?.take() === false) return this.#refuse(arrival, 'unknown', OVER_QUOTA);
    const { mainTopic, checkLevel, timestamp } = this.#settings;
    const verdict = checkEvent(bytes, checkLevel);
    this.#observer.checked(verdict.path);
    const { event } = verdict;
    if (!event) return this.#takeInvalid(arrival, bytes, verdict.kind ?? 'unknown', verdict.errors);
    if (limits?.mayWriteTo(event.namespace) === false) {
      return this.#refuse(arrival, event.kind, foreignNamespace(event.namespace), bytes);
    }
    const arrivedAt = this.#wall.now();
    const delivered = await this.#delivery.deliver({
      topic: mainTopic,
      key: event.key,
      value: bytes,
      headers: headersOf(arrival),
      timestamp: timestamp === 'arrival' ? arrivedAt : event.time,
      arrivedAt,
    });
    if (delivered.kind !== 'acknowledged' && delivered.kind !== 'spooled') {
      return this.#refuse(arrival, event.kind, refusalOf(delivered), bytes);
    }
    this.#observer.kept(arrival, event, delivered.kind);
    return delivered;
  }

  #refuse(arrival: Arrival, kind: KnownKind, reason: Refusal, bytes?: Buffer): Ingested {
    this.#observer.refused(arrival, kind, reason, bytes);
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
      return this.#refuse(arrival, kind, refusal('invalid_request', undefined, errors), bytes);
    const details = errors
      .slice(0, MAX_DETAILS)
      .map(({ location, message, code }) => ({ location, message, code }));
    const reason = { summary: describeErrors(errors), details: JSON.stringify(details) };
    const letter = deadLetterRecord(malformedTopic, bytes, headersOf(arrival), reason, this.#wall.now());
    const delivered = await this.#delivery.deliver(letter);
    if (delivered.kind !== 'acknowledged' && delivered.kind !== 'spooled') {
      return this.#refuse(arrival, kind, refusalOf(delivered), bytes);
    }
    this.#observer.deadLettered(arrival, kind, malformedTopic, errors, bytes);
    return { kind: 'dead-letter' };
  }
}

/** The refusal for an event that the delivery does not keep. */
function refusalOf(delivered: Exclude<Delivered, { kind: 'acknowledged' | 'spooled' }>): Refusal {
  switch (delivered.kind) {
    case 'retriable':
      return refusal('unavailable', `The event cannot be kept now: ${delivered.reason}`);
    case 'permanent':
      return refusal('unavailable', `Kafka refuses the event: ${delivered.reason}`);
    case 'too-large': {
      const { topic, size, limit, event } = delivered;
      const message = `Even compressed, the event needs ${size} bytes; topic ${topic} takes at most ${limit}`;
      return refusal('payload_too_large', message, { size, limit, event });
    }
  }
}

function foreignNamespace(namespace: string): Refusal {
  return refusal('forbidden', `Your namespaces do not include "${printable(namespace.slice(0, 200))}"`);
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
