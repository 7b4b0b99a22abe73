/**
 * Counts and logs every outcome: of checks, events, authentications and requests.
 * Nothing else counts or logs them, so metrics and log agree, however an event arrived.
 */
import type { Rejection } from '../auth/sender.ts';
import type { Kept } from '../delivery/port.ts';
import { refusal, type Cause, type Refusal } from '../errors.ts';
import type { FrequentLines, LogFacts, Logger } from '../log.ts';
import { BoundedNames } from '../metrics/bounded-names.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';
import type { CheckedEvent, CheckPath, JobNames } from '../openlineage/verdict.ts';
import type { FittingRule } from '../routing/rule-set.ts';
import { printable } from '../support/printable.ts';
import { systemTime, type Time } from '../support/time.ts';
import type { Arrival, Origin } from './arrival.ts';
import type { Foreseen } from './foresight.ts';
import { LineLimit } from './line-limit.ts';
import {
  GuardedWatch,
  type KnownKind,
  type OutcomeWatch,
  type WatchedEvent,
  type WatchedSource,
} from './outcome-watch.ts';
import {
  jobFacts,
  networkOf,
  originFacts,
  reasonOf,
  reasonOfErrors,
  requestFacts,
  shortName,
} from './refusal-facts.ts';

/** A request for its log line. */
export type LoggedRequest = Pick<Arrival, 'requestId' | 'known' | 'origin' | 'lines' | 'startedAt'>;

/** A line of the access log. */
export interface Access extends LoggedRequest {
  readonly httpVersion: string;
  readonly durationMs: number;
  /** Size of the body of the request. Undefined if it is not declared. */
  readonly bytes: number | undefined;
}

/** Most senders with their own label in the metrics. Each value of a label costs the monitoring system a series. */
const MAX_SENDER_LABELS = 200;

export class Observer {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #accessLog: FrequentLines | undefined;
  readonly #senderLabels = new BoundedNames(MAX_SENDER_LABELS);
  readonly #limit: LineLimit;
  readonly #watch: OutcomeWatch | undefined;

