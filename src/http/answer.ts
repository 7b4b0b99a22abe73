/** Writes answers. Every one goes through here, so that each has the request's id and is counted. */
import type { IncomingMessage } from 'node:http';
import { errorBody, errorTable, type Refusal } from '../errors.ts';
import type { Observer } from '../pipeline/observer.ts';
import type { Exchange } from './exchange.ts';
import { hasBody } from './connection/request-head.ts';

export interface AnswerSettings {
  /** undefined: not sent. */
  readonly requestIdHeader: string | undefined;
  readonly versionHeader: string | undefined;
  readonly version: string;
  /** Further headers of every answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** RFC 9110 §10.2.3, in seconds. Java clients wait it out inside the user's query, so never more. */
const RETRY_AFTER = '1';

/**
 * What a refused body may still send after its answer, before the connection is cut. A client that writes its whole body
 * before it reads would otherwise see a reset instead of the answer.
 */
const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 2000;

/**
 * Bytes of a refused body up to which reading on costs less than a new connection. Nearly all events are shorter, and on their way
 * with their head; curl asks before it sends more. Whoever is refused by the head alone, and tries again, does so over the same connection.
 */
const SHORT_BYTES = 1024 * 1024;

export class Answers {
  readonly #settings: AnswerSettings;
  readonly #observer: Observer;
  #stopping = false;

  constructor(settings: AnswerSettings, observer: Observer) {
    this.#settings = settings;
    this.#observer = observer;
  }

  /** From now on every answer closes its connection, so that no client reuses one that is about to go. */
  stopKeepAlive(): void {
    this.#stopping = true;
  }

  /** The headers that every answer carries, in the form of `writeHead`. */
  commonHeaders(requestId: string): string[] {
    const { requestIdHeader, versionHeader, version, headers } = this.#settings;
    const common: string[] = [];
    if (requestIdHeader !== undefined) common.push(requestIdHeader, requestId);
    if (versionHeader !== undefined) common.push(versionHeader, version);
    for (const [name, value] of headers) common.push(name, value);
    return common;
  }

  /** A status and nothing else. */
  empty(exchange: Exchange, status: number): void {
    this.#write(exchange, status, [], '');
  }

  json(exchange: Exchange, status: number, body: string, headers: readonly string[] = []): void {
    this.#write(exchange, status, ['content-type', 'application/json', ...headers], body);
  }

  /** The answer to what is not taken. */
  refuse(exchange: Exchange, refusal: Refusal): void {
    const { status, retriable } = errorTable[refusal.code];
    const headers = Object.entries(refusal.headers ?? {}).flat();
    if (retriable && status !== 500) headers.push('retry-after', RETRY_AFTER);
    this.json(exchange, status, errorBody(refusal), headers);
  }

  /** A defect of ours: the sender learns the request's id, the log the rest. */
  fail(exchange: Exchange, error: unknown): void {
    this.#observer.failed(exchange.requestId, error);
    if (exchange.response.headersSent) exchange.response.destroy();
    else this.refuse(exchange, { code: 'internal', message: errorTable.internal.message, details: null });
  }

  #write(exchange: Exchange, status: number, headers: readonly string[], body: string): void {
    const { request, response, requestId, startedAt } = exchange;
    this.#observer.answering(status, (performance.now() - startedAt) / 1000);
    if (response.destroyed) return;
    const rest = request.complete ? 'none' : restOf(request);
    if (this.#stopping || rest === 'long') response.shouldKeepAlive = false;
    const lines = this.commonHeaders(requestId);
    lines.push(...headers, 'content-length', String(Buffer.byteLength(body)));
    response.writeHead(status, lines);
    if (rest !== 'long') {
      if (rest === 'short') request.resume();
      response.end(body);
      return;
    }
    response.write(body);
    discardRest(request, () => response.end());
  }
}

/** What may still come of a request that has not been read to its end. */
function restOf(request: IncomingMessage): 'none' | 'short' | 'long' {
  const { expect, 'content-length': length } = request.headers;
  // Whoever waits to be asked for the body may keep it back now, or not: where the next request begins is not known.
  if (expect !== undefined) return 'long';
  if (!hasBody(request)) return 'none';
  // One in chunks has no length, and may have any.
  return length !== undefined && Number(length) <= SHORT_BYTES ? 'short' : 'long';
}

/** Reads on, for a while and up to a limit, without keeping anything. */
function discardRest(request: IncomingMessage, done: () => void): void {
  let size = 0;
  const stop = () => {
    clearTimeout(timer);
    request.off('data', count);
    done();
  };
  const count = (chunk: Buffer) => {
    size += chunk.length;
    if (size > LINGER_BYTES) stop();
  };
  const timer = setTimeout(stop, LINGER_MS);
  request.on('data', count);
  request.once('close', stop);
  request.once('end', stop);
}
