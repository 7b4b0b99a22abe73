/**
 * The front: the listener, the authentication and the pipeline. It hands records to the core through one interface,
 * and knows no broker.
 */
import type { Logger } from 'pino';
import type { Settings } from '../config/schema/schema.ts';
import type { DeliveryStatus, EventDelivery } from '../delivery/port.ts';
import { Answers } from '../http/answer.ts';
import { TlsFileError, TlsFiles } from '../http/connection/tls-files.ts';
import { BodyMemory } from '../http/events/body-memory.ts';
import { EventHandler } from '../http/events/event-handler.ts';
import { lazily } from '../http/pages/lazy-listener.ts';
import { HttpServer } from '../http/server.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Ingest } from '../pipeline/ingest.ts';
import { Observer } from '../pipeline/observer.ts';
import { errorText } from '../support/error-text.ts';
import { systemTime } from '../support/time.ts';
import { createAuthentication, type Authentication } from './authentication.ts';
import {
  answerSettings,
  ingestSettings,
  pagesSettings,
  serverSettings,
  tlsSettings,
} from './front-settings.ts';
import { addressOf, explainListenError, isLocal } from './listening.ts';
import { StartError } from './start-error.ts';

export class Front {
  readonly #settings: Settings;
  readonly #http: HttpServer;
  readonly #authentication: Authentication | undefined;
  readonly #maxConnections: number;
  readonly #log: Logger;

  private constructor(
    settings: Settings,
    http: HttpServer,
    authentication: Authentication | undefined,
    maxConnections: number,
    log: Logger,
  ) {
    this.#settings = settings;
    this.#http = http;
    this.#authentication = authentication;
    this.#maxConnections = maxConnections;
    this.#log = log;
  }

  /**
   * Sets up the authentication and reads the certificate. It does not listen yet.
   * @throws {StartError} for a problem that an operator can repair.
   */
  static async open(
    settings: Settings,
    delivery: EventDelivery & DeliveryStatus,
    metrics: Metrics,
    log: Logger,
  ): Promise<Front> {
    const authentication = await openAuthentication(settings, metrics, log);
    await using opened = new AsyncDisposableStack();
    opened.defer(() => authentication?.close());
    const tls = openTls(settings, metrics, log);
    const observer = new Observer(metrics, log);
    const answers = new Answers(answerSettings(settings), observer);
    const ingest = new Ingest(ingestSettings(settings), delivery, observer, systemTime.wall);
    const { maxRequestSize: maxBytes } = settings.producer;
    const limits = { maxBytes, memory: new BodyMemory(settings.server.maxBodyMemory) };
    const events = new EventHandler(authentication, limits, ingest, answers, observer);
    const { problems: authenticationProblems } = authentication ?? {};
    const pages = lazily(async () => {
      const { createPages } = await import('../http/pages/pages.ts');
      const parts = { delivery, authenticationProblems, metrics, answers, observer };
      return createPages(pagesSettings(settings), parts);
    });
    const listener = serverSettings(settings, tls);
    const http = new HttpServer(listener, { events, pages, answers, observer, metrics, log });
    tls?.follow((context) => http.renewTls(context));
    opened.move();
    return new Front(settings, http, authentication, listener.maxConnections, log);
  }

  /**
   * Starts to listen. Resolves to the address, as the log shows it.
   * @throws {StartError} if the proxy cannot listen on the address.
   */
  async listen(): Promise<string> {
    const { server } = this.#settings;
    try {
      return addressOf(server, await this.#http.listen());
    } catch (error) {
      throw new StartError(`cannot listen on ${addressOf(server)}: ${explainListenError(error)}`, {
        cause: error,
      });
    }
  }

  /** Logs at the start what an operator may not expect: no authentication, or fewer connections than configured. */
  warn(): void {
    const { server } = this.#settings;
    if (!this.#authentication && !isLocal(server)) {
      this.#log.warn(`SENDERS ARE NOT CHECKED: everyone who reaches ${server.host} may post events`);
    }
    if (this.#maxConnections < server.maxConnections) {
      this.#log.warn(
        `only ${this.#maxConnections} clients can be connected at once, not ${server.maxConnections}: raise "ulimit -n"`,
      );
    }
  }

  /**
   * Takes no new connections, and answers the requests in flight. Closes a connection once it is idle for `idleMs`,
   * and every connection after `timeoutMs`.
   */
  async stop(idleMs: number, timeoutMs: number): Promise<void> {
    await this.#http.stop(idleMs, timeoutMs);
  }

  /** Closes the authentication: its timers, file watches and connections. */
  async close(): Promise<void> {
    await this.#authentication?.close();
  }
}

async function openAuthentication(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<Authentication | undefined> {
  try {
    return await createAuthentication(settings, metrics, log);
  } catch (error) {
    throw new StartError(`cannot recognise senders: ${errorText(error)}`, { cause: error });
  }
}

function openTls({ server }: Settings, metrics: Metrics, log: Logger): TlsFiles | undefined {
  const tls = tlsSettings(server);
  if (!tls) return undefined;
  try {
    return new TlsFiles(tls, metrics, log);
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    throw new StartError(`cannot listen with TLS: ${error.message}`, { cause: error });
  }
}