  /** Without `accessLog` the lines of the access log are not written. `watch` hears of each outcome as well. */
  constructor(
    metrics: Metrics,
    log: Logger,
    accessLog?: FrequentLines,
    time: Time = systemTime,
    watch?: OutcomeWatch,
  ) {
    this.#metrics = metrics;
    this.#log = log;
    this.#accessLog = accessLog;
    this.#watch = watch && new GuardedWatch(watch, (requestId, error) => this.failed(requestId, error));
    this.#limit = new LineLimit(({ cause, sender, client }, omitted) => {
      const facts = { code: cause, sender: shortName(sender), client: shortName(client), omitted };
      this.#log.warn(facts, 'refusals were not logged one by one');
    }, time);
  }

  /** An event was checked, by this path. */
  checked(path: CheckPath): void {
    this.#metrics.checks.inc(path);
  }

  /** An event is in Kafka or on disk. The result is for `foreseen`. */
  kept(
    arrival: Arrival,
    event: CheckedEvent,
    bytes: Buffer,
    kept: Kept,
    topic: string,
  ): WatchedSource | undefined {
    for (const deviation of event.deviations) this.#metrics.deviations.inc({ deviation });
    this.#count(arrival, event.kind, kept.kind);
    return this.#watch?.kept(arrival, event, bytes, kept, topic);
  }

  /** A kept event was examined for consumers and other levels. `source` is what `kept` has returned for it. */
  foreseen({ known }: Arrival, found: Foreseen, source?: WatchedSource): void {
    const { consumers, drops, forLevels, refusing, naming } = found;
    const metrics = this.#metrics;
    source?.foreseen(found);
    for (const consumer of consumers) metrics.consumersExamined.inc(consumer);
    for (const { consumer, reason } of drops) {
      metrics.consumersDrop.inc(consumer, reason);
      if (!known) continue;
      const { way, name } = known.sender;
      metrics.senderConsumersDrop.inc(this.#senderLabels.labelOf(name), way, consumer);
    }
    if (forLevels) metrics.levelsExamined.inc();
    for (const level of refusing) metrics.levelsRefuse.inc({ level });
    for (const deviation of naming) metrics.namingDeviations.inc({ deviation });
  }

  /** An event that is not valid is kept, in Kafka or on disk, for the dead-letter topic `topic`. */
  deadLettered(
    arrival: Arrival,
    kind: KnownKind,
    bytes: Buffer,
    topic: string,
    errors: readonly ValidationError[],
    job: JobNames,
  ): void {
    this.#count(arrival, kind, 'dead_letter');
    this.#watch?.deadLettered(arrival, kind, bytes.length, job, () => reasonOfErrors(errors));
    this.#warn('dead_letter', arrival, 'event put into the dead-letter topic', () => ({
      ...jobFacts(job),
      topic,
      reason: reasonOfErrors(errors),
    }));
  }

  /** A routing rule fits an event. */
  routed({ label, action }: FittingRule): void {
    this.#metrics.ruleEvents.inc(label, action.kind);
  }

  /** A routing rule drops an event. */
  dropped(arrival: Arrival, event: CheckedEvent, bytes: Buffer): void {
    this.#count(arrival, event.kind, 'dropped');
    this.#watch?.dropped(arrival, event, bytes);
  }

  /**
   * One event is refused, or a whole request before its events were read. `jobOf` is called only if someone reads it,
   * because it has a cost. `valid` is the event, if it is refused although it is valid.
   */
  refused(
    arrival: Arrival,
    kind: KnownKind,
    refusal: Refusal,
    jobOf?: () => JobNames,
    valid?: WatchedEvent,
  ): void {
    this.#count(arrival, kind, refusal.code);
    this.#watch?.refused(arrival, kind, refusal, jobOf ?? noJob, valid);
    this.#logRefusal(arrival, refusal, 'event refused', jobOf);
  }

  /** The sender of a request is not recognised. The proxy does not read the body. `detail` is for the log. */
  notRecognised(arrival: Arrival, { reason, refusal, detail }: Rejection): void {
    this.#metrics.authenticationFailures.inc(reason);
    this.#metrics.events.inc('unknown', refusal.code);
    this.#watch?.notRecognised(arrival, { reason, refusal, detail });
    const { message, details } = refusal;
    const why = typeof details === 'string' ? { ...refusal, message: `${message}: ${details}` } : refusal;
    this.#warn(refusal.code, arrival, 'sender not recognised', () => ({
      code: refusal.code,
      reason: reasonOf(why),
      detail,
    }));
  }

  /** A request is refused for what its head says, e.g. a wrong path. It is not counted as an event. */
  requestRefused(request: LoggedRequest, refusal: Refusal): void {
    this.#watch?.requestRefused(request, refusal);
    this.#logRefusal(request, refusal, 'request refused');
  }

  /** A login to the page is refused. It brings no event, so it is only logged. */
  loginRefused(request: LoggedRequest, refusal: Refusal): void {
    this.#logRefusal(request, refusal, 'request refused');
  }

  /** A TLS handshake has failed, so there is no request. The listener writes the log line, which names a certificate. */
  handshakeFailed(client: Pick<Origin, 'client' | 'address'>, why: string, cause: Cause): void {
    const refused: Refusal = { ...refusal('bad_request', why), cause };
    this.#watch?.requestRefused({ requestId: '', origin: () => client }, refused);
  }

  /** All events of a batch have their outcome. The lines that they have not had are counted. */
  batchEnded({ known, origin, lines }: LoggedRequest): void {
    if (!lines || !this.#log.isLevelEnabled('warn')) return;
    const sender = known?.sender.name;
    const client = sender === undefined ? networkOf(origin()) : undefined;
    for (const [cause, omitted] of lines.omitted) this.#limit.omit({ cause, sender, client }, omitted);
  }

  /** A request failed because of a defect of http2kafka. */
  failed(requestId: string, error: unknown): void {
    this.#log.error({ error, request_id: requestId }, 'internal error');
  }

  /** The answer with `status` to a request begins, `seconds` after the head of the request arrived. */
  answering(status: number, seconds: number): void {
    this.#metrics.answerSeconds.observe(seconds, status);
  }

  /**
   * A request was answered with `status`, or its client closed the connection first.
   * `path` is a path of the table, or `other`. `access` goes to the log.
   */
  answered(path: string, method: string, status: number, access?: Access): void {
    this.#metrics.requests.inc(path, method, status);
    const lines = this.#accessLog;
    if (access === undefined || lines === undefined) return;
    if (lines.form === 'text') lines.text(accessText(access, method, status));
    else lines.members(accessFacts(access, status), 'request answered');
  }

  #count({ known }: Arrival, kind: KnownKind, outcome: string): void {
    this.#metrics.events.inc(kind, outcome);
    if (!known) return;
    const { way, name } = known.sender;
    this.#metrics.senderEvents.inc(this.#senderLabels.labelOf(name), way, outcome);
  }

  #logRefusal(request: LoggedRequest, refusal: Refusal, message: string, jobOf?: () => JobNames): void {
    const { code } = refusal;
    this.#warn(code, request, message, () => ({
      code,
      ...jobFacts(jobOf?.()),
      reason: reasonOf(refusal),
    }));
  }

  /** Writes a line that a client has caused, if the limits of its request, and of its cause and sender, allow it. */
  #warn(cause: string, request: LoggedRequest, message: string, factsOf: () => LogFacts): void {
    if (!this.#log.isLevelEnabled('warn')) return;
    const { known, lines } = request;
    const sender = known?.sender.name;
    if (lines?.takes(cause) === false) return;
    const pair = { cause, sender, client: sender === undefined ? networkOf(request.origin()) : undefined };
    const omitted = this.#limit.next(pair);
    if (omitted === undefined) return;
    const facts = { ...requestFacts(request), ...factsOf() };
    this.#log.warn(omitted > 0 ? { ...facts, omitted } : facts, message);
  }
}

function noJob(): JobNames {
  return {};
}

function accessFacts(access: Access, status: number): LogFacts {
  const { requestId, known, durationMs, bytes } = access;
  const { method, path, client } = originFacts(access.origin());
  const sender = known && printable(known.sender.name);
  const duration_ms = Math.round(durationMs * 1000) / 1000;
  return { request_id: requestId, method, path, status, duration_ms, bytes, sender, client };
}

/** The form of uvicorn's access log, but without the query, which may hold a secret, and with the sender's name where the Common Log Format has the user. */
function accessText(access: Access, method: string, status: number): string {
  const { known, httpVersion } = access;
  const { client, path } = access.origin();
  const sender = known ? ` ${printable(known.sender.name)}` : '';
  return `${shortName(client) ?? ''} -${sender} "${method} ${shortName(path) ?? ''} HTTP/${httpVersion}" ${status}`;
}
