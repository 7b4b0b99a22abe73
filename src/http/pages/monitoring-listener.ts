/**
 * A listener of its own for monitoring: plain HTTP, no senders, no events. A firewall can then open the port of the
 * events to clients and this one to the monitoring system. It answers until the process ends.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refusal } from '../../errors.ts';
import type { Observer } from '../../pipeline/observer.ts';
import type { Answers } from '../answer.ts';
import { requestIdOf } from '../connection/request-head.ts';
import { pathOf, servedPaths } from '../paths.ts';
import type { Monitoring } from './monitoring.ts';
import type { Overview } from './overview/overview.ts';
import { discardBody, setPageHeaders } from './page-answer.ts';

export interface MonitoringListenerSettings {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** '' for none. */
  readonly rootPath: string;
  /** The name of the header for the request's id, in lower case. */
  readonly requestIdHeader: string;
}

export interface MonitoringListenerParts {
  readonly monitoring: Monitoring;
  readonly answers: Answers;
  readonly observer: Observer;
  /** The page at `/`, if this listener serves it. */
  readonly overview?: Overview | undefined;
}

/** Most open connections. A few systems read the metrics, and a few load balancers ask for `ready`. */
export const MONITORING_CONNECTIONS = 64;

/** Milliseconds that a request may take to arrive, and that a connection may be without traffic in a request. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Milliseconds that an idle connection stays open. Prometheus reads every 15 s to 60 s by default and by custom. */
const KEEP_ALIVE_MS = 75_000;

export class MonitoringListener {
  readonly #settings: MonitoringListenerSettings;
  readonly #parts: MonitoringListenerParts;
  readonly #server: Server;

  constructor(settings: MonitoringListenerSettings, parts: MonitoringListenerParts) {
    this.#settings = settings;
    this.#parts = parts;
    const limits = {
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    };
    this.#server = createServer(limits, (request, response) => this.#handle(request, response));
    this.#server.maxConnections = MONITORING_CONNECTIONS;
    this.#server.timeout = KEEP_ALIVE_MS;
  }

  /** Starts to listen. Resolves to the port. Rejects e.g. if the port is in use. */
  async listen(): Promise<number> {
    const { host, port } = this.#settings;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port }, () => {
      // From now on an error means that one connection cannot be accepted. A later one can be.
      this.#server.off('error', reject).on('error', () => undefined);
      const address = this.#server.address();
      resolve(typeof address === 'string' ? port : (address?.port ?? port));
    });
    return promise;
  }

  /** Cuts all connections, and listens no more. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { rootPath, requestIdHeader } = this.#settings;
    const { monitoring, answers, observer, overview } = this.#parts;
    const { url = '/', method = '' } = request;
    const path = pathOf(url, rootPath);
    const requestId = requestIdOf(request, requestIdHeader);
    const counted = monitoring.serves(path) ? (servedPaths.get(path)?.path ?? 'other') : 'other';
    response.once('close', () => observer.answered(counted, method, response.statusCode));
    setPageHeaders(response, answers, requestId, false);
    if (monitoring.serves(path)) monitoring.handle(request, response, path, requestId);
    else if (overview?.serves(request, path) === true) overview.handle(request, response, path, requestId);
    else {
      const missing = refusal(
        'not_found',
        'Only monitoring is served here: /monitoring/ping, ready, metrics',
      );
      discardBody(request, () => monitoring.refuse(request, response, requestId, missing));
    }
  }
}
