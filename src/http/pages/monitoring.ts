/**
 * `ping`, `ready` and `metrics`, on bare `node:http`. They load nothing after the start, so they answer as long as the
 * process lives, also when it has no open files left.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { DeliveryStatus, ParkedStatus, TopicStatus } from '../../delivery/port.ts';
import { refusal, type Refusal } from '../../errors.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Origin } from '../../pipeline/arrival.ts';
import type { Observer } from '../../pipeline/observer.ts';
import { originOf, type ClientOf } from '../origin.ts';
import { paths } from '../paths.ts';
import { discardBody, JSON_TYPE, writePage, writeRefusal } from './page-answer.ts';
import { PageReaders, TOO_MANY_READERS } from './page-readers.ts';

export interface MonitoringSettings {
  /** The topic of events that match no routing rule. The proxy is ready while it can keep these. */
  readonly mainTopic: string;
  /** True if `/monitoring/metrics` is served. */
  readonly metrics: boolean;
}

/** The problems of what recognises senders (e.g. `database`, `oidc`), by name. Empty if there are none. */
export type AuthenticationProblems = () => Readonly<Record<string, string>>;

/** The parts that the pages show, and that they report to. */
export interface MonitoringParts {
  readonly delivery: DeliveryStatus;
  readonly authenticationProblems: AuthenticationProblems | undefined;
  /** Why the rules in force are not those of their file. */
  readonly routingProblem?: () => string | undefined;
  readonly metrics: Metrics;
  readonly observer: Observer;
  /** The address of a request's client, for the log. */
  readonly clientOf: ClientOf;
}

/** The answer of Data.Rentgen: its users' health checks may read the text. */
const PING = JSON.stringify({ status: 'ok' });

export class Monitoring {
  readonly #settings: MonitoringSettings;
  readonly #parts: MonitoringParts;
  readonly #readers = new PageReaders();
  /** The text of the metrics that is made in the next turn, for all who have asked for it by then. */
  #nextMetrics: Promise<string> | undefined;
  #stopping = false;

