/**
 * The HTTP server: limits, dispatch of requests, and a stop that loses no answer.
 * Events are handled on bare `node:http`, because a framework would add to the cost of each.
 * Fastify serves the pages for people and monitoring systems (`pages/pages.ts`).
 */
import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { Server as NetServer, type ListenOptions, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { errorTable, refusal, type Refusal } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Origin } from '../pipeline/arrival.ts';
import type { Access, Observer } from '../pipeline/observer.ts';
import type { Answers } from './answer.ts';
import { answerBrokenRequest, answerHttp2, isHttp2, reasonOf } from './connection/broken-request.ts';
import type { Connection } from './connection/connection.ts';
import { Connections } from './connection/connections.ts';
import { createListener, seldom, type ListenerSettings } from './connection/listener.ts';
import { errorOfHead } from './connection/request-head.ts';
import { removeStaleSocket } from './connection/stale-socket.ts';
import { answerCors, isOfOtherOrigin, isOfPage, type CorsSettings } from './cors.ts';
import type { Exchange, HttpRequest, HttpResponse } from './exchange.ts';
import { Exchanges } from './exchanges.ts';
import { originOf, originOfConnection, type ClientOf } from './origin.ts';
import { isProbe, pathOf, paths, servedPaths, type ServedPath } from './paths.ts';
import { mayHave } from './simple/simple-response.ts';
import type { Tracing } from '../tracing/port.ts';

export interface ServerSettings extends ListenerSettings {
  readonly listen: ListenOptions;
  /** Most open connections. A further one takes the place of an idle one, or is refused. */
  readonly maxConnections: number;
  /** The mode of the Unix domain socket, as `chmod` takes it: which users may connect. */
  readonly socketMode: number;
  /** Removed from the start of paths. It has no slash at its end; '' for none. */
  readonly rootPath: string;
  /** The name of the header for the request's id, in lower case. */
  readonly requestIdHeader: string;
  /** Most requests in flight at once; further ones are answered 503. */
  readonly maxConcurrency: number;
  /** Undefined: pages of other origins may not post events. */
  readonly cors: CorsSettings | undefined;
  /** The address of a request's client, for the log. */
  readonly clientOf: ClientOf;
  /** The names of this server in a request: `Host`, and what a trusted proxy was asked for. */
  readonly hostsOf: (request: IncomingMessage) => readonly string[];
  /** Which requests have a line in the access log. Without `probes`, those to `/monitoring/…` have none. */
  readonly accessLog: 'none' | 'without-probes' | 'all';
}

/** Takes one event or a batch from a request, and answers it. `handle` never throws. */
export interface ExchangeHandler {
  handle(exchange: Exchange, takes: 'event' | 'batch'): void;
}

/** The parts that the server passes requests to, and those that it reports to. */
export interface ServerParts {
  readonly events: ExchangeHandler;
  readonly pages: RequestListener;
  /** How many requests only watch. They do not count for `maxConcurrency`. */
  readonly watching?: () => number;
  readonly answers: Answers;
  readonly observer: Observer;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Undefined without tracing. */
  readonly tracing: Tracing | undefined;
}

const OTHER_ORIGIN = refusal('forbidden', 'Pages of other origins may not post events here (server.cors)');

const TOO_MANY_ON_CONNECTION = refusal('unavailable', 'Too many requests on this connection are in flight');

const TOO_MANY_CONNECTIONS = refusal('unavailable', 'Too many connections are open');

/** Connections above the limit that are told so at the same time. Each takes an open file until its client has read it. */
const MAX_TURNED_AWAY = 16;

/** nginx's status for a client that closed its connection before its answer. */
const CLIENT_CLOSED = 499;

export class HttpServer {
  readonly #settings: ServerSettings;
  readonly #events: ExchangeHandler;
  readonly #pages: RequestListener;
  readonly #watching: () => number;
  readonly #answers: Answers;
  readonly #observer: Observer;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #exchanges: Exchanges;
  #inFlight = 0;
  #turnedAway = 0;

