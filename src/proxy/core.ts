/**
 * The core: the delivery, the producer and the spool. A proxy has one core, however many clients and threads it has.
 * The core knows no request.
 */
import type { Logger } from '../log.ts';
import { setEnvironmentVariable } from '../config/sources/environment.ts';
import type { Settings } from '../config/schema/schema.ts';
import { Delivery } from '../delivery/delivery.ts';
import { VERSION } from '../delivery/spooled-record.ts';
import { GssapiLogin, GssapiUnavailableError } from '../kafka/login/gssapi.ts';
import { securityWarnings } from '../kafka/login/security.ts';
import { openProducer } from '../kafka/producer/open-producer.ts';
import type { Producer } from '../kafka/producer/producer.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { NewerFormat } from '../spool/newer-format.ts';
import { Spool } from '../spool/spool.ts';
import type { DamageReport } from '../spool/topic-log.ts';
import { systemTime } from '../support/time.ts';
import type { Tracing } from '../tracing/port.ts';
import { errorText, isForbidden, ownUser } from '../support/error-text.ts';
import { deliverySettings, producerSettings } from './core-settings.ts';
import { ControlServer, type Controlled } from './control/control-server.ts';
import { StartError } from './start-error.ts';

/** Milliseconds to wait for Kafka's last answers, even if the time limit for stopping has passed. */
const LAST_ANSWERS_MS = 500;

/** Milliseconds from the start to the first report of a problem with Kafka. A topic may have just been created. */
const FIRST_REPORT_MS = 2000;

export class Core {
  readonly delivery: Delivery;
  readonly #settings: Settings;
  readonly #producer: Producer;
  /** Undefined if the spool folder takes no socket. */
  readonly #control: ControlServer | undefined;
  readonly #log: Logger;
  readonly #opened: AsyncDisposableStack;
  #reportTimer: NodeJS.Timeout | undefined;

  private constructor(
    settings: Settings,
    producer: Producer,
    delivery: Delivery,
    control: ControlServer | undefined,
    log: Logger,
    opened: AsyncDisposableStack,
  ) {
    this.#settings = settings;
    this.#producer = producer;
    this.delivery = delivery;
    this.#control = control;
    this.#log = log;
    this.#opened = opened;
  }

  /**
   * Opens the spool and, for a login by Kerberos, the ticket. Kafka itself may be unavailable. `outcomes` is what commands
   * can read of the front.
   * @throws {StartError} for a problem that an operator can repair.
   */
  static async open(
    settings: Settings,
    metrics: Metrics,
    log: Logger,
    outcomes?: Controlled['outcomes'],
    tracing?: Tracing,
  ): Promise<Core> {
    for (const warning of securityWarnings(settings.kafka.security)) log.warn(warning);
    await using opened = new AsyncDisposableStack();
    const gssapi = await openGssapi(settings, log);
    opened.defer(() => gssapi?.close());
    const spool = await openSpool(settings, metrics, log);
    opened.defer(() => spool.close());
    const producer = openProducer(producerSettings(settings, gssapi), metrics, log);
    const delivery = new Delivery(
      deliverySettings(settings),
      producer,
      spool,
      metrics,
      log,
      systemTime,
      tracing,
    );
    const control = await ControlServer.open(
      settings.spool.path,
      { parked: delivery.parkedControl, delivery, outcomes },
      log,
    );
    opened.defer(() => control?.close());
    return new Core(settings, producer, delivery, control, log, opened.move());
  }

  /** Starts to connect to Kafka. Logs a problem that lasts `FIRST_REPORT_MS`. */
  start(): void {
    void this.#producer.start();
    this.#reportTimer = setTimeout(() => this.#reportProblems(), FIRST_REPORT_MS);
  }

