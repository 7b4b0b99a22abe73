/**
 * Counts and logs every outcome: of checks, events, authentications and requests.
 * Nothing else counts or logs them, so metrics and log agree, however an event arrived.
 */
import type { Logger } from 'pino';
import type { Reason } from '../auth/sender.ts';
import type { Refusal } from '../errors.ts';
import { BoundedNames } from '../metrics/bounded-names.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import type { EventKind } from '../openlineage/event-schema.ts';
import type { CheckedEvent, CheckPath } from '../openlineage/verdict.ts';
import { printable } from '../support/printable.ts';
import { TokenBucket } from '../support/token-bucket.ts';
import type { Arrival } from './arrival.ts';

/** The kind of an event, or `unknown` if the event was not checked or names no kind. */
export type KnownKind = EventKind | 'unknown';

/** Most senders with their own label in the metrics. Each value of a label costs the monitoring system a series. */
const MAX_SENDER_LABELS = 200;

/** Log lines per second for a kind of refusal that any client can cause without limit. */
const LINES_A_SECOND = 20;

/** Most characters of `User-Agent` in a log line. */
const MAX_CLIENT = 100;

/** Most characters of the reason for a refusal in a log line. */
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

  /** An event was checked, by this path. */
  checked(path: CheckPath): void {
    this.#metrics.checks.inc(path);
  }

  /** An event is in Kafka or on disk. */
  kept(arrival: Arrival, { kind, deviations }: CheckedEvent, outcome: 'acknowledged' | 'spooled'): void {
    for (const deviation of deviations) this.#metrics.deviations.inc({ deviation });
    this.#count(arrival, kind, outcome);
  }

  /** An event that is not valid is kept, in Kafka or on disk, for the dead-letter topic `topic`. */
  deadLettered(arrival: Arrival, kind: KnownKind, topic: string, errors: readonly ValidationError[]): void {
    this.#count(arrival, kind, 'dead_letter');
    const { requestId } = arrival;
    this.#log.warn({ requestId, topic }, `event put into the dead-letter topic: ${describeErrors(errors)}`);
  }

  /** One event is refused, or a whole request before its events were read. */
  refused(arrival: Arrival, kind: KnownKind, refusal: Refusal): void {
    this.#count(arrival, kind, refusal.code);
    const limit = refusal.code === 'too_many_requests' ? this.#quotaLines : undefined;
    this.#logRefusal(arrival, refusal, `event refused: ${reasonOf(refusal)}`, limit);
  }

  /** The sender of a request is not recognised. The proxy does not read the body. */
  notRecognised(arrival: Arrival, reason: Reason, refusal: Refusal): void {
    this.#metrics.authenticationFailures.inc(reason);
    this.#metrics.events.inc('unknown', refusal.code);
    const { message, details } = refusal;
    const why = typeof details === 'string' ? `${message}: ${details}` : message;
    this.#logRefusal(arrival, refusal, `sender not recognised: ${why}`, this.#unauthenticatedLines);
  }

  /** A client sent bytes that are not a readable request. `path` is undefined if the head could not be read. */
  broken(requestId: string, path: string | undefined, { code, message }: Refusal): void {
    const suffix = this.#brokenLines.next();
    if (suffix !== undefined)
      this.#log.warn({ requestId, code, path }, `request refused: ${message}${suffix}`);
  }

  /** A request failed because of a defect of http2kafka. */
  failed(requestId: string, error: unknown): void {
    this.#log.error({ err: error, requestId }, 'internal error');
  }

  /** The answer with `status` to a request begins, `seconds` after the head of the request arrived. */
  answering(status: number, seconds: number): void {
    this.#metrics.answerSeconds.observe({ status }, seconds);
  }

  /**
   * A request was answered with `status`, or its client closed the connection first.
   * `path` is a path of the table, or `other`. `accessLine` goes to the log.
   */
  answered(path: string, method: string, status: number, accessLine?: string): void {
    this.#metrics.requests.inc(path, method, status);
    if (accessLine !== undefined) this.#log.info(accessLine);
  }

  #count({ known }: Arrival, kind: KnownKind, outcome: string): void {
    this.#metrics.events.inc(kind, outcome);
    if (!known) return;
    const { way, name } = known.sender;
    this.#metrics.senderEvents.inc(this.#senderLabels.labelOf(name), way, outcome);
  }

  #logRefusal(arrival: Arrival, { code }: Refusal, why: string, limit?: LineLimit): void {
    const suffix = limit ? limit.next() : '';
    if (suffix === undefined) return;
    const { requestId, path, known, client } = arrival;
    const facts = { requestId, code, path, sender: known?.sender.name, client: client?.slice(0, MAX_CLIENT) };
    this.#log.warn(facts, printable(why) + suffix);
  }
}

/** Limits log lines to `LINES_A_SECOND`. The next written line says how many were omitted before it. */
class LineLimit {
  readonly #bucket = new TokenBucket(LINES_A_SECOND);
  #omitted = 0;

  /** The end of the next line, which counts the omitted lines. Undefined if the next line itself must be omitted. */
  next(): string | undefined {
    if (!this.#bucket.take()) {
      this.#omitted += 1;
      return undefined;
    }
    const suffix = this.#omitted === 0 ? '' : ` (and ${this.#omitted} more, not logged one by one)`;
    this.#omitted = 0;
    return suffix;
  }
}

/** The reason for the log. It holds nothing of the event's content. */
function reasonOf({ message, details }: Refusal): string {
  return (areErrors(details) ? describeErrors(details) : message).slice(0, MAX_REASON);
}

function areErrors(details: unknown): details is readonly ValidationError[] {
  return (
    Array.isArray(details) && details.every((detail) => typeof detail === 'object' && 'location' in detail)
  );
}
