/**
 * The front: the listener, the authentication and the pipeline. It hands records to the core through one interface,
 * and knows no broker.
 */
import type { IncomingMessage } from 'node:http';
import type { FrequentLines, Logger } from '../log.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { DeliveryStatus, EventDelivery, TopicUse } from '../delivery/port.ts';
import { Answers } from '../http/answer.ts';
import { AnswerMemory } from '../http/answer-memory.ts';
import { TlsFiles } from '../http/connection/tls-files.ts';
import { BatchRoom } from '../http/events/batch-room.ts';
import { MAX_ELEMENTS } from '../http/events/batch.ts';
import { BodyMemory } from '../http/events/body-memory.ts';
import { EventHandler } from '../http/events/event-handler.ts';
import { Monitoring } from '../http/pages/monitoring.ts';
import { MonitoringListener, type MonitoringListenerParts } from '../http/pages/monitoring-listener.ts';
import { pageListener } from '../http/pages/page-listener.ts';
import type { ClientOf } from '../http/origin.ts';
import { HttpServer, type ServerSettings } from '../http/server.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Foresight } from '../pipeline/foresight.ts';
import type { ShownSetting } from '../page/standing.ts';
import type { Watch } from '../page/watch.ts';
import { Ingest } from '../pipeline/ingest.ts';
import { Observer } from '../pipeline/observer.ts';
import { Routing } from '../routing/routing.ts';
import { textPool } from '../openlineage/scanner-module.ts';
import { errorText } from '../support/error-text.ts';
import { TlsFileError } from '../support/pem-file.ts';
import { systemTime } from '../support/time.ts';
import { Turns } from '../support/turns.ts';
import type { Tracing } from '../tracing/port.ts';
import { createAuthentication, type Authentication } from './authentication.ts';
import {
  answerSettings,
  foresightSettings,
  ingestSettings,
  monitoringListenerSettings,
  monitoringSettings,
  pagesSettings,
  routingSettings,
  serverSettings,
  tlsSettings,
} from './front-settings.ts';
import { addressOf, explainListenError, isLocal, urlOf } from './listening.ts';
import { openPage, type Page } from './page/open-page.ts';
import { StartError } from './start-error.ts';

/** Of the memory for bodies, the pool has this part at most: what is used of it once stays with the process. */
const POOLED_SHARE = 2;

export class Front {
  readonly #settings: Settings;
  readonly #watch: Watch;
  readonly #authentication: Authentication | undefined;
  readonly #tls: TlsFiles | undefined;
  readonly #routing: Routing;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #accessLog: FrequentLines;
  readonly #tracing: Tracing | undefined;
  #http: HttpServer | undefined;
  #monitoring: Monitoring | undefined;
  #monitoringListener: MonitoringListener | undefined;
  #page: Page | undefined;

  private constructor(
    settings: Settings,
    watch: Watch,
    authentication: Authentication | undefined,
    tls: TlsFiles | undefined,
    routing: Routing,
    metrics: Metrics,
    log: Logger,
    accessLog: FrequentLines,
    tracing: Tracing | undefined,
  ) {
    this.#settings = settings;
    this.#watch = watch;
    this.#authentication = authentication;
    this.#tls = tls;
    this.#routing = routing;
    this.#metrics = metrics;
    this.#log = log;
    this.#accessLog = accessLog;
    this.#tracing = tracing;
  }

  /**
   * Sets up the authentication, reads the certificate and the routing rules. It does not listen yet. `watch` hears of
   * each outcome.
   * @throws {StartError} for a problem that an operator can repair.
   */
  static async open(
    settings: Settings,
    watch: Watch,
    metrics: Metrics,
    log: Logger,
    accessLog: FrequentLines,
    tracing?: Tracing,
  ): Promise<Front> {
    await using opened = new AsyncDisposableStack();
    const authentication = await openAuthentication(settings, metrics, log);
    opened.defer(() => authentication?.close());
    const tls = openTls(settings, metrics, log);
    const routing = openRouting(settings, metrics, log);
    opened.move();
    return new Front(settings, watch, authentication, tls, routing, metrics, log, accessLog, tracing);
  }

