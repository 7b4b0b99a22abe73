/** Writes the answers to requests that post events. Each answer has the id of its request, and is counted. */
import { errorBody, errorTable, type Refusal } from '../errors.ts';
import type { Ingested } from '../pipeline/ingest.ts';
import type { Observer } from '../pipeline/observer.ts';
import { AnswerMemory } from './answer-memory.ts';
import type { Exchange, HttpRequest } from './exchange.ts';
import { hasBody } from './connection/request-head.ts';

export interface AnswerSettings {
  /** The name of the header for the request's id. Undefined: the header is not sent. */
  readonly requestIdHeader: string | undefined;
  /** The name of the header for `version`. Undefined: the header is not sent. */
  readonly versionHeader: string | undefined;
  readonly version: string;
  /** Further headers of every answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The status for an event that is on disk, or kept for the dead-letter topic: 201 or 202. */
  readonly spooledStatus: number;
}

/** How an event is kept. */
type KeptKind = Exclude<Ingested['kind'], 'refused' | 'dropped'>;

/** The header of the answer to a kept event. It says where the event is. The arrays are made once. */
const DELIVERY: Readonly<Record<KeptKind, readonly string[]>> = {
  acknowledged: ['X-Delivery', 'kafka'],
  spooled: ['X-Delivery', 'spool'],
  'dead-letter': ['X-Delivery', 'dead-letter'],
};

/** Seconds (RFC 9110 §10.2.3). Never more: Java clients wait this long inside the user's query. */
export const RETRY_AFTER = '1';

/**
 * Bytes that a refused body may still send after the answer, milliseconds between two of its pieces, and milliseconds in
 * all, before the connection is cut.
 * Without this, a client that writes its whole body before it reads gets a reset instead of the answer.
 */
const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 2000;
const LINGER_MOST_MS = 10_000;

/**
 * Up to this many bytes, reading a refused body to its end costs less than a new connection. Nearly all events are
 * shorter, and are sent together with their head; curl asks before it sends more (`Expect: 100-continue`).
 * A client that is refused by its head alone can retry over the same connection.
 */
const SHORT_BYTES = 1024 * 1024;

export class Answers {
  readonly #settings: AnswerSettings;
  readonly #observer: Observer;
  readonly #memory: AnswerMemory;
  /** The headers that all answers have, apart from the id. */
  readonly #constant: readonly string[];
  #stopping = false;

  /** `memory` counts the answers that are not read yet. */
  constructor(settings: AnswerSettings, observer: Observer, memory = new AnswerMemory(Infinity)) {
    this.#settings = settings;
    const { versionHeader, version, headers } = settings;
    this.#constant = [...(versionHeader === undefined ? [] : [versionHeader, version]), ...headers.flat()];
    this.#observer = observer;
    this.#memory = memory;
  }

  /** From now on every answer closes its connection, so that no client reuses a connection that will soon be closed. */
  stopKeepAlive(): void {
    this.#stopping = true;
  }

  /** The headers of every answer, as `writeHead` takes them: names and values in turn. */
  commonHeaders(requestId: string): readonly string[] {
    const { requestIdHeader } = this.#settings;
    return requestIdHeader === undefined ? this.#constant : [requestIdHeader, requestId, ...this.#constant];
  }

  /**
   * Answers that an event is kept: 201 and an empty body. OpenLineage's Go client takes every status but 200 and 201
   * for a failure, and programs that use it then end. So a spooled event is answered 202 only if the settings say so.
   */
  kept(exchange: Exchange, kind: KeptKind): void {
    this.#write(exchange, kind === 'acknowledged' ? 201 : this.#settings.spooledStatus, DELIVERY[kind], '');
  }

  /** Answers that a routing rule drops the event: it is not kept, and 201 would say so. */
  dropped(exchange: Exchange, rule: string): void {
    this.#write(exchange, 200, ['X-Delivery', 'dropped', 'X-Routing-Rule', rule], '');
  }

  /** Answers with a status and an empty body. */
  empty(exchange: Exchange, status: number): void {
    this.#write(exchange, status, [], '');
  }

  /** Answers with a JSON text. `headers` are further names and values, in turn. */
  json(exchange: Exchange, status: number, body: string, headers: readonly string[] = []): void {
    this.#write(exchange, status, ['content-type', 'application/json', ...headers], body);
  }

  /** Answers a refused request. A retriable error other than 500 has `Retry-After`. */
  refuse(exchange: Exchange, refusal: Refusal): void {
    const { status, retriable } = errorTable[refusal.code];
    const headers = Object.entries(refusal.headers ?? {}).flat();
    if (retriable && status !== 500) headers.push('retry-after', RETRY_AFTER);
    this.json(exchange, status, errorBody(refusal), headers);
  }

  /** Answers 500 for a defect of http2kafka. The sender gets only the id of the request; the error is in the log. */
  fail(exchange: Exchange, error: unknown): void {
    this.#observer.failed(exchange.requestId, error);
    if (exchange.response.headersSent) exchange.response.destroy();
    else this.refuse(exchange, { code: 'internal', message: errorTable.internal.message, details: null });
  }

  #write(exchange: Exchange, status: number, headers: readonly string[], body: string): void {
    const { request, response, requestId, startedAt } = exchange;
    this.#observer.answering(status, (performance.now() - startedAt) / 1000);
    if (response.destroyed) return;
    const unread = request.complete ? 'none' : unreadBodyOf(request);
    if (this.#stopping || unread === 'long') response.shouldKeepAlive = false;
    const bytes = Buffer.byteLength(body);
    this.#memory.hold(exchange, bytes);
    const lines = [...this.commonHeaders(requestId), ...headers, 'content-length', String(bytes)];
    response.writeHead(status, lines);
    if (unread !== 'long') {
      if (unread === 'short') request.resume();
      response.end(body);
      return;
    }
    response.write(body);
    discardRest(request, () => response.end());
  }
}

/** How much of the body may still arrive, for a request that has not been read to its end. */
function unreadBodyOf(request: HttpRequest): 'none' | 'short' | 'long' {
  const { expect, 'content-length': length } = request.headers;
  // A client that waits for "100 Continue" may now send the body or omit it.
  // So the proxy cannot know where the next request begins.
  if (expect !== undefined) return 'long';
  if (!hasBody(request)) return 'none';
  // A body in chunks declares no length, so it may have any.
  return length !== undefined && Number(length) <= SHORT_BYTES ? 'short' : 'long';
}

/** Reads and discards the rest of a body, up to the limits of `LINGER`; then calls `done`. */
function discardRest(request: HttpRequest, done: () => void): void {
  const deadline = performance.now() + LINGER_MOST_MS;
  let size = 0;
  const stop = () => {
    clearTimeout(timer);
    request.off('data', count);
    done();
  };
  const count = (chunk: Buffer) => {
    size += chunk.length;
    if (size > LINGER_BYTES || performance.now() > deadline) stop();
    else timer.refresh();
  };
  const timer = setTimeout(stop, LINGER_MS);
  request.on('data', count);
  request.once('close', stop);
  request.once('end', stop);
}