  constructor(settings: MonitoringSettings, parts: MonitoringParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** True if `handle` answers this path. The path has no query, root path and slash at its end. */
  serves(path: string): boolean {
    if (path === paths.metrics.path) return this.#settings.metrics;
    return path === paths.ping.path || path === paths.ready.path;
  }

  /** From now on `ready` answers 503: a load balancer must send new requests to other proxies. */
  stop(): void {
    this.#stopping = true;
  }

  /** Answers a request for a path that `serves` accepts. The headers of every page are already set. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse, path: string, requestId: string): void {
    discardBody(request, () => {
      this.#answer(request, response, path, requestId).catch((error: unknown) => {
        this.#parts.observer.failed(requestId, error);
        if (response.headersSent) response.destroy();
        else writeRefusal(response, refusal('internal'));
      });
    });
  }

  /** Answers with an error, and has the refusal logged. */
  refuse(request: IncomingMessage, response: ServerResponse, requestId: string, reason: Refusal): void {
    this.#parts.observer.requestRefused({ requestId, origin: this.#originOf(request) }, reason);
    writeRefusal(response, reason);
  }

  /** Has a login to the page logged that is refused, and is answered with a form. */
  reportLogin(request: IncomingMessage, requestId: string, reason: Refusal): void {
    this.#parts.observer.loginRefused({ requestId, origin: this.#originOf(request) }, reason);
  }

  #originOf(request: IncomingMessage): () => Origin {
    return () => originOf(request, request.url ?? '', this.#parts.clientOf);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    requestId: string,
  ): Promise<void> {
    const { method = '' } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      const allow = { allow: 'GET, HEAD' };
      const reason = refusal('method_not_allowed', `${method} is not possible here`, null, allow);
      this.refuse(request, response, requestId, reason);
    } else if (path === paths.ping.path) writePage(response, 200, { 'content-type': JSON_TYPE }, PING);
    else if (path === paths.ready.path) this.#answerReady(request, response, requestId);
    else if (this.#readers.admit(response)) await this.#answerMetrics(request, response);
    else this.refuse(request, response, requestId, TOO_MANY_READERS);
  }

  #answerReady(request: IncomingMessage, response: ServerResponse, requestId: string): void {
    const { delivery, authenticationProblems, routingProblem } = this.#parts;
    const wrongRules = routingProblem?.();
    const { problem, state, kafkaProblem } = delivery.statusOf(this.#settings.mainTopic);
    const withProblem = delivery.topics.filter((topic) => topic.problem ?? topic.kafkaProblem);
    const details = {
      state,
      kafka: kafkaProblem ?? 'ok',
      spool: {
        events: delivery.spooledEvents,
        bytes: delivery.spooledBytes,
        ...(delivery.spoolWarning !== undefined && { warning: delivery.spoolWarning }),
      },
      ...(delivery.parked.length > 0 && { parked: describeParked(delivery.parked) }),
      ...(withProblem.length > 0 && { topics: Object.fromEntries(withProblem.map(describeTopic)) }),
      ...(wrongRules !== undefined && { routing: wrongRules }),
      // Not a reason to be unready: senders that were recognised before stay recognised.
      ...(authenticationProblems && { senders: sendersState(authenticationProblems()) }),
    };
    if (problem !== undefined) {
      const reason = refusal('unavailable', `Events cannot be kept now: ${problem}`, details);
      this.refuse(request, response, requestId, reason);
    } else if (this.#stopping) {
      this.refuse(request, response, requestId, refusal('unavailable', 'The proxy is stopping', details));
    } else {
      const body = JSON.stringify({ status: 'ok', ...details });
      writePage(response, 200, { 'content-type': JSON_TYPE }, body);
    }
  }

  async #answerMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await (this.#nextMetrics ??= this.#makeMetrics());
    const openMetrics = request.headers.accept?.includes('application/openmetrics-text') === true;
    const type = openMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
    writePage(response, 200, { 'content-type': type }, openMetrics ? toOpenMetrics(text) : text);
  }

  /**
   * Makes the text once in a turn of the event loop. It takes a few milliseconds, and thousands of requests for it may
   * have arrived: events have their turn between two.
   */
  async #makeMetrics(): Promise<string> {
    await setImmediate();
    this.#nextMetrics = undefined;
    const { delivery, metrics } = this.#parts;
    delivery.measure();
    return metrics.registry.metrics();
  }
}

/** The state of a topic with a problem, for `/monitoring/ready`. */
function describeTopic(status: TopicStatus): [string, object] {
  const { topic, state, kafkaProblem, problem, spooledEvents, spooledBytes } = status;
  const details = {
    state,
    kafka: kafkaProblem ?? 'ok',
    spool: { events: spooledEvents, bytes: spooledBytes },
    ...(problem !== undefined && { problem }),
  };
  return [topic, details];
}

/** A note, and no reason to be unready: parked events hold up no other event. */
function describeParked(parked: readonly ParkedStatus[]): object {
  const sum = (key: 'events' | 'bytes') => parked.reduce((all, status) => all + status[key], 0);
  const topics = Object.fromEntries(parked.map(({ topic, events, bytes }) => [topic, { events, bytes }]));
  return { events: sum('events'), bytes: sum('bytes'), topics };
}

function sendersState(problems: Readonly<Record<string, string>>): unknown {
  return Object.keys(problems).length === 0 ? 'ok' : problems;
}

/**
 * Turns the text format of Prometheus into that of OpenMetrics. They differ in the metadata of counters and in the end.
 * The OpenMetrics of prom-client renames the counters in the registry, also for later reads of Prometheus' text.
 */
function toOpenMetrics(text: string): string {
  const renamed = text.replace(
    /^# HELP (\S+)_total (.*)\n# TYPE \1_total counter$/gm,
    '# HELP $1 $2\n# TYPE $1 counter',
  );
  return `${renamed.replaceAll('\n\n', '\n')}# EOF\n`;
}
