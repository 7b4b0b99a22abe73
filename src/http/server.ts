/**
 * The HTTP server: limits, time-outs, which request goes where, and stopping without losing an answer. Events are
 * handled on bare `node:http`, where their cost is; pages for people and monitors by Fastify (`pages.ts`).
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ListenOptions, Socket } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import { refusal } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Answers } from './answer.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { Connections } from './connections.ts';
import { answerCors, type CorsSettings } from './cors.ts';
import { pathOf, requestIdOf, type Exchange } from './exchange.ts';

export interface ServerSettings {
  readonly listen: ListenOptions;
  readonly tls: (SecureContextOptions & TlsOptions) | undefined;
  /** Taken off the front of paths, with no slash at its end; '' for none. */
  readonly rootPath: string;
  /** In lower case; the header that carries a request's id. */
  readonly requestIdHeader: string;
  /** Requests in hand at once, at most; more are answered 503. */
  readonly maxConcurrency: number;
  /** Milliseconds that an idle connection is kept. Java clients reuse one up to 5 s old. */
  readonly keepAliveMs: number;
  /** Milliseconds that a whole request may take to arrive. */
  readonly requestTimeoutMs: number;
  readonly cors: CorsSettings | undefined;
  /** Is a line wanted for each request, and who is the client, behind trusted proxies? */
  readonly accessLog: ((request: IncomingMessage) => string) | undefined;
}

/** Takes the events that are posted to a path. Never rejects for what a sender does. */
export type EventHandler = (exchange: Exchange) => Promise<void>;

/** Pages counted by their path; all others together, or a scanner of ports could fill the metrics. */
const NAMED_PAGES = new Set([
  '/monitoring/ping',
  '/monitoring/ready',
  '/monitoring/metrics',
  '/docs',
  '/openapi.json',
]);

/** Bytes of a request line and its headers, at most. */
const MAX_HEADER_BYTES = 16 * 1024;

export class HttpServer {
  readonly #settings: ServerSettings;
  readonly #eventHandlers: ReadonlyMap<string, EventHandler>;
  readonly #pages: RequestListener;
  readonly #answers: Answers;
  readonly #metrics: Metrics;
  readonly #log: Logger;
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
    const options = {
      keepAliveTimeout: settings.keepAliveMs,
      requestTimeout: settings.requestTimeoutMs,
      headersTimeout: settings.requestTimeoutMs,
      // How exactly the two are kept; the default of 30 s would make 60 s up to 90.
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    this.#server = settings.tls ? createTlsServer({ ...options, ...settings.tls }) : createServer(options);
    this.#server.on('connection', (socket: Socket) => this.#connections.add(socket));
    this.#server.on('request', (request, response) => this.#handle(request, response));
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      // curl asks before it sends more than 1 MiB: a refusal by its length alone must come before the body does.
      if (this.#wouldRead(request)) response.writeContinue();
      this.#handle(request, response);
    });
    this.#server.on('clientError', (error, socket) => answerBrokenRequest(error, socket, answers));
  }

  /** Listens; rejects when it cannot, e.g. because the port is taken. Resolves to the port, or the socket's path. */
  async listen(): Promise<string | number> {
    const { promise, resolve, reject } = Promise.withResolvers<string | number>();
    this.#server.once('error', reject);
    this.#server.listen(this.#settings.listen, () => {
      this.#server.off('error', reject);
      const address = this.#server.address();
      resolve(typeof address === 'string' ? address : (address?.port ?? 0));
    });
    return promise;
  }

  /**
   * Takes no new connections, answers what is in hand, and closes each connection with its answer. Idle ones are kept
   * until they have been idle for `idleMs`, so that a client about to reuse one still can. Whatever is left after
   * `timeoutMs` is cut.
   */
  async stop(idleMs: number, timeoutMs: number): Promise<void> {
    this.#answers.stopKeepAlive();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#connections.drain(idleMs, timeoutMs);
    await closed;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now();
    const path = pathOf(request.url ?? '/', this.#settings.rootPath);
    const handler = this.#eventHandlers.get(path);
    this.#connections.begin(request.socket);
    this.#inHand += 1;
    response.once('close', () => {
      this.#inHand -= 1;
      this.#connections.end(request.socket);
      this.#record(request, response, handler || NAMED_PAGES.has(path) ? path : 'other');
    });
    if (this.#settings.cors && answerCors(this.#settings.cors, request, response)) return;
    if (!handler || (path === '/' && request.method !== 'POST')) {
      this.#pages(request, response);
      return;
    }
    const requestId = requestIdOf(request, this.#settings.requestIdHeader);
    const exchange: Exchange = { request, response, path, requestId, startedAt };
    if (request.method !== 'POST') {
      this.#answers.refuse(
        exchange,
        refusal('method_not_allowed', 'Post events here', null, { allow: 'POST' }),
      );
    } else if (this.#inHand > this.#settings.maxConcurrency) {
      this.#answers.refuse(exchange, refusal('unavailable', 'Too many requests are in hand'));
    } else {
      handler(exchange).catch((error: unknown) => this.#answers.fail(exchange, error));
    }
  }

  #wouldRead(request: IncomingMessage): boolean {
    return (
      request.method === 'POST' &&
      this.#eventHandlers.has(pathOf(request.url ?? '/', this.#settings.rootPath))
    );
  }

  #record(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { method = '' } = request;
    this.#metrics.requests.inc({ path, method, status: response.statusCode });
    const { accessLog } = this.#settings;
    if (accessLog) {
      const line = `${accessLog(request)} - "${method} ${request.url ?? ''} HTTP/${request.httpVersion}"`;
      this.#log.info(`${line} ${response.statusCode}`);
    }
  }
}
