/**
 * The way of an event through the house: check, route, make the record, deliver. One event at a time; `single.ts` and
 * `batch.ts` take them from requests and answer.
 */
import type { Logger } from 'pino';
import type { Delivery } from '../delivery/delivery.ts';
import { refusal, type Refusal } from '../errors.ts';
import { BoundedNames } from '../metrics/bounded-names.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { checkEvent } from '../openlineage/check.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';
import { malformedTopicOf, topicOf, type RoutingSettings } from './route.ts';
import { printable } from '../support/printable.ts';
import { deadLetterRecord, describeErrors, eventRecord } from './event-record.ts';
import type { Exchange } from '../http/exchange.ts';
import { RefusalLog } from '../http/refusal-log.ts';

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

/** Senders told apart in the metrics; a label costs the monitoring system a series for each of its values. */
const MAX_SENDER_LABELS = 200;

const OVER_QUOTA = refusal('too_many_requests', 'You send more events than you may; wait a second');

export class Ingest {
  readonly #settings: IngestSettings;
  readonly #delivery: Delivery;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #refusals: RefusalLog;
  readonly #senderLabels = new BoundedNames(MAX_SENDER_LABELS);

  constructor(settings: IngestSettings, delivery: Delivery, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#delivery = delivery;
    this.#metrics = metrics;
    this.#log = log;
    this.#refusals = new RefusalLog(log);
  }

  /** Takes one event; resolves when it is known what the sender can be told. */
  async take(exchange: Exchange, bytes: Buffer): Promise<Ingested> {
    const limits = exchange.known?.limits;
    if (limits?.quota?.take() === false) return this.refused(exchange, 'unknown', OVER_QUOTA);
    const verdict = checkEvent(bytes, this.#settings.checkLevel);
    this.#metrics.checks.inc(verdict.path);
    if (!verdict.event) return this.#takeInvalid(exchange, bytes, verdict.kind ?? 'unknown', verdict.errors);

    const { event } = verdict;
    if (limits?.mayWriteTo(event.namespace) === false) {
      return this.refused(exchange, event.kind, foreignNamespace(event.namespace));
    }
    for (const deviation of event.deviations) this.#metrics.deviations.inc({ deviation });
    const arrivedAt = Date.now();
    const timestamp = this.#settings.timestamp === 'arrival' ? arrivedAt : event.time;
    const record = eventRecord(exchange, bytes, event, topicOf(this.#settings.routing), timestamp, arrivedAt);
    const delivered = await this.#delivery.deliver(record);
    if (delivered.kind === 'refused') return this.refused(exchange, event.kind, delivered.refusal);
    this.#count(exchange, event.kind, delivered.kind);
    return delivered;
  }

  /** Counts and logs what is not taken. `kind` is the event's, as far as it is known. */
  refused(exchange: Exchange, kind: string, reason: Refusal): Ingested {
    this.#count(exchange, kind, reason.code);
    const why = areErrors(reason.details) ? describeErrors(reason.details) : reason.message;
    const line = `event refused: ${why.slice(0, 1000)}`;
    if (reason.code === 'too_many_requests') this.#refusals.warnNowAndThen(exchange, reason, line);
    else this.#refusals.warn(exchange, reason, line);
    return { kind: 'refused', refusal: reason };
  }

  #count({ known }: Exchange, kind: string, outcome: string): void {
    this.#metrics.events.inc(kind, outcome);
    if (!known) return;
    const { way, name } = known.sender;
    this.#metrics.senderEvents.inc(this.#senderLabels.labelOf(name), way, outcome);
  }

  async #takeInvalid(
    exchange: Exchange,
    bytes: Buffer,
    kind: string,
    errors: readonly ValidationError[],
  ): Promise<Ingested> {
    if (this.#settings.invalid === 'reject') {
      return this.refused(exchange, kind, refusal('invalid_request', undefined, errors));
    }
    const topic = malformedTopicOf(this.#settings.routing);
    const delivered = await this.#delivery.deliver(
      deadLetterRecord(exchange, bytes, errors, topic, Date.now()),
    );
    if (delivered.kind === 'refused') return this.refused(exchange, kind, delivered.refusal);
    this.#count(exchange, kind, 'dead_letter');
    this.#log.warn(
      { requestId: exchange.requestId, topic },
      `event put into the dead-letter topic: ${describeErrors(errors)}`,
    );
    return { kind: 'dead-letter' };
  }
}

function foreignNamespace(namespace: string): Refusal {
  return refusal('forbidden', `Your namespaces do not include "${printable(namespace.slice(0, 200))}"`);
}

function areErrors(details: unknown): details is readonly ValidationError[] {
  return (
    Array.isArray(details) && details.every((detail) => typeof detail === 'object' && 'location' in detail)
  );
}
