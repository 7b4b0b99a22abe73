/** One process of the proxy, from an arrival on: the real pipeline, delivery, spool and producer in a simulated world. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';
import { pino } from 'pino';
import type { Logger } from '../../src/log.ts';
import { Delivery } from '../../src/delivery/delivery.ts';
import { Producer } from '../../src/kafka/producer/producer.ts';
import { RuleList } from '../../src/config/schema/routing-rule.ts';
import type { Consumer } from '../../src/openlineage/consumers/consumer.ts';
import type { CheckLevel } from '../../src/openlineage/levels/level.ts';
import type { Codecs, CompressionName } from '../../src/kafka/wire/compression.ts';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import { Ingest, type Ingested } from '../../src/pipeline/ingest.ts';
import { Foresight } from '../../src/pipeline/foresight.ts';
import { Observer } from '../../src/pipeline/observer.ts';
import { Routing, type RulesFiles } from '../../src/routing/routing.ts';
import { Spool } from '../../src/spool/spool.ts';
import { Turns } from '../../src/support/turns.ts';
import { ClusterClient } from './cluster/cluster-client.ts';
import type { FoundEvent } from './duplicates/found-events.ts';
import { copying } from './observation/copies.ts';
import { ProcessTime } from './process-time.ts';
import type { World } from './world.ts';

/** Settings that a day varies, and that a restart may change. */
export interface ProxySettings {
  readonly mainTopic: string;
  readonly deadLetterTopic: string;
  readonly compression: CompressionName;
  readonly partitioner: 'murmur2' | 'crc32';
  readonly maxBatchBytes: number;
  readonly queueBytes: number;
  readonly spoolBytes: number;
  readonly segmentBytes: number;
  readonly spoolAfterMs: number;
  readonly spoolMaxAgeMs: number;
  readonly requestTimeoutMs: number;
  readonly metadataMaxAgeMs: number;
  readonly invalid: 'reject' | 'dead-letter';
  readonly timestamp: 'event-time' | 'arrival';
  readonly checkLevel: CheckLevel;
  readonly consumers: readonly Consumer[];
  /** The senders whose events go to the topic of copies, too. */
  readonly copied: readonly string[];
}

/** A line of the process's log. */
export interface LogLine {
  readonly at: number;
  readonly level: number;
  readonly msg: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** The proxy's own codecs, all in this thread: simulated time does not wait for another one. */
const codecs: Codecs = {
  gzip: { attributes: 1, compress: (records) => gzipSync(records) },
  snappy: { attributes: 2, compress: compressionsAlgorithms.snappy.compressSync },
  lz4: { attributes: 3, compress: compressionsAlgorithms.lz4.compressSync },
  zstd: { attributes: 4, compress: (records) => zstdCompressSync(records) },
};

const RETRY_BACKOFF_MS = 100;

export class ProxyProcess {
  readonly number: number;
  readonly settings: ProxySettings;
  readonly time: ProcessTime;
  readonly client: ClusterClient;
  readonly metrics: Metrics = createMetrics();
  readonly log: LogLine[] = [];
  readonly delivery: Delivery;
  readonly #world: World;
  readonly #producer: Producer;
  readonly #spool: Spool;
  readonly #ingest: Ingest;
  readonly #routing: Routing | undefined;
  /** The rules that were in force, the last are. Empty on a day without rules. */
  readonly rules: RuleList[] = [];
  /** Resolves when the process is dead. */
  readonly #death = Promise.withResolvers<'lost'>();
  /** Requests without an answer. */
  unanswered = 0;
  /** When it has started, on the monotonic clock. */
  readonly startedAt: number;
  /** The undelivered events that an earlier process has left on disk. */
  readonly found: readonly FoundEvent[];
  /** What its metric of possible duplicates says of these, before it does anything. */
  countedAtStart = 0;
  /** What it did since then may have no mark on disk. On the monotonic clock. */
  unmarkedSince = Number.POSITIVE_INFINITY;
  /** When its stop has begun, on the monotonic clock. */
  stoppingSince = Number.POSITIVE_INFINITY;