  constructor(settings: ServerSettings, parts: ServerParts) {
    const { events, pages, watching = () => 0, answers, observer, metrics, log, tracing } = parts;
    this.#settings = settings;
    this.#events = events;
    this.#pages = pages;
    this.#watching = watching;
    this.#answers = answers;
    this.#observer = observer;
    this.#exchanges = new Exchanges({ ...settings, scheme: settings.tls ? 'https' : 'http' }, tracing);
    this.#connections = new Connections(settings.maxConnections);
    const hasSimpleAnswers = mayHave(answers.commonHeaders(''));
    this.#server = createListener(
      settings,
      metrics,
      log,
      (client, why, cause) => observer.handshakeFailed(client ?? {}, why, cause),
      {
        pathOf: (url) => (hasSimpleAnswers ? this.#eventPathOf(url) : undefined),
        handle: (request, response, served) => this.#handleSimple(request, response, served),
        refuse: (reason, socket) => this.#refuseAndClose(reason, socket),
      },
    );
    settings.proxied?.attach(this.#server, (socket, why) => this.#refuseProxyHeader(socket, why));
    // Under TLS, requests arrive on a second socket, which exists after the handshake.
    const hasNoTls = settings.tls === undefined;
    const warn = seldom((message) => log.warn(message));
    const isFull = () => {
      metrics.connectionsRefused.inc();
      const { maxConnections } = settings;
      warn(
        `connections are closed, idle ones first: there are ${maxConnections}, as many as server.max_connections allows`,
      );
    };
    this.#server
      .on('connection', (socket: Socket) => {
        if (!this.#connections.enter(socket, isFull)) {
          this.#turnAway(socket, hasNoTls);
          return;
        }
        metrics.connections.inc();
        socket.once('close', () => metrics.connections.dec());
        this.#connections.add(socket, hasNoTls);
      })
      .on('secureConnection', (socket: Socket) => this.#connections.add(socket, true));
    this.#server.on('timeout', (socket: Socket) => this.#connections.timeOut(socket));
    // The body reader sends "100 Continue". The server ignores unknown expectations (RFC 9110 §10.1.1).
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.#handle(request, response),
      );
    }
    this.#server.on('clientError', (error, socket) => this.#refuseBroken(error, socket));
  }

