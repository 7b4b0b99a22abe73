/**
 * `http2kafka serve`: the composition root. Builds the parts, starts them in order, and stops them in the reverse.
 */
import { BlockList, isIP } from 'node:net';
import type { Logger } from 'pino';
import type { Settings } from '../config/schema/schema.ts';
import { Delivery } from '../delivery/delivery.ts';
import { Answers } from '../http/answer.ts';
import { takeBatch } from '../http/events/batch.ts';
import { Door } from '../http/events/door.ts';
import { BodyMemory } from '../http/events/body-memory.ts';
import { Ingest } from '../pipeline/ingest.ts';
import { lazily } from '../http/pages/lazy-listener.ts';
import { HttpServer, type EventHandler } from '../http/server.ts';
import { takeSingle } from '../http/events/single.ts';
import type { GssapiLogin } from '../kafka/login/gssapi.ts';
import { Producer } from '../kafka/producer/producer.ts';
import { securityWarnings } from '../kafka/login/security.ts';
import { createLogger } from '../log.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { version } from '../version.ts';
import { openFoundations, StartError } from '../proxy/foundations.ts';
import { pagesSettings, serverSettings } from '../proxy/server-settings.ts';

/** Addresses that only this machine reaches. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Java's clients reuse a connection up to 5 s old, and lose the event when it is closed under it. */
const REUSE_MS = 5000;

/** Milliseconds to wait for Kafka's last answers, also when the time to stop is up; and at most, for one who presses Ctrl-C. */
const LAST_ANSWERS_MS = 500;
const IMPATIENT_MS = 2000;

/** Milliseconds before it is worth a line that Kafka cannot be written to: a topic may only just be made. */
const ACQUAINTANCE_MS = 2000;

/** Runs the proxy until it is told to stop. Sets the exit code, and never rejects for what an operator can mend. */
export async function serve(settings: Settings, notices: readonly string[]): Promise<void> {
  const { debug } = settings.server;
  const log = createLogger(debug ? { ...settings.logging, level: 'debug' } : settings.logging);
  for (const notice of notices) log.info(notice);
  for (const warning of securityWarnings(settings.kafka.security)) log.warn(warning);
  const metrics = createMetrics();

  const foundations = await openFoundations(settings, metrics, log).catch((error: unknown) => {
    if (!(error instanceof StartError)) throw error;
    log.fatal(error.message);
    process.exitCode = 1;
  });
  if (!foundations) return;
  const { authentication, tls, gssapi, spool } = foundations;
  const producer = new Producer(producerSettings(settings, gssapi), metrics, log);
  const delivery = new Delivery(deliverySettings(settings), producer, spool, metrics, log);
  const { server } = settings;
  const answers = new Answers(
    {
      requestIdHeader: server.requestId.enabled ? server.requestId.headerName : undefined,
      versionHeader: server.applicationVersion.enabled ? server.applicationVersion.headerName : undefined,
      version,
      headers: server.headers.map(splitHeader),
    },
    metrics,
    log,
  );
  const ingest = new Ingest(ingestSettings(settings), delivery, metrics, log);
  const limits = { maxBytes: settings.producer.maxRequestSize, memory: new BodyMemory(server.maxBodyMemory) };
  const door = authentication && new Door(authentication, answers, metrics, log);
  const guarded = (handler: EventHandler) => door?.guard(handler) ?? handler;
  const single = guarded((exchange) => takeSingle(exchange, ingest, answers, limits));
  const batch = guarded((exchange) => takeBatch(exchange, ingest, answers, limits));
  const eventPaths = new Map([
    ['/api/v1/lineage', single],
    ['/v1/openlineage', single],
    // Java clients given `http://host:port/` post there (a trailing slash makes it the whole path).
    ['/', single],
    ['/api/v1/lineage/batch', batch],
  ]);
  const pages = lazily(async () => {
    const { createPages } = await import('../http/pages/pages.ts');
    return createPages(pagesSettings(settings), delivery, authentication?.problems, metrics, answers, log);
  });
  const listenerSettings = serverSettings(settings, tls);
  const http = new HttpServer(listenerSettings, eventPaths, pages, answers, metrics, log);

  tls?.follow((context) => http.renewTls(context));

  void producer.start();
  let address: string | number;
  try {
    address = await http.listen();
  } catch (error) {
    log.fatal(`cannot listen on ${listening(settings)}: ${explainListenError(error)}`);
    await delivery.stop();
    await producer.close(0);
    await foundations.close();
    process.exitCode = 1;
    return;
  }
  // Before it is said that the proxy is up: whoever waits for that may stop it at once.
  const toldToStop = stopSignal();
  log.info(`http2kafka ${version} listens on ${listening(settings, address)}`);
  if (!authentication) warnOfOpenDoor(settings, log);
  if (listenerSettings.maxConnections < server.maxConnections) {
    log.warn(
      `only ${listenerSettings.maxConnections} clients can be connected at once, not ${server.maxConnections}: raise "ulimit -n"`,
    );
  }
  const sayIfAway = setTimeout(() => sayWhatIsWrong(settings, producer, log), ACQUAINTANCE_MS);

  const signal = await toldToStop;
  clearTimeout(sayIfAway);
  log.info(`${signal}: finishing what is in hand`);
  const graceMs = server.gracefulShutdownTimeoutS * 1000;
  // Somebody who presses Ctrl-C wants it to end; an orchestrator's SIGTERM wants no event lost.
  const deadline = performance.now() + graceMs;
  delivery.hurry();
  await http.stop(signal === 'SIGINT' ? 0 : Math.min(REUSE_MS, graceMs), graceMs);
  await delivery.stop();
  // What is away may still be acknowledged, and need not be sent again after the next start.
  const left = Math.max(LAST_ANSWERS_MS, deadline - performance.now());
  await producer.close(signal === 'SIGINT' ? Math.min(left, IMPATIENT_MS) : left);
  const { spooledEvents: events } = delivery.status;
  await foundations.close();
  if (events > 0)
    log.info({ events, path: settings.spool.path }, 'events stay in the spool, for the next start');
  log.info('stopped');
}