  private constructor(
    world: World,
    number: number,
    settings: ProxySettings,
    time: ProcessTime,
    spool: Spool,
    log: LogLine[],
    found: readonly FoundEvent[],
  ) {
    this.#world = world;
    this.startedAt = world.time.monotonic.now();
    this.found = found;
    this.number = number;
    this.settings = settings;
    this.time = time;
    this.#spool = spool;
    this.log = log;
    const logger = pino(
      { level: 'info', base: null, timestamp: false },
      { write: (text: string) => void log.push(lineOf(text, world.time.monotonic.now())) },
    );
    this.client = new ClusterClient(
      world.cluster,
      world.network,
      world.time,
      time,
      world.random('client'),
      world.random('order of answers'),
      settings.requestTimeoutMs,
    );
    const random = world.random('producer');
    this.#producer = new Producer(
      {
        bootstrapServers: world.cluster.brokers.map(({ address }) => address),
        topics: [settings.mainTopic],
        compression: settings.compression,
        partitioner: settings.partitioner,
        maxBatchBytes: settings.maxBatchBytes,
        retryBackoffMs: RETRY_BACKOFF_MS,
        metadataMaxAgeMs: settings.metadataMaxAgeMs,
      },
      {
        brokers: this.client,
        time,
        random: () => random.below(1_000_000) / 1_000_000,
        codecs,
        metrics: this.metrics,
        log: logger,
      },
    );
    this.delivery = new Delivery(
      {
        topics: [settings.mainTopic],
        deadLetterTopic: settings.deadLetterTopic,
        maxBytes: settings.queueBytes,
        spoolAfterMs: settings.spoolAfterMs,
        spoolMaxAgeMs: settings.spoolMaxAgeMs,
      },
      this.#producer,
      spool,
      this.metrics,
      logger,
      time,
    );
    const observer = new Observer(this.metrics, logger, undefined, new ProcessTime(world.time, 0));
    const turns = new Turns(time);
    this.#routing = world.rules && this.#openRouting(world.rules.seenBy(time), logger);
    this.#routing?.followTopics((topics) => this.delivery.use(topics));
    const { checkLevel, consumers } = settings;
    const foresight = new Foresight({ checkLevel, consumers }, turns, time.monotonic);
    this.#ingest = new Ingest(
      {
        mainTopic: settings.mainTopic,
        malformedTopic: settings.deadLetterTopic,
        checkLevel,
        invalid: settings.invalid,
        timestamp: settings.timestamp,
      },
      copying(this.delivery, settings.copied, settings.mainTopic),
      observer,
      time.wall,
      turns,
      this.#routing,
      this.isLevelled ? foresight : undefined,
    );
  }

  /** Starts a process on the world's disk, where an earlier one has left these events. Rejects if the spool cannot be opened. */
  static async start(
    world: World,
    number: number,
    settings: ProxySettings,
    found: readonly FoundEvent[],
  ): Promise<ProxyProcess> {
    const time = new ProcessTime(world.time, world.wallOffsetMs);
    const random = world.random('segments');
    const log: LogLine[] = [];
    // As the program does: nothing is open yet.
    world.rules?.read(settings.deadLetterTopic);
    const spool = await Spool.open(
      { path: '/spool', maxBytes: settings.spoolBytes, segmentBytes: settings.segmentBytes },
      ({ path, events, reason }) =>
        void log.push({
          at: world.time.monotonic.now(),
          level: 50,
          msg: `damaged: ${reason}`,
          members: { path, events },
        }),
      { disk: world.disk, time, randomSeed: () => random.below(2 ** 32) },
    );
    const process = new ProxyProcess(world, number, settings, time, spool, log, found);
    process.countedAtStart = await process.possibleDuplicates();
    void process.#producer.start();
    return process;
  }

  /** What its metric says now. */
  async possibleDuplicates(): Promise<number> {
    return (await this.metrics.duplicatesPossible.get()).values[0]?.value ?? 0;
  }

  /** Resolves when the process is killed. */
  get death(): Promise<'lost'> {
    return this.#death.promise;
  }

  /** Does it matter what is in an event? */
  get isLevelled(): boolean {
    return this.settings.checkLevel !== 'core' || this.settings.consumers.length > 0;
  }

  get spool(): Spool {
    return this.#spool;
  }

  /** Takes an event. `lost`: the process died first. */
  async take(arrival: Arrival, bytes: Buffer): Promise<Ingested | 'lost'> {
    if (this.time.isDead) return 'lost';
    this.unanswered += 1;
    const answered = this.#ingest.take(arrival, bytes).finally(() => (this.unanswered -= 1));
    return Promise.race([answered, this.#death.promise]);
  }

  /** Stops as on SIGTERM, within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stoppingSince = this.#world.time.monotonic.now();
    const deadline = this.stoppingSince + graceMs;
    this.delivery.hurry();
    this.#routing?.close();
    await this.delivery.stop();
    await this.#producer.close(Math.max(500, deadline - this.#world.time.monotonic.now()));
    await this.#spool.close();
  }

  #openRouting(files: RulesFiles, log: Logger): Routing {
    const { deadLetterTopic } = this.settings;
    const read: RulesFiles['read'] = (path) => {
      const version = files.read(path, deadLetterTopic);
      this.rules.push(version.list);
      return version;
    };
    const settings = { list: new RuleList([], []), file: '/rules.yaml', deadLetterTopic };
    return new Routing(settings, this.metrics, log, {
      read,
      watch: (paths, onChange) => files.watch(paths, onChange),
    });
  }

  /** Was it killed? Then answers may not have reached their senders. */
  isKilled = false;

  /** Kills the process at once. Its senders hear nothing. */
  kill(): void {
    this.isKilled = true;
    this.time.kill();
    this.client.kill();
    this.#death.resolve('lost');
  }
}

function lineOf(text: string, at: number): LogLine {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) throw new Error('a log line is not an object');
  const members = Object.fromEntries(Object.entries(parsed));
  const { level, msg } = members;
  return {
    at,
    level: typeof level === 'number' ? level : 0,
    msg: typeof msg === 'string' ? msg : '',
    members,
  };
}
