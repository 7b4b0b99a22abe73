/**
 * Hears of every outcome: events that were checked, kept or refused, senders that were not recognised, requests that were answered.
 * It alone counts them and writes their log lines, so that metrics and log agree, whichever way an event came.
 */
import type { Logger } from 'pino';
import type { Reason } from '../auth/sender.ts';
import type { Refusal } from '../errors.ts';
import { BoundedNames } from '../metrics/bounded-names.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import type { EventKind } from '../openlineage/event-schema.ts';
import type { Verdict } from '../openlineage/verdict.ts';
import { printable } from '../support/printable.ts';
import { TokenBucket } from '../support/token-bucket.ts';
import type { Arrival } from './arrival.ts';

/** The kind of an event as far as it is known. */
export type KnownKind = EventKind | 'unknown';

/** Senders told apart in the metrics. Each value of a label costs the monitoring system a series. */
const MAX_SENDER_LABELS = 200;

/** Log lines a second for refusals that any client can cause as often as it likes. */
const LINES_A_SECOND = 20;

/** Characters of a client's name for itself that are worth a place in the log. */
const MAX_CLIENT = 100;

/** Characters of the reason for a refusal in the log. */
const MAX_REASON = 1000;

export class Observer {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #senderLabels = new BoundedNames(MAX_SENDER_LABELS);
  readonly #unauthenticatedLines = new LineLimit();
  readonly #quotaLines = new LineLimit();
  readonly #brokenLines = new LineLimit();

  constructor(metrics: Metrics, log: Logger) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** An event has been checked. */
  checked(verdict: Verdict): void {
    this.#metrics.checks.inc(verdict.path);
    if (!verdict.event) return;
    for (const deviation of verdict.event.deviations) this.#metrics.deviations.inc({ deviation });
  }

  /** An event is in Kafka or on disk. */
  kept(arrival: Arrival, kind: KnownKind, outcome: 'acknowledged' | 'spooled'): void {
    this.#count(arrival, kind, outcome);
  }

  /** An event that is not valid is kept for the dead-letter topic. */
  deadLettered(arrival: Arrival, kind: KnownKind, topic: string, errors: readonly ValidationError[]): void {
    this.#count(arrival, kind, 'dead_letter');
    const { requestId } = arrival;
    this.#log.warn({ requestId, topic }, `event put into the dead-letter topic: ${describeErrors(errors)}`);
  }

  /** An event is not taken, or a request for events as a whole. */
  refused(arrival: Arrival, kind: KnownKind, refusal: Refusal): void {
    this.#count(arrival, kind, refusal.code);
    const limit = refusal.code === 'too_many_requests' ? this.#quotaLines : undefined;
    this.#logRefusal(arrival, refusal, `event refused: ${reasonOf(refusal)}`, limit);
  }

  /** A sender is not recognised: nothing of its request is read. */
  notRecognised(arrival: Arrival, reason: Reason, refusal: Refusal): void {
    this.#metrics.authenticationFailures.inc(reason);
    this.#metrics.events.inc('unknown', refusal.code);
    const { message, details } = refusal;
    const why = typeof details === 'string' ? `${message}: ${details}` : message;
    this.#logRefusal(arrival, refusal, `sender not recognised: ${why}`, this.#unauthenticatedLines);
  }

  /** What came is not a readable request. `path` where its head could be read. */
  broken(requestId: string, path: string | undefined, { code, message }: Refusal): void {
    const others = this.#brokenLines.next();
    if (others !== undefined)
      this.#log.warn({ requestId, code, path }, `request refused: ${message}${others}`);
  }

  /** A defect of ours. */
  failed(requestId: string, error: unknown): void {
    this.#log.error({ err: error, requestId }, 'internal error');
  }

  /** The answer to a request begins `seconds` after its head arrived. */
  answering(answer: number, seconds: number): void {
    this.#metrics.answerSeconds.observe({ status: answer }, seconds);
  }

  /** A request has had its answer, or its client has gone. `path` is one of the table, or `other`; `accessLine` is for the log. */
  answered(path: string, method: string, answer: number, accessLine?: string): void {
    this.#metrics.requests.inc(path, method, answer);
    if (accessLine !== undefined) this.#log.info(accessLine);
  }

  #count({ known }: Arrival, kind: KnownKind, outcome: string): void {
    this.#metrics.events.inc(kind, outcome);
    if (!known) return;
    const { way, name } = known.sender;
    this.#metrics.senderEvents.inc(this.#senderLabels.labelOf(name), way, outcome);
  }

  #logRefusal(arrival: Arrival, { code }: Refusal, why: string, limit?: LineLimit): void {
    const others = limit ? limit.next() : '';
    if (others === undefined) return;
    const { requestId, path, known, client } = arrival;
    const facts = { requestId, code, path, sender: known?.sender.name, client: client?.slice(0, MAX_CLIENT) };
    this.#log.warn(facts, printable(why) + others);
  }
}

/** Writes only so many lines a second. The next line that is written tells how many were left out. */
class LineLimit {
  readonly #bucket = new TokenBucket(LINES_A_SECOND);
  #leftOut = 0;

  /** What the next line says of those that were left out before it; undefined where it is left out itself. */
  next(): string | undefined {
    if (!this.#bucket.take()) {
      this.#leftOut += 1;
      return undefined;
    }
    const others = this.#leftOut === 0 ? '' : ` (and ${this.#leftOut} more, not logged one by one)`;
    this.#leftOut = 0;
    return others;
  }
}

/** The reason without anything of the event's content. */
function reasonOf({ message, details }: Refusal): string {
  return (areErrors(details) ? describeErrors(details) : message).slice(0, MAX_REASON);
}

function areErrors(details: unknown): details is readonly ValidationError[] {
  return (
    Array.isArray(details) && details.every((detail) => typeof detail === 'object' && 'location' in detail)
  );
}
