/**
 * The way of an event through the house: check, route, make the record, deliver. One event at a time; `single.ts` and
 * `batch.ts` take them from requests and answer.
 */
import type { Logger } from 'pino';
import type { Delivery } from '../delivery/delivery.ts';
import { refusal, type Refusal } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { checkEvent } from '../openlineage/check.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import type { Fault } from '../openlineage/fault.ts';
import { malformedTopicOf, topicOf, type RoutingSettings } from '../routing/route.ts';
import { deadLetterRecord, describeFaults, eventRecord } from './event-record.ts';
import type { Exchange } from './exchange.ts';

export interface IngestSettings {
  readonly routing: RoutingSettings;
  readonly checkLevel: CheckLevel;
  /** What becomes of an event that the check refuses. */
  readonly invalid: 'reject' | 'dead-letter';
  /** The record's time. */
  readonly timestamp: 'event-time' | 'arrival';
}

/** What became of one event. */
export type Ingested =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'spooled' }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export class Ingest {
  readonly #settings: IngestSettings;
  readonly #delivery: Delivery;
  readonly #metrics: Metrics;
  readonly #log: Logger;

  constructor(settings: IngestSettings, delivery: Delivery, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#delivery = delivery;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Takes one event; resolves when it is known what the sender can be told. */
  async take(exchange: Exchange, bytes: Buffer): Promise<Ingested> {
    const verdict = checkEvent(bytes, this.#settings.checkLevel);
    this.#metrics.checks.inc(verdict.lane);
    if (!verdict.event) return this.#takeInvalid(exchange, bytes, verdict.kind ?? 'unknown', verdict.faults);

    const { event } = verdict;
    for (const breach of event.breaches) this.#metrics.breaches.inc({ breach });
    const arrivedAt = Date.now();
    const timestamp = this.#settings.timestamp === 'arrival' ? arrivedAt : event.time;
    const record = eventRecord(exchange, bytes, event, topicOf(this.#settings.routing), timestamp, arrivedAt);
    const delivered = await this.#delivery.deliver(record);
    if (delivered.kind === 'refused') return this.refused(exchange, event.kind, delivered.refusal);
    this.#metrics.events.inc(event.kind, delivered.kind);
    return delivered;
  }

  /** Counts and logs what is not taken. `kind` is the event's, as far as it is known. */
  refused(exchange: Exchange, kind: string, reason: Refusal): Ingested {
    this.#metrics.events.inc(kind, reason.code);
    const { requestId, path, request } = exchange;
    const why = isFaults(reason.details) ? describeFaults(reason.details) : reason.message;
    this.#log.warn(
      { requestId, code: reason.code, path, client: request.headers['user-agent']?.slice(0, 100) },
      `event refused: ${why.slice(0, 1000)}`,
    );
    return { kind: 'refused', refusal: reason };
  }

  async #takeInvalid(
    exchange: Exchange,
    bytes: Buffer,
    kind: string,
    faults: readonly Fault[],
  ): Promise<Ingested> {
    if (this.#settings.invalid === 'reject') {
      return this.refused(exchange, kind, refusal('invalid_request', undefined, faults));
    }
    const topic = malformedTopicOf(this.#settings.routing);
    const delivered = await this.#delivery.deliver(
      deadLetterRecord(exchange, bytes, faults, topic, Date.now()),
    );
    if (delivered.kind === 'refused') return this.refused(exchange, kind, delivered.refusal);
    this.#metrics.events.inc(kind, 'dead_letter');
    this.#log.warn(
      { requestId: exchange.requestId, topic },
      `event put into the dead-letter topic: ${describeFaults(faults)}`,
    );
    return { kind: 'dead-letter' };
  }
}

function isFaults(details: unknown): details is readonly Fault[] {
  return (
    Array.isArray(details) && details.every((detail) => typeof detail === 'object' && 'location' in detail)
  );
}
