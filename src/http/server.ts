/**
 * The HTTP server: limits, time-outs, which request goes where, and stopping without losing an answer. Events are handled on bare
 * `node:http`, where their cost is; pages for people and monitoring systems by Fastify (`pages/pages.ts`).
 */
import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { Server as NetServer, type ListenOptions, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';
import { errorTable, refusal, type Refusal } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Observer } from '../pipeline/observer.ts';
import { printable } from '../support/printable.ts';
import type { Answers } from './answer.ts';
import { answerBrokenRequest, reasonOf } from './connection/broken-request.ts';
import { Connections } from './connection/connections.ts';
import { createListener, type ListenerSettings } from './connection/listener.ts';
import { errorOfHead, requestIdOf } from './connection/request-head.ts';
import { removeStaleSocket } from './connection/stale-socket.ts';
import { answerCors, type CorsSettings } from './cors.ts';
import type { Exchange } from './exchange.ts';
import { pathOf, paths, servedPaths } from './paths.ts';

export interface ServerSettings extends ListenerSettings {
  readonly listen: ListenOptions;
  /** Who may connect to a Unix domain socket, as `chmod` takes it. */
  readonly socketMode: number;
  /** Taken off the front of paths, with no slash at its end; '' for none. */
  readonly rootPath: string;
  /** In lower case; the header that carries a request's id. */
  readonly requestIdHeader: string;
  /** Requests in hand at once, at most; more are answered 503. */
  readonly maxConcurrency: number;
  readonly maxHeaders: number;
  readonly cors: CorsSettings | undefined;
  /** Is a line wanted for each request, and who is the client, behind trusted proxies? */
  readonly accessLog: ((request: IncomingMessage) => string) | undefined;
}

/** Takes the events that a request brings, one or a batch, and answers. Never throws, whatever a sender does. */
export interface ExchangeHandler {
  handle(exchange: Exchange, takes: 'event' | 'batch'): void;
}

/** What the server hands requests to, and what it reports to. */
export interface ServerParts {
  readonly events: ExchangeHandler;
  readonly pages: RequestListener;
  readonly answers: Answers;
  readonly observer: Observer;
  readonly metrics: Metrics;
  readonly log: Logger;
}

const FOREIGN_PAGE = refusal('forbidden', 'Pages of other origins may not post events here (server.cors)');

const CROWDED = refusal('unavailable', 'Too many requests on one connection are waiting for their answers');

/** nginx's number for a client that has closed its connection before it was answered. */
const CLIENT_GONE = 499;

export class HttpServer {
  readonly #settings: ServerSettings;
  readonly #events: ExchangeHandler;
  readonly #pages: RequestListener;
  readonly #answers: Answers;
  readonly #observer: Observer;
  readonly #server: Server;
  readonly #connections = new Connections();
  #inHand = 0;