  /** Starts to listen. Resolves to the port, or the path of the socket. Rejects e.g. if the port is in use. */
  async listen(): Promise<string | number> {
    const { path } = this.#settings.listen;
    if (path !== undefined) await removeStaleSocket(path);
    const { promise, resolve, reject } = Promise.withResolvers<string | number>();
    this.#server.once('error', reject);
    this.#connections.cutUnread(this.#settings.requestTimeoutMs);
    this.#server.listen(this.#settings.listen, () => {
      this.#server.off('error', reject);
      const address = this.#server.address();
      // No request is served before this. Until then a client that the umask admits can only wait.
      if (path !== undefined) chmodSync(path, this.#settings.socketMode);
      resolve(typeof address === 'string' ? address : (address?.port ?? 0));
    });
    return promise;
  }

  /** Uses other certificates for all new connections. */
  renewTls(context: SecureContextOptions): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(context);
  }

  /**
   * Takes no new connections, answers the requests in flight, and closes each connection after its answer.
   * An idle connection is closed once it is idle for `idleMs`, so that a client about to reuse it still can.
   * After `timeoutMs` all remaining connections are cut.
   */
  async stop(idleMs: number, timeoutMs: number): Promise<void> {
    this.#answers.stopKeepAlive();
    // The HTTP server's own `close` would cut idle connections at once.
    const closed = new Promise<void>((resolve) =>
      NetServer.prototype.close.call(this.#server, () => resolve()),
    );
    await this.#connections.drain(idleMs, timeoutMs);
    await closed;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const error = errorOfHead(request, this.#settings.maxHeaders);
    if (error) {
      request.resume();
      this.#refuseAndClose(error, request.socket, request);
      return;
    }
    const path = this.#pathOf(request.url ?? '/');
    const served = servedPaths.get(path);
    const exchange = this.#exchanges.begin(request, response, path);
    const connection = this.#begin(exchange, served?.path ?? 'other');
    if (!connection) return;
    const dispatch = () => this.#dispatch(exchange, request, response, served?.takes);
    // A request that is alone on its connection, as nearly all are, does not wait.
    if (connection.inFlight === 1) dispatch();
    else this.#connections.handle(connection, dispatch);
  }

  /** Handles a request that Node's parser has not seen. It is a post of events, from no page, and alone on its connection. */
  #handleSimple(request: HttpRequest, response: HttpResponse, { path, takes }: ServedPath): void {
    const exchange = this.#exchanges.begin(request, response, path);
    if (takes && this.#begin(exchange, path)) this.#takeEvents(exchange, takes);
  }

  /** Nearly all requests have a path exactly as in the table. */
  #pathOf(url: string): string {
    const { rootPath } = this.#settings;
    return rootPath === '' && servedPaths.has(url) ? url : pathOf(url, rootPath);
  }

  #eventPathOf(url: string): ServedPath | undefined {
    const served = servedPaths.get(this.#pathOf(url));
    return served?.takes ? served : undefined;
  }

  /** Counts a request until its answer is sent. Undefined if it is not handled. `counted` is a path of the table, or `other`. */
  #begin(exchange: Exchange, counted: string): Connection | undefined {
    const { request, response } = exchange;
    // Read now: a closed connection has no address, and the pages replace the URL.
    const origin = this.#isLogged(exchange.path) ? exchange.origin() : undefined;
    const connection = this.#connections.begin(request.socket, exchange);
    if (!connection || connection === 'too-many') {
      request.resume();
      if (connection) this.#refuseAndClose(TOO_MANY_ON_CONNECTION, request.socket, request);
      return undefined;
    }
    this.#inFlight += 1;
    // The event occurs once. `once` would create another function for each request.
    response.on('close', () => {
      this.#inFlight -= 1;
      this.#connections.end(connection);
      this.#answered(exchange, counted, origin);
    });
    return connection;
  }

  /** Refuses a connection for which there is no room. */
  #turnAway(socket: Socket, hasNoTls: boolean): void {
    // Without a TLS handshake the client cannot read an answer. Without room for a few more, none waits until it has read.
    if (!hasNoTls || this.#turnedAway >= MAX_TURNED_AWAY) {
      socket.destroy();
      return;
    }
    this.#turnedAway += 1;
    socket.once('close', () => (this.#turnedAway -= 1));
    answerBrokenRequest(socket, TOO_MANY_CONNECTIONS, this.#answers.commonHeaders(randomUUID()));
  }

  #dispatch(
    exchange: Exchange,
    request: IncomingMessage,
    response: ServerResponse,
    takes: 'event' | 'batch' | undefined,
  ): void {
    if (this.#settings.cors && answerCors(this.#settings.cors, request, response)) {
      this.#answers.empty(exchange, 200);
    } else if (!takes || (exchange.path === paths.root.path && request.method !== 'POST')) {
      // So that the pages, which know no exchange, answer and log under the id of the access log.
      request.headers[this.#settings.requestIdHeader] = exchange.requestId;
      this.#pages(request, response);
    } else if (request.method !== 'POST') {
      this.#refuse(exchange, refusal('method_not_allowed', 'Post events here', null, { allow: 'POST' }));
    } else if (
      isOfPage(request.headers) &&
      isOfOtherOrigin(request.headers, this.#settings.hostsOf(request), this.#settings.tls !== undefined) &&
      !response.hasHeader('access-control-allow-origin')
    ) {
      this.#refuse(exchange, OTHER_ORIGIN);
    } else {
      this.#takeEvents(exchange, takes);
    }
  }

  #takeEvents(exchange: Exchange, takes: 'event' | 'batch'): void {
    if (this.#inFlight - this.#watching() > this.#settings.maxConcurrency) {
      this.#refuse(exchange, refusal('unavailable', 'Too many requests are in flight'));
    } else {
      this.#events.handle(exchange, takes);
    }
  }

  #refuse(exchange: Exchange, reason: Refusal): void {
    this.#observer.requestRefused(exchange, reason);
    this.#answers.refuse(exchange, reason);
  }

  #refuseBroken({ code, rawPacket }: Error & { code?: string; rawPacket?: Buffer }, socket: Duplex): void {
    const reason = reasonOf(code, rawPacket);
    if (reason) this.#refuseAndClose(reason, socket, undefined, isHttp2(code) ? answerHttp2 : undefined);
    else socket.destroy();
  }

  #refuseProxyHeader(socket: Socket, why: string): void {
    const reason = refusal('bad_request', `The header of the PROXY protocol is broken: ${why}`);
    if (!this.#settings.tls) {
      this.#refuseAndClose(reason, socket);
      return;
    }
    const origin = () => originOfConnection(socket, this.#settings.clientOf);
    this.#observer.requestRefused({ requestId: randomUUID(), origin }, reason);
    // Without a TLS handshake the client cannot read an answer.
    socket.destroy();
  }

  /**
   * Refuses a broken request after all requests before it are answered, and closes its connection.
   * `request` is known if the parser could read its head.
   */
  #refuseAndClose(
    reason: Refusal,
    socket: Duplex,
    request?: HttpRequest,
    answer: typeof answerBrokenRequest = answerBrokenRequest,
  ): void {
    const known = this.#connections.fail(socket, (exchange) => {
      const requestId = exchange?.requestId ?? randomUUID();
      // The line first: once the answer is written, the connection may have no address.
      const { clientOf } = this.#settings;
      const origin = () =>
        request ? originOf(request, request.url ?? '', clientOf) : originOfConnection(socket, clientOf);
      this.#observer.requestRefused(exchange ?? { requestId, origin }, reason);
      answer(socket, reason, this.#answers.commonHeaders(requestId));
      const { status } = errorTable[reason.code];
      if (exchange) exchange.response.statusCode = status;
      else this.#observer.answered('other', '', status);
    });
    // Without a TLS handshake the client cannot read an answer.
    if (!known) socket.destroy();
  }

  #isLogged(path: string): boolean {
    const { accessLog } = this.#settings;
    return accessLog === 'all' || (accessLog === 'without-probes' && !isProbe(path));
  }

  /** `path` is a path of the table, or `other`. `origin` is for the access log; undefined if there is no line. */
  #answered(exchange: Exchange, path: string, origin: Origin | undefined): void {
    const { request, response } = exchange;
    // If the connection closed before the answer began, the status is still Node's initial 200.
    const isUnanswered = !response.headersSent && response.statusCode === 200;
    const status = isUnanswered ? CLIENT_CLOSED : response.statusCode;
    const access = origin && accessOf(exchange, origin);
    this.#observer.answered(path, request.method ?? '', status, access);
    exchange.trace?.end(status);
  }
}

function accessOf({ request, requestId, known, startedAt }: Exchange, origin: Origin): Access {
  const { httpVersion, headers } = request;
  // A body in chunks declares no length.
  const bytes =
    headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
  const durationMs = performance.now() - startedAt;
  return { requestId, known, origin: () => origin, httpVersion, durationMs, bytes };
}
