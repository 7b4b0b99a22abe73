/**
 * The HTTP server: limits, time-outs, which request goes where, and stopping without losing an answer. Events are
 * handled on bare `node:http`, where their cost is; pages for people and monitors by Fastify (`pages.ts`).
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
import type { Answers } from './answer.ts';
import { answerBrokenRequest, reasonOf } from './connection/broken-request.ts';
import { Connections } from './connection/connections.ts';
import { answerCors, type CorsSettings } from './cors.ts';
import { pathOf, requestIdOf, type Exchange } from './exchange.ts';
import { printable } from '../support/printable.ts';
import { createListener, type ListenerSettings } from './connection/listener.ts';
import { RefusalLog } from './refusal-log.ts';
import { errorOfHead } from './connection/request-head.ts';
import { removeStaleSocket } from './connection/stale-socket.ts';

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

/** Takes the events that are posted to a path. Never throws, whatever a sender does. */
export type EventHandler = (exchange: Exchange) => void;

/** Pages counted by their path; all others together, or a scanner of ports could fill the metrics. */
const NAMED_PAGES = new Set([
  '/monitoring/ping',
  '/monitoring/ready',
  '/monitoring/metrics',
  '/docs',
  '/openapi.json',
]);

const FOREIGN_PAGE = refusal('forbidden', 'Pages of other origins may not post events here (server.cors)');

const CROWDED = refusal('unavailable', 'Too many requests on one connection are waiting for their answers');

/** nginx's number for a client that has closed its connection before it was answered. */
const CLIENT_GONE = 499;

export class HttpServer {
  readonly #settings: ServerSettings;
  readonly #eventHandlers: ReadonlyMap<string, EventHandler>;
  readonly #pages: RequestListener;
  readonly #answers: Answers;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #refusals: RefusalLog;
  readonly #server: Server;
  readonly #connections = new Connections();
  #inHand = 0;

  constructor(
    settings: ServerSettings,
    eventHandlers: ReadonlyMap<string, EventHandler>,
    pages: RequestListener,
    answers: Answers,
    metrics: Metrics,
    log: Logger,
  ) {
    this.#settings = settings;
    this.#eventHandlers = eventHandlers;
    this.#pages = pages;
    this.#answers = answers;
    this.#metrics = metrics;
    this.#log = log;
    this.#refusals = new RefusalLog(log);
    this.#server = createListener(settings, metrics, log);
    // Under TLS the requests come over a socket of its own, which is there once hands are shaken.
    const carriesRequests = settings.tls === undefined;
    this.#server
      .on('connection', (socket: Socket) => this.#connections.add(socket, carriesRequests))
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
    const fault = errorOfHead(request, this.#settings.maxHeaders);
    if (fault) {
      request.resume();
      this.#breakOff(fault, request.socket);
      return;
    }
    const path = pathOf(request.url ?? '/', this.#settings.rootPath);
    const handler = this.#eventHandlers.get(path);
    const requestId = requestIdOf(request, this.#settings.requestIdHeader);
    const exchange: Exchange = { request, response, path, requestId, startedAt };
    // Now, because a connection that is gone does not tell it any more.
    const client = this.#settings.accessLog?.(request);
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
      this.#record(exchange, handler || NAMED_PAGES.has(path) ? path : 'other', client);
    });
    if (this.#settings.cors && answerCors(this.#settings.cors, request, response)) {
      this.#answers.empty(exchange, 200);
    } else if (!handler || (path === '/' && request.method !== 'POST')) {
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
      handler(exchange);
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
      else this.#metrics.requests.inc('other', '', status);
      this.#refusals.warnOfBroken(requestId, exchange?.path, reason);
    });
    // TLS has not come about.
    if (!known) socket.destroy();
  }

  #record({ request, response, known }: Exchange, path: string, client: string | undefined): void {
    const { method = '', url = '', httpVersion } = request;
    // Where the connection was closed before its answer was begun, this is still what Node begins with.
    const unanswered = !response.headersSent && response.statusCode === 200;
    const status = unanswered ? CLIENT_GONE : response.statusCode;
    this.#metrics.requests.inc(path, method, status);
    if (client !== undefined) {
      // As uvicorn's, with the sender's name where the Common Log Format has it.
      const sender = known ? ` ${printable(known.sender.name)}` : '';
      this.#log.info(`${client} -${sender} "${method} ${url} HTTP/${httpVersion}" ${status}`);
    }
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
