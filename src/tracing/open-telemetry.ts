/**
 * Spans by OpenTelemetry's API. Names and attributes are those of its semantic conventions 1.38, for HTTP servers and for
 * messaging with Kafka. An attribute of a private name begins with `http2kafka`.
 */
import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import type { Clock } from '../support/time.ts';
import type { DrainedRecord, RequestTrace, SendOutcome, SendTrace, TracedRequest, Tracing } from './port.ts';
import { formatTraceparent, isSampled, parseTraceparent } from './trace-context.ts';

/** OpenTelemetry's API, which is loaded only where an exporter is configured. */
export type Api = Pick<
  typeof OpenTelemetryApi,
  'trace' | 'diag' | 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode' | 'DiagLogLevel'
>;

/** Most characters of a text that a client has chosen. */
const MAX_TEXT = 500;

/** The first status that is an error of the server: a refusal is none. */
const SERVER_ERROR = 500;

export class OpenTelemetry implements Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #wall: Clock;
  readonly #shutdown: (timeoutMs: number) => Promise<void>;

  /** `shutdown` sends what is left, and never rejects. */
  constructor(api: Api, tracer: Tracer, wall: Clock, shutdown: (timeoutMs: number) => Promise<void>) {
    this.#api = api;
    this.#tracer = tracer;
    this.#wall = wall;
    this.#shutdown = shutdown;
  }

  request(request: TracedRequest): RequestTrace {
    const { method, route, path, scheme, httpVersion, userAgent, requestId } = request;
    // Those that a sampler may read.
    const attributes: Attributes = {
      'http.request.method': method,
      'url.path': path.slice(0, MAX_TEXT),
      'url.scheme': scheme,
    };
    if (route !== undefined) attributes['http.route'] = route;
    if (userAgent !== undefined) attributes['user_agent.original'] = userAgent.slice(0, MAX_TEXT);
    const name = route === undefined ? method : `${method} ${route}`;
    const kind = this.#api.SpanKind.SERVER;
    const span = this.#tracer.startSpan(name, { kind, attributes }, this.#parentOf(request));
    if (span.isRecording()) {
      span.setAttributes({ 'network.protocol.version': httpVersion, 'http2kafka.request_id': requestId });
    }
    return new OpenRequest(this.#api, this.#tracer, span);
  }

  drained({ topic, bytes, traceparent, tookMs, partition, offset }: DrainedRecord): void {
    const origin = parseTraceparent(traceparent);
    if (!origin || !isSampled(origin)) return;
    const { traceId, spanId, flags } = origin;
    const context = { traceId, spanId, traceFlags: flags, isRemote: true };
    const now = this.#wall.now();
    const span = this.#tracer.startSpan(
      `send ${topic}`,
      {
        kind: this.#api.SpanKind.PRODUCER,
        startTime: now - tookMs,
        attributes: {
          ...sendingTo(topic, bytes),
          ...placeOf(partition, offset),
          'http2kafka.from_spool': true,
        },
        links: [{ context }],
      },
      this.#api.ROOT_CONTEXT,
    );
    span.end(now);
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#shutdown(timeoutMs);
  }

  /** The span of the client, if the request names one. */
  #parentOf({ traceparent }: TracedRequest): Context {
    const { trace, ROOT_CONTEXT } = this.#api;
    const parent = parseTraceparent(traceparent);
    if (!parent) return ROOT_CONTEXT;
    const { traceId, spanId, flags } = parent;
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true });
  }
}

class OpenRequest implements RequestTrace {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #span: Span;

  constructor(api: Api, tracer: Tracer, span: Span) {
    this.#api = api;
    this.#tracer = tracer;
    this.#span = span;
  }

  send(topic: string, bytes: number): SendTrace {
    // No span of its own where nobody records it: of one event in a hundred, it would be half of the cost of the others.
    if (!this.#span.isRecording()) return new UnrecordedSend(this.#span);
    const { trace, ROOT_CONTEXT, SpanKind } = this.#api;
    const span = this.#tracer.startSpan(
      `send ${topic}`,
      { kind: SpanKind.PRODUCER, attributes: sendingTo(topic, bytes) },
      trace.setSpan(ROOT_CONTEXT, this.#span),
    );
    return new OpenSend(this.#api, span);
  }

  end(status: number): void {
    const span = this.#span;
    if (!span.isRecording()) return;
    span.setAttribute('http.response.status_code', status);
    if (status >= SERVER_ERROR) {
      span.setAttribute('error.type', String(status));
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    }
    span.end();
  }
}

/** The delivery in a trace that is not recorded. The record says so to its consumers, by the flags. */
class UnrecordedSend implements SendTrace {
  readonly traceparent: string;

  constructor(request: Span) {
    this.traceparent = traceparentOf(request);
  }

  end(): void {
    // There is nothing to tell.
  }
}

class OpenSend implements SendTrace {
  readonly traceparent: string;
  readonly #api: Api;
  readonly #span: Span;

  constructor(api: Api, span: Span) {
    this.#api = api;
    this.#span = span;
    this.traceparent = traceparentOf(span);
  }

  end(outcome: SendOutcome): void {
    const span = this.#span;
    if (outcome.kind === 'acknowledged') span.setAttributes(placeOf(outcome.partition, outcome.offset));
    else if (outcome.kind === 'spooled') span.setAttribute('http2kafka.spooled', true);
    else {
      span.setAttribute('error.type', 'not_kept');
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: outcome.reason });
    }
    span.end();
  }
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return formatTraceparent({ traceId, spanId, flags: traceFlags });
}

function sendingTo(topic: string, bytes: number): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': topic,
    'messaging.message.body.size': bytes,
  };
}

/** Where the record is, as far as the broker has said it. */
function placeOf(partition: number, offset: number): Attributes {
  if (partition < 0) return {};
  const place: Attributes = { 'messaging.destination.partition.id': String(partition) };
  if (offset >= 0) place['messaging.kafka.offset'] = offset;
  return place;
}