  /**
   * Listens, and hands the events that come to the delivery. Resolves to the addresses, in words for the log: that of
   * the events first, then that of monitoring, if it has one of its own. `shown` are the settings that the page shows.
   * @throws {StartError} if it cannot listen there.
   */
  async listen(
    delivery: EventDelivery & DeliveryStatus,
    shown: readonly ShownSetting[],
  ): Promise<readonly [events: string, monitoring?: string]> {
    const { server } = this.#settings;
    const listener = serverSettings(this.#settings, this.#tls, this.#routing.topics.length);
    this.#metrics.maxConnections.set(listener.maxConnections);
    const parts = this.#parts(delivery, listener.clientOf);
    this.#monitoring = parts.monitoring;
    this.#page = await openPage(this.#settings, shown, {
      watch: this.#watch,
      delivery,
      metrics: this.#metrics,
      monitoring: parts.monitoring,
      clientOf: listener.clientOf,
      hostsOf: listener.hostsOf,
      authentication: this.#authentication,
      problems: () => this.#problems(),
    });
    // First: `close` closes this listener, whatever fails after it.
    const monitoring = await this.#listenForMonitoring(parts);
    const http = this.#build(delivery, listener, parts);
    this.#http = http;
    this.#tls?.follow((context) => http.renewTls(context));
    try {
      const address = addressOf(server, await http.listen());
      if (listener.maxConnections < server.maxConnections)
        this.#warnOfFewConnections(listener.maxConnections);
      return monitoring === undefined ? [address] : [address, monitoring];
    } catch (error) {
      const reason = explainListenError(error);
      throw new StartError(`cannot listen on ${addressOf(server)}: ${reason}`, { cause: error });
    }
  }

  /** Brings the topics of the routing rules into use, now and whenever the rules change. */
  useTopics(delivery: TopicUse): void {
    this.#routing.followTopics((topics) => delivery.use(topics));
  }

  /** Warns if every client may post events and the proxy does not listen on this machine only. */
  warn(): void {
    const { server } = this.#settings;
    if (!this.#authentication && !isLocal(server)) {
      this.#log.warn(`SENDERS ARE NOT CHECKED: everyone who reaches ${server.host} may post events`);
    }
  }

  /** Reads the senders file, the certificates and the file of routing rules again. Returns the names of those that are invalid; the log says why. */
  reload(): readonly string[] {
    const invalid: string[] = [];
    if (this.#authentication?.senders.reload() === false) invalid.push('the senders file');
    if (this.#tls?.reload() === false) invalid.push('the certificates');
    if (!this.#routing.reload()) invalid.push('the file of routing rules');
    return invalid;
  }

  /** From now on `/monitoring/ready` answers 503. Everything else goes on. */
  announceStop(): void {
    this.#monitoring?.stop();
  }

  /**
   * Takes no new connections, and answers the requests in flight. Idle connections stay for `idleMs` milliseconds.
   * After `timeoutMs` milliseconds it cuts all connections. It ends the streams of the page first.
   */
  async stop(idleMs: number, timeoutMs: number): Promise<void> {
    this.#page?.close();
    await this.#http?.stop(idleMs, timeoutMs);
  }

  /** Closes the authentication, the routing, and the listener for monitoring. */
  async close(): Promise<void> {
    this.#page?.close();
    this.#monitoringListener?.close();
    this.#routing.close();
    await this.#authentication?.close();
  }

  /** What is wrong with what the front depends on. */
  #problems(): readonly string[] {
    const routing = this.#routing.problem;
    const authentication = Object.entries(this.#authentication?.problems() ?? {});
    return [
      ...authentication.map(([name, problem]) => `${name}: ${problem}`),
      ...(routing === undefined ? [] : [`routing rules: ${routing}`]),
    ];
  }

  #parts(delivery: DeliveryStatus, clientOf: ClientOf): MonitoringListenerParts {
    const metrics = this.#metrics;
    const observer = new Observer(metrics, this.#log, this.#accessLog, systemTime, this.#watch);
    const memory = new AnswerMemory(this.#settings.server.maxAnswerMemory, metrics.answerMemoryBytes);
    const answers = new Answers(answerSettings(this.#settings), observer, memory);
    const authenticationProblems = this.#authentication?.problems;
    const routingProblem = () => this.#routing.problem;
    const monitored = { delivery, authenticationProblems, routingProblem, metrics, observer, clientOf };
    const monitoring = new Monitoring(monitoringSettings(this.#settings), monitored);
    return { monitoring, answers, observer };
  }

  async #listenForMonitoring(parts: MonitoringListenerParts): Promise<string | undefined> {
    const settings = monitoringListenerSettings(this.#settings);
    if (!settings) return undefined;
    const { host, port } = settings;
    const listener = new MonitoringListener(settings, { ...parts, overview: this.#page?.onMonitoring });
    try {
      const address = urlOf('http', host, await listener.listen());
      this.#monitoringListener = listener;
      return address;
    } catch (error) {
      const names = { host: 'server.monitoring.host', port: 'server.monitoring.port' };
      const reason = explainListenError(error, names);
      throw new StartError(`cannot listen on ${urlOf('http', host, port)}: ${reason}`, { cause: error });
    }
  }

  #build(
    delivery: EventDelivery,
    listener: ServerSettings,
    { monitoring, answers, observer }: MonitoringListenerParts,
  ): HttpServer {
    const settings = this.#settings;
    const metrics = this.#metrics;
    const turns = new Turns(systemTime);
    const foresight = new Foresight(foresightSettings(settings), turns, systemTime.monotonic);
    const ingest = new Ingest(
      ingestSettings(settings),
      delivery,
      observer,
      systemTime.wall,
      turns,
      this.#routing,
      foresight,
    );
    const { maxRequestSize: maxBytes } = settings.producer;
    const memory = new BodyMemory(settings.server.maxBodyMemory, systemTime, metrics.bodyMemoryBytes);
    const maxPooled = settings.server.maxBodyMemory / POOLED_SHARE;
    const lend = (bytes: number) => textPool.take(bytes, maxPooled);
    const limits = { maxBytes, memory, lend };
    const batches = new BatchRoom(settings.server.maxBodyMemory, MAX_ELEMENTS, systemTime);
    const events = new EventHandler(this.#authentication, limits, batches, ingest, answers, observer, turns);
    const overview = this.#page?.overview;
    const pages = pageListener(
      pagesSettings(settings),
      { monitoring, overview, answers, observer },
      async () => {
        // Fastify is large, and most proxies never show a page.
        const { createPages } = await import('../http/pages/pages.ts');
        const { clientOf } = listener;
        const senderOf = (request: IncomingMessage) => events.senderOf(request);
        return createPages(pagesSettings(settings), { answers, observer, clientOf, senderOf });
      },
    );
    const watching = () => this.#page?.watching ?? 0;
    return new HttpServer(listener, {
      events,
      pages,
      watching,
      answers,
      observer,
      metrics,
      log: this.#log,
      tracing: this.#tracing,
    });
  }

  #warnOfFewConnections(possible: number): void {
    const { maxConnections } = this.#settings.server;
    this.#log.warn(
      `only ${possible} clients can be connected at once, not ${maxConnections}: raise "ulimit -n"`,
    );
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

function openRouting(settings: Settings, metrics: Metrics, log: Logger): Routing {
  try {
    return new Routing(routingSettings(settings), metrics, log);
  } catch (error) {
    throw new StartError(`cannot route events: ${settings.routing.file}: ${errorText(error)}`, {
      cause: error,
    });
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