  /**
   * Prepares for the stop. Records that Kafka does not acknowledge soon go to the spool, whatever `spool.after` says.
   */
  hurry(): void {
    clearTimeout(this.#reportTimer);
    this.delivery.hurry();
  }

  /**
   * Writes the records that Kafka does not have to the spool, waits for Kafka's last answers, and closes everything.
   * `deadline` is a time of `performance.now()` in milliseconds; it waits for `LAST_ANSWERS_MS` at least.
   */
  async stop(deadline: number): Promise<void> {
    clearTimeout(this.#reportTimer);
    // Otherwise the delivery would wait for a command, and that for its client.
    await this.#control?.close();
    await this.delivery.stop();
    // If Kafka still acknowledges a batch in flight, it is not sent again after the next start.
    await this.#producer.close(Math.max(LAST_ANSWERS_MS, deadline - performance.now()));
    const { spooledEvents: events } = this.delivery;
    await this.#opened.disposeAsync();
    if (events > 0) {
      const { path } = this.#settings.spool;
      this.#log.info({ events, file: path }, 'events stay in the spool, for the next start');
    }
  }

  /** Closes everything after a failed start, before any event was taken. Never rejects: the reason of the failure counts. */
  async abandon(): Promise<void> {
    clearTimeout(this.#reportTimer);
    try {
      await this.delivery.stop();
      await this.#producer.close(0);
      await this.#opened.disposeAsync();
    } catch (error) {
      this.#log.error({ error }, 'the core cannot be closed');
    }
  }

  #reportProblems(): void {
    const { bootstrapServers } = this.#settings.kafka;
    for (const { topic } of this.delivery.topics) {
      const problem = this.#producer.takeProblem(topic);
      if (problem === undefined) continue;
      const detail = this.#producer.detailOf(topic);
      if (bootstrapServers.length === 0) this.#log.warn(`${problem}: events stay in the spool`);
      else {
        const brokers = bootstrapServers.join(', ');
        this.#log.error({ topic, detail }, `Kafka at ${brokers} cannot be written to: ${problem}`);
      }
    }
  }
}

/**
 * The login by Kerberos, with its ticket; undefined for any other login.
 * @throws {StartError} if there is no ticket.
 */
export async function openGssapi(
  { kafka: { security } }: Settings,
  log: Logger,
): Promise<GssapiLogin | undefined> {
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

/** The log line of each kind of report. */
const SPOOL_TROUBLE: Readonly<Record<DamageReport['kind'], string>> = {
  damaged: 'events in the spool cannot be read: their file is set aside',
  unreadable:
    'events in the spool cannot be read: their file stays where it is, and is tried again at the next start',
  lost: 'acknowledged events are lost: someone has removed their file from the spool. If it comes back, the next start delivers them',
  exposed:
    'acknowledged events are in memory only: someone has removed their file from the spool. They are lost if the proxy ends before Kafka has them',
  restored: 'someone has removed or replaced the folder of the spool: it is made again',
};

/** Events of a copy may be in Kafka already: the original has delivered them, or will. */
function reportCopy(spool: Spool, path: string, metrics: Metrics, log: Logger): void {
  const { copyOf } = spool;
  const logs = spool.topics.map((topic) => spool.log(topic));
  const events = logs.reduce((sum, { count }) => sum + count, 0);
  if (!copyOf || events === 0) return;
  // Those without an answer are counted by their topics.
  metrics.duplicatesPossible.inc(events - logs.reduce((sum, { unanswered }) => sum + unanswered, 0));
  const { host, generation, started, spool: id } = copyOf;
  const detail = `spool ${id}, start ${generation} at ${started} on ${host}`;
  log.warn(
    { file: path, events, detail },
    'the spool is a copy of another one, or was moved by copying: its events may be in Kafka twice',
  );
}

async function openSpool({ spool }: Settings, metrics: Metrics, log: Logger): Promise<Spool> {
  const report = ({ kind, path, events, reason }: DamageReport) => {
    if (kind === 'lost') metrics.spoolLost.inc(events);
    else if (kind === 'damaged' || kind === 'unreadable') metrics.spoolDamaged.inc(events);
    log[kind === 'restored' ? 'warn' : 'error']({ file: path, events, reason }, SPOOL_TROUBLE[kind]);
  };
  try {
    const { path, maxBytes } = spool;
    const opened = await Spool.open({ path, maxBytes, payloadVersion: VERSION }, report);
    reportCopy(opened, path, metrics, log);
    return opened;
  } catch (error) {
    if (error instanceof NewerFormat) {
      throw new StartError(`the spool in ${spool.path} is newer than this program: ${error.message}.`, {
        cause: error,
      });
    }
    // The folder may be missing: then the error names the one above it, which must stay as it is.
    const owner = isForbidden(error)
      ? ` ${spool.path} must be a folder of the user ${ownUser()}, who runs the proxy.`
      : '';
    throw new StartError(
      `cannot keep events in ${spool.path}: ${errorText(error)}.${owner} Choose another folder with --spool-path or HTTP2KAFKA__SPOOL__PATH.`,
      { cause: error },
    );
  }
}