function sayWhatIsWrong({ kafka, producer: { mainTopic } }: Settings, producer: Producer, log: Logger): void {
  const problem = producer.takeProblem(mainTopic);
  if (problem === undefined) return;
  const { problemDetail: detail } = producer;
  if (kafka.bootstrapServers.length === 0) log.warn(`${problem}: events stay in the spool`);
  else
    log.error({ detail }, `Kafka at ${kafka.bootstrapServers.join(', ')} cannot be written to: ${problem}`);
}

function deliverySettings({ producer, queue, spool }: Settings): ConstructorParameters<typeof Delivery>[0] {
  return {
    mainTopic: producer.mainTopic,
    malformedTopic: producer.malformedTopic,
    maxBytes: queue.maxBytes,
    spoolAfterMs: spool.after,
    spoolMaxAgeMs: spool.maxAge,
  };
}

function producerSettings(
  { kafka, producer }: Settings,
  gssapi: GssapiLogin | undefined,
): ConstructorParameters<typeof Producer>[0] {
  return {
    bootstrapServers: kafka.bootstrapServers,
    clientId: kafka.clientId,
    connectTimeoutMs: kafka.connectTimeoutMs,
    requestTimeoutMs: kafka.requestTimeoutMs,
    connectionsMaxIdleMs: kafka.connectionsMaxIdleMs,
    security: kafka.security,
    gssapi: gssapi?.authenticate,
    mainTopic: producer.mainTopic,
    compression: kafka.compression,
    partitioner: kafka.partitioner,
    maxBatchBytes: producer.maxBatchSize,
    retryBackoffMs: kafka.retryBackoffMs,
    metadataMaxAgeMs: kafka.metadataMaxAgeMs,
  };
}

function ingestSettings({ producer, check }: Settings): ConstructorParameters<typeof Ingest>[0] {
  return {
    routing: { mainTopic: producer.mainTopic, malformedTopic: producer.malformedTopic },
    checkLevel: check.level,
    invalid: check.invalid,
    timestamp: producer.timestamp,
  };
}

function splitHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

function listening({ server }: Settings, address: string | number = server.port): string {
  if (server.uds !== undefined) return server.uds;
  const host = server.host.includes(':') ? `[${server.host}]` : server.host;
  return `${server.sslCertfile === undefined ? 'http' : 'https'}://${host}:${address}`;
}

function explainListenError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'another program listens there. Stop it, or choose another --port.';
  if (code === 'EACCES') return 'not allowed. Ports below 1024 need privileges; choose another --port.';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address. Choose another --host.';
  return error instanceof Error ? error.message : String(error);
}

/** Can only this machine connect? The whole of 127/8 is loopback (RFC 1122 §3.2.1.3). */
function isLocal({ uds, host }: Settings['server']): boolean {
  if (uds !== undefined || host.toLowerCase() === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

function warnOfOpenDoor({ server }: Settings, log: Logger): void {
  if (!isLocal(server))
    log.warn(`SENDERS ARE NOT CHECKED: everyone who reaches ${server.host} may post events`);
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = true;
    const stop = (signal: NodeJS.Signals) => {
      // A second signal is somebody who does not want to wait.
      if (!first) process.exit(1);
      first = false;
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