  constructor(settings: ServerSettings, parts: ServerParts) {
    const { events, pages, answers, observer, metrics, log } = parts;
    this.#settings = settings;
    this.#events = events;
    this.#pages = pages;
    this.#answers = answers;
    this.#observer = observer;
    this.#server = createListener(settings, metrics, log);
    // Under TLS the requests come over a socket of their own, which is there after the handshake.
    const carriesRequests = settings.tls === undefined;
    this.#server
      .on('connection', (socket: Socket) => {
        metrics.connections.inc();
        socket.once('close', () => metrics.connections.dec());
        this.#connections.add(socket, carriesRequests);
      })
      .on('secureConnection', (socket: Socket) => this.#connections.add(socket, true));
    this.#server.on('timeout', (socket: Socket) => this.#connections.timeOut(socket));
    // Whoever reads the body says "100 Continue"; expectations that nobody knows are passed over (RFC 9110 §10.1.1).
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.#handle(request, response),
      );
    }
    this.#server.on('clientError', (error, socket) => this.#refuseBroken(error, socket));
  }

  /** Listens; rejects when it cannot, e.g. because the port is taken. Resolves to the port, or the socket's path. */
  async listen(): Promise<string | number> {
    const { path } = this.#settings.listen;
    if (path !== undefined) await removeStaleSocket(path);
    const { promise, resolve, reject } = Promise.withResolvers<string | number>();
    this.#server.once('error', reject);
    this.#server.listen(this.#settings.listen, () => {
      this.#server.off('error', reject);
      const address = this.#server.address();
      // Nobody can be served before this: what the umask allows meanwhile is no more than to wait.
      if (path !== undefined) chmodSync(path, this.#settings.socketMode);
      resolve(typeof address === 'string' ? address : (address?.port ?? 0));
    });
    return promise;
  }

  /** Has other certificates used, for the connections that come from now on. */
  renewTls(context: SecureContextOptions): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(context);
  }

  /**
   * Takes no new connections, answers what is in hand, and closes each connection with its answer. Idle ones are kept
   * until they have been idle for `idleMs`, so that a client about to reuse one still can. Whatever is left after
   * `timeoutMs` is cut.
   */
  async stop(idleMs: number, timeoutMs: number): Promise<void> {
    this.#answers.stopKeepAlive();
    // Not the HTTP server's own `close`, which cuts idle connections at once.
    const closed = new Promise<void>((resolve) =>
      NetServer.prototype.close.call(this.#server, () => resolve()),
    );
    await this.#connections.drain(idleMs, timeoutMs);
    await closed;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now();
    const { maxHeaders, requestIdHeader, rootPath } = this.#settings;
    const error = errorOfHead(request, maxHeaders);
    if (error) {
      request.resume();
      this.#breakOff(error, request.socket);
      return;
    }
    const { url = '/', headers } = request;
    // Nearly all requests name a path as the table has it.
    const path = servedPaths.has(url) ? url : pathOf(url, rootPath);
    const served = servedPaths.get(path);
    const { traceparent, 'user-agent': client } = headers;
    const exchange: Exchange = {
      request,
      response,
      path,
      requestId: requestIdOf(request, requestIdHeader),
      startedAt,
      client,
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      known: undefined,
    };
    // Now, because a connection that is closed does not tell it any more.
    const address = this.#settings.accessLog?.(request);
    const connection = this.#connections.begin(request.socket, exchange);
    if (!connection || connection === 'crowded') {
      request.resume();
      if (connection) this.#breakOff(CROWDED, request.socket);
      return;
    }
    this.#inHand += 1;
    // Comes once; `once` would make a function more.
    response.on('close', () => {
      this.#inHand -= 1;
      this.#connections.end(connection);
      this.#answered(exchange, served?.path ?? 'other', address);
    });
    this.#dispatch(exchange, served?.takes);
  }

  #dispatch(exchange: Exchange, takes: 'event' | 'batch' | undefined): void {
    const { request, response, path } = exchange;
    if (this.#settings.cors && answerCors(this.#settings.cors, request, response)) {
      this.#answers.empty(exchange, 200);
    } else if (!takes || (path === paths.root.path && request.method !== 'POST')) {
      this.#pages(request, response);
    } else if (request.method !== 'POST') {
      this.#answers.refuse(
        exchange,
        refusal('method_not_allowed', 'Post events here', null, { allow: 'POST' }),
      );
    } else if (isOfOtherOrigin(request) && !response.hasHeader('access-control-allow-origin')) {
      this.#answers.refuse(exchange, FOREIGN_PAGE);
    } else if (this.#inHand > this.#settings.maxConcurrency) {
      this.#answers.refuse(exchange, refusal('unavailable', 'Too many requests are in hand'));
    } else {
      this.#events.handle(exchange, takes);
    }
  }

  #refuseBroken(error: Error & { code?: string }, socket: Duplex): void {
    const reason = reasonOf(error.code);
    if (reason) this.#breakOff(reason, socket);
    else socket.destroy();
  }

  /** Answers what is no request, when it is its turn, and takes nothing more from the connection. */
  #breakOff(reason: Refusal, socket: Duplex): void {
    const known = this.#connections.fail(socket, (exchange) => {
      const requestId = exchange?.requestId ?? randomUUID();
      answerBrokenRequest(socket, reason, this.#answers.commonHeaders(requestId));
      const { status } = errorTable[reason.code];
      if (exchange) exchange.response.statusCode = status;
      else this.#observer.answered('other', '', status);
      this.#observer.broken(requestId, exchange?.path, reason);
    });
    // TLS has not come about.
    if (!known) socket.destroy();
  }

  /** `path` is one of the table, or `other`; `address` is the client's, where the access log wants a line. */
  #answered({ request, response, known }: Exchange, path: string, address: string | undefined): void {
    const { method = '', url = '', httpVersion } = request;
    // Where the connection was closed before its answer began, this is still what Node begins with.
    const isUnanswered = !response.headersSent && response.statusCode === 200;
    const status = isUnanswered ? CLIENT_GONE : response.statusCode;
    // As uvicorn's, with the sender's name where the Common Log Format has it.
    const accessLine =
      address === undefined
        ? undefined
        : `${address} -${known ? ` ${printable(known.sender.name)}` : ''} "${method} ${url} HTTP/${httpVersion}" ${status}`;
    this.#observer.answered(path, method, status, accessLine);
  }
}

/**
 * Is it a page of another origin that has a browser post this? CORS alone does not keep it from that: a body without a type needs no
 * preflight. Browsers say so in a header that no page can set (W3C Fetch Metadata); other clients do not send it.
 */
function isOfOtherOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return site === 'cross-site' || site === 'same-site';
}
