/**
 * The core: what a proxy has one of, however many clients and threads there are. The delivery, the producer and the spool. It knows no
 * request.
 */
import type { Logger } from 'pino';
import { setEnvironmentVariable } from '../config/sources/environment.ts';
import type { Settings } from '../config/schema/schema.ts';
import { Delivery } from '../delivery/delivery.ts';
import { GssapiLogin, GssapiUnavailableError } from '../kafka/login/gssapi.ts';
import { securityWarnings } from '../kafka/login/security.ts';
import { Producer } from '../kafka/producer/producer.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Spool } from '../spool/spool.ts';
import type { DamageReport } from '../spool/topic-log.ts';
import { errorText } from '../support/error-text.ts';
import { deliverySettings, producerSettings } from './core-settings.ts';
import { StartError } from './start-error.ts';

/** Milliseconds to wait for Kafka's last answers, also when the time to stop is up. */
const LAST_ANSWERS_MS = 500;

/** Milliseconds before it is worth a log line that Kafka cannot be written to: a topic may have been created a moment ago. */
const ACQUAINTANCE_MS = 2000;

export class Core {
  readonly delivery: Delivery;
  readonly #settings: Settings;
  readonly #producer: Producer;
  readonly #log: Logger;
  readonly #opened: AsyncDisposableStack;
  #reportTimer: NodeJS.Timeout | undefined;

  private constructor(
    settings: Settings,
    producer: Producer,
    delivery: Delivery,
    log: Logger,
    opened: AsyncDisposableStack,
  ) {
    this.#settings = settings;
    this.#producer = producer;
    this.delivery = delivery;
    this.#log = log;
    this.#opened = opened;
  }

  /**
   * Opens the spool, and what a login to Kafka needs. Kafka itself need not be there.
   * @throws {StartError} for what an operator can mend.
   */
  static async open(settings: Settings, metrics: Metrics, log: Logger): Promise<Core> {
    for (const warning of securityWarnings(settings.kafka.security)) log.warn(warning);
    await using opened = new AsyncDisposableStack();
    const gssapi = await openGssapi(settings, log);
    opened.defer(() => gssapi?.close());
    const spool = await openSpool(settings, metrics, log);
    opened.defer(() => spool.close());
    const producer = new Producer(producerSettings(settings, gssapi), metrics, log);
    const delivery = new Delivery(deliverySettings(settings), producer, spool, metrics, log);
    return new Core(settings, producer, delivery, log, opened.move());
  }

  /** Begins to look for Kafka. A problem that lasts is told in the log. */
  start(): void {
    void this.#producer.start();
    this.#reportTimer = setTimeout(() => this.#reportProblems(), ACQUAINTANCE_MS);
  }

  /** The end is near: what Kafka does not acknowledge soon goes to disk, however patient the settings are. */
  hurry(): void {
    clearTimeout(this.#reportTimer);
    this.delivery.hurry();
  }

  /** Puts what Kafka does not have into the spool, waits for Kafka's last answers until `deadline` (of `performance.now()`), closes all. */
  async stop(deadline: number): Promise<void> {
    clearTimeout(this.#reportTimer);
    await this.delivery.stop();
    // A batch in flight may still be acknowledged, and then need not be sent again after the next start.
    await this.#producer.close(Math.max(LAST_ANSWERS_MS, deadline - performance.now()));
    const { spooledEvents: events } = this.delivery;
    await this.#opened.disposeAsync();
    if (events > 0) {
      const { path } = this.#settings.spool;
      this.#log.info({ events, path }, 'events stay in the spool, for the next start');
    }
  }

  /** Gives up before anything was taken. */
  async abandon(): Promise<void> {
    clearTimeout(this.#reportTimer);
    await this.delivery.stop();
    await this.#producer.close(0);
    await this.#opened.disposeAsync();
  }

  #reportProblems(): void {
    const { bootstrapServers } = this.#settings.kafka;
    for (const { topic } of this.delivery.topics) {
      const problem = this.#producer.takeProblem(topic);
      if (problem === undefined) continue;
      const { problemDetail: detail } = this.#producer;
      if (bootstrapServers.length === 0) this.#log.warn(`${problem}: events stay in the spool`);
      else {
        const brokers = bootstrapServers.join(', ');
        this.#log.error({ topic, detail }, `Kafka at ${brokers} cannot be written to: ${problem}`);
      }
    }
  }
}

async function openGssapi({ kafka: { security } }: Settings, log: Logger): Promise<GssapiLogin | undefined> {
  if (security.type !== 'GSSAPI' || security.principal === undefined) return undefined;
  const { principal, realm, keytab, password, serviceName, refreshIntervalSeconds } = security;
  const refreshIntervalMs = refreshIntervalSeconds * 1000;
  const login = { principal, realm, keytab, password, serviceName, refreshIntervalMs };
  try {
    return await GssapiLogin.open(login, setEnvironmentVariable, log);
  } catch (error) {
    if (!(error instanceof GssapiUnavailableError)) throw error;
    throw new StartError(error.message, { cause: error });
  }
}

async function openSpool({ spool }: Settings, metrics: Metrics, log: Logger): Promise<Spool> {
  const report = ({ path, events, reason }: DamageReport) => {
    metrics.spoolDamaged.inc(events);
    log.error({ path, events, reason }, 'events in the spool cannot be read: their file is set aside');
  };
  try {
    return await Spool.open({ path: spool.path, maxBytes: spool.maxBytes }, report);
  } catch (error) {
    throw new StartError(
      `cannot keep events in ${spool.path}: ${errorText(error)}. Choose another folder: --spool-path, or HTTP2KAFKA__SPOOL__PATH.`,
      { cause: error },
    );
  }
}
