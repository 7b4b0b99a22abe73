/**
 * A Kafka cluster on simulated time: brokers, a controller that elects leaders from in-sync replicas only, topics, and
 * what each broker tells of them, which may be some hundred milliseconds old.
 */
import { sleep } from '../../../src/support/time.ts';
import type { Metadata, PartitionAnswer, TopicMetadata } from '../../../src/kafka/cluster/brokers.ts';
import type { Random } from '../../openlineage/random.ts';
import type { SimulatedTime } from '../../support/simulated-time.ts';
import type { BatchContent } from './batch-content.ts';
import { BROKER_CODES } from './broker-codes.ts';
import { Partition, type Entry } from './partition.ts';

export type BrokerState = 'up' | 'down' | 'silent';

export interface SimulatedBroker {
  readonly node: number;
  readonly address: string;
  state: BrokerState;
  /** Milliseconds that the broker needs for a request, in addition. */
  slowMs: number;
  /** What it tells of the cluster. */
  view: ReadonlyMap<string, TopicMetadata>;
  /** Is called when its connections break. */
  readonly disconnects: Set<() => void>;
}

export interface SimulatedTopic {
  readonly name: string;
  /** Counts the topics of the cluster, from 1. */
  readonly incarnation: number;
  readonly partitions: Partition[];
  readonly configs: Map<string, string>;
  /** May the proxy write to it? */
  isAllowed: boolean;
  /** Codecs that its brokers refuse, and the code of the refusal. */
  refusedCodecs: ReadonlyMap<number, number>;
}

/** The answer for one batch. */
export type BatchAnswer = Pick<PartitionAnswer, 'errorCode' | 'culprits' | 'message'>;

/** How the broker answers the next batches for a topic, in addition to what it does. */
export interface Script {
  readonly topic: string;
  readonly errorCode: number;
  /** The batch is in the log although the answer is an error. */
  readonly isAppended: boolean;
  left: number;
}

export interface ClusterOptions {
  readonly brokers: number;
  readonly replication: number;
  readonly minInSync: number;
  /** Before KIP-360: an unknown producer is refused. Before KIP-1017 (3.6): one limit for record times. */
  readonly isOld: boolean;
  readonly autoCreate: boolean;
  readonly partitions: number;
}

/** The controller notices a dead broker after up to so many milliseconds (`broker.session.timeout.ms`). */
const SESSION_MS = 9000;
/** A replica that does not fetch leaves the in-sync replicas after so many milliseconds. Shorter than Kafka's 30 s. */
const LAG_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Milliseconds until a broker tells of a change. */
const VIEW_LAG_MS = 500;

export class KafkaCluster {
  readonly #time: SimulatedTime;
  readonly #random: Random;
  readonly options: ClusterOptions;
  readonly brokers: SimulatedBroker[] = [];
  readonly topics = new Map<string, SimulatedTopic>();
  /** Committed batches of topics that are deleted. */
  readonly archive: { readonly topic: string; readonly incarnation: number; readonly entry: Entry }[] = [];
  readonly scripts: Script[] = [];
  givesIds = true;
  #commits = 0;
  #created = 0;
  #nextId = 1000n;

  constructor(time: SimulatedTime, random: Random, options: ClusterOptions) {
    this.#time = time;
    this.#random = random;
    this.options = options;
    for (let node = 1; node <= options.brokers; node++) {
      const address = `broker-${node}:9092`;
      this.brokers.push({ node, address, state: 'up', slowMs: 0, view: new Map(), disconnects: new Set() });
    }
  }

  broker(node: number): SimulatedBroker {
    const broker = this.brokers.find((one) => one.node === node);
    if (!broker) throw new Error(`there is no broker ${node}`);
    return broker;
  }

  brokerAt(address: string): SimulatedBroker | undefined {
    return this.brokers.find((one) => one.address === address);
  }

  /** What a broker tells of a topic without settings of its own. */
  get defaultConfigs(): ReadonlyMap<string, string> {
    const unlimited = `${Number.MAX_SAFE_INTEGER}`;
    const times = this.options.isOld
      ? { 'message.timestamp.difference.max.ms': unlimited }
      : { 'message.timestamp.before.max.ms': unlimited, 'message.timestamp.after.max.ms': '3600000' };
    return new Map(Object.entries({ 'max.message.bytes': '1048588', ...times }));
  }

  createTopic(name: string, configs: ReadonlyMap<string, string> = new Map()): void {
    if (this.topics.has(name)) return;
    const topic = {
      name,
      incarnation: ++this.#created,
      partitions: [],
      configs: new Map([...this.defaultConfigs, ...configs]),
      isAllowed: true,
      refusedCodecs: new Map<number, number>(),
    };
    this.topics.set(name, topic);
    this.addPartitions(name, this.options.partitions);
  }

  addPartitions(name: string, count: number): void {
    const topic = this.topics.get(name);
    if (!topic) return;
    const { brokers, replication, isOld } = this.options;
    for (let left = count; left > 0; left--) {
      const number = topic.partitions.length;
      const replicas = Array.from(
        { length: Math.min(replication, brokers) },
        (_, at) => ((number + at) % brokers) + 1,
      );
      const partition = new Partition(number, replicas, isOld, () => ++this.#commits);
      for (const node of replicas) {
        if (this.broker(node).state === 'down' && partition.inSync.size > 1) partition.shrink(node);
      }
      this.#electIfNeeded(partition);
      topic.partitions.push(partition);
    }
    this.#publish();
  }

  deleteTopic(name: string): void {
    const topic = this.topics.get(name);
    if (!topic) return;
    this.topics.delete(name);
    for (const { entries } of topic.partitions) {
      for (const entry of entries) {
        if (entry.commit === undefined) for (const end of entry.ends.splice(0)) end('truncated');
        else this.archive.push({ topic: name, incarnation: topic.incarnation, entry });
      }
    }
    this.#publish();
  }

  /** A broker ends, as by kill -9 of the broker. Its page cache survives: it comes back with its log. */
  async down(node: number): Promise<void> {
    const broker = this.broker(node);
    if (broker.state === 'down') return;
    broker.state = 'down';
    this.#disconnect(broker);
    await sleep(this.#time, 500 + this.#random.below(SESSION_MS - 500));
    if (this.#isStill('down', broker)) this.#forEachPartition((partition) => this.#electIfNeeded(partition));
    this.#publish();
    await sleep(this.#time, LAG_MS);
    if (this.#isStill('down', broker)) this.#shrinkEverywhere(node);
  }

  /** The broker is there again, and its replicas catch up. */
  async up(node: number): Promise<void> {
    const broker = this.broker(node);
    const wasDown = broker.state === 'down';
    broker.state = 'up';
    broker.slowMs = 0;
    this.#forEachPartition((partition) => {
      this.#electIfNeeded(partition);
      if (wasDown && partition.leader === node) partition.restarted();
    });
    this.#publish();
    await sleep(this.#time, 200 + this.#random.below(3000));
    if (!this.#isStill('up', broker)) return;
    this.#forEachPartition((partition) => {
      if (!partition.replicas.includes(node)) return;
      partition.fetched(node);
      partition.inSync.add(node);
    });
  }

  /** Its network is gone: nothing arrives at it, nothing leaves it. */
  async silence(node: number): Promise<void> {
    const broker = this.broker(node);
    broker.state = 'silent';
    await sleep(this.#time, 500 + this.#random.below(SESSION_MS - 500));
    if (!this.#isStill('silent', broker)) return;
    this.#forEachPartition((partition) => this.#electIfNeeded(partition));
    this.#publish();
    await sleep(this.#time, LAG_MS);
    if (this.#isStill('silent', broker)) this.#shrinkEverywhere(node);
  }

  /** Moves leaderships at random, as a rolling restart or a rebalance does. */
  moveLeaders(): void {
    this.#forEachPartition((partition) => {
      const able = [...partition.inSync].filter((node) => this.broker(node).state === 'up');
      if (able.length > 0) partition.elect(this.#random.of(able));
    });
    this.#publish();
  }

  /**
   * Forgets producers, as older brokers did when the records of a producer were deleted (before KIP-360). They answer
   * UNKNOWN_PRODUCER_ID then. Newer ones remember them for a day, and accept any sequence after that.
   */
  forgetProducers(): void {
    if (!this.options.isOld) return;
    this.#forEachPartition((partition) => partition.forgetProducers());
  }

  disconnectAll(): void {
    for (const broker of this.brokers) this.#disconnect(broker);
  }

  producerId(): bigint {
    return this.#nextId++;
  }

  metadataOf(broker: SimulatedBroker, names: readonly string[]): Metadata {
    if (this.options.autoCreate) {
      for (const name of names) this.createTopic(name);
    }
    const topics = names.map((name): TopicMetadata => {
      if (this.topics.get(name)?.isAllowed === false) {
        return { name, errorCode: BROKER_CODES.TOPIC_AUTHORIZATION_FAILED, leaders: [] };
      }
      const unknown = { name, errorCode: BROKER_CODES.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] };
      return broker.view.get(name) ?? unknown;
    });
    const seen = this.brokers.filter(({ state }) => state !== 'down');
    return { brokers: new Map(seen.map(({ node, address }) => [node, address])), topics };
  }

  /** A leader handles one batch. Resolves with its answer. */
  async handle(
    node: number,
    topicName: string,
    number: number,
    batch: BatchContent | undefined,
  ): Promise<BatchAnswer> {
    const topic = this.topics.get(topicName);
    const partition = topic?.partitions[number];
    const script = this.scripts.find(({ topic: name, left }) => name === topicName && left > 0);
    if (script) script.left -= 1;
    if (script && !script.isAppended) return answerOf(script.errorCode);
    const refusal = this.#refusalOf(node, topic, partition, batch);
    if (refusal !== undefined) return refusal;
    if (!partition || !batch) return answerOf(BROKER_CODES.UNKNOWN_SERVER_ERROR);
    const appended = partition.append(batch, this.#time.wall.now());
    if ('errorCode' in appended) return answerOf(appended.errorCode);
    this.#replicate(partition);
    const code = await this.#committed(partition, appended.entry, node);
    return answerOf(script && code === 0 ? script.errorCode : code);
  }

  #refusalOf(
    node: number,
    topic: SimulatedTopic | undefined,
    partition: Partition | undefined,
    batch: BatchContent | undefined,
  ): BatchAnswer | undefined {
    if (topic?.isAllowed === false) return answerOf(BROKER_CODES.TOPIC_AUTHORIZATION_FAILED);
    if (!topic || !partition) return answerOf(BROKER_CODES.UNKNOWN_TOPIC_OR_PARTITION);
    if (partition.leader !== node) return answerOf(BROKER_CODES.NOT_LEADER_OR_FOLLOWER);
    if (!batch) return answerOf(BROKER_CODES.CORRUPT_MESSAGE);
    if (partition.inSync.size < this.options.minInSync) return answerOf(BROKER_CODES.NOT_ENOUGH_REPLICAS);
    const most = limitOf(topic, 'max.message.bytes', 1_048_588);
    if (batch.size > most) return answerOf(BROKER_CODES.MESSAGE_TOO_LARGE);
    const codec = topic.refusedCodecs.get(batch.codec);
    if (codec !== undefined) return answerOf(codec);
    return this.#timesRefusal(topic, batch);
  }

  /** Newer brokers name the refused records and the times that they take (KIP-467); a time of -1 passes. */
  #timesRefusal(topic: SimulatedTopic, batch: BatchContent): BatchAnswer | undefined {
    const now = this.#time.wall.now();
    const { isOld } = this.options;
    const behind = isOld ? 'message.timestamp.difference.max.ms' : 'message.timestamp.before.max.ms';
    const ahead = isOld ? 'message.timestamp.difference.max.ms' : 'message.timestamp.after.max.ms';
    const before = limitOf(topic, behind, Number.MAX_SAFE_INTEGER);
    const after = limitOf(topic, ahead, isOld ? Number.MAX_SAFE_INTEGER : 3_600_000);
    const isOut = (timestamp: number) =>
      timestamp !== -1 && (timestamp - now > after || now - timestamp > before);
    const culprits = batch.records.flatMap(({ timestamp }, index) => (isOut(timestamp) ? [index] : []));
    if (culprits.length === 0) return undefined;
    const errorCode = BROKER_CODES.INVALID_TIMESTAMP;
    if (isOld) return { errorCode, culprits: [], message: null };
    const range = `[${now - before}, ${now + after}]`;
    return { errorCode, culprits, message: `The timestamp should be within ${range}` };
  }

  #replicate(partition: Partition): void {
    for (const node of partition.inSync) {
      if (node === partition.leader) continue;
      void sleep(this.#time, 1 + this.#random.below(20)).then(() => {
        if (this.broker(node).state === 'up' && partition.inSync.has(node)) partition.fetched(node);
      });
    }
  }

  #committed(partition: Partition, entry: Entry, node: number): Promise<number> {
    return new Promise((resolve) => {
      const enough = () =>
        partition.inSync.size >= this.options.minInSync ? 0 : BROKER_CODES.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
      if (entry.commit !== undefined) {
        resolve(enough());
        return;
      }
      const limit = this.#time.setTimeout(() => resolve(BROKER_CODES.REQUEST_TIMED_OUT), REQUEST_TIMEOUT_MS);
      entry.ends.push((end) => {
        limit[Symbol.dispose]();
        const isLeader = partition.leader === node;
        resolve(end === 'committed' && isLeader ? enough() : BROKER_CODES.NOT_LEADER_OR_FOLLOWER);
      });
    });
  }

  /** Its state may have changed in the meantime. */
  #isStill(state: BrokerState, broker: SimulatedBroker): boolean {
    return broker.state === state;
  }

  #shrinkEverywhere(node: number): void {
    this.#forEachPartition((partition) => {
      if (partition.leader !== node) partition.shrink(node);
    });
  }

  #electIfNeeded(partition: Partition): void {
    if (partition.leader !== -1 && this.broker(partition.leader).state === 'up') return;
    const able = [...partition.inSync].filter((node) => this.broker(node).state === 'up');
    if (able.length > 0) partition.elect(this.#random.of(able));
    else partition.leader = -1;
  }

  #forEachPartition(act: (partition: Partition) => void): void {
    for (const { partitions } of this.topics.values()) for (const partition of partitions) act(partition);
  }

  #disconnect(broker: SimulatedBroker): void {
    for (const disconnect of [...broker.disconnects]) disconnect();
  }

  /** Each broker learns of a change a little later. */
  #publish(): void {
    for (const broker of this.brokers) {
      void sleep(this.#time, 1 + this.#random.below(VIEW_LAG_MS)).then(() => {
        broker.view = new Map(
          [...this.topics.values()].map(({ name, partitions }) => [
            name,
            { name, errorCode: 0, leaders: partitions.map(({ leader }) => leader) },
          ]),
        );
      });
    }
  }
}

function answerOf(errorCode: number): BatchAnswer {
  return { errorCode, culprits: [], message: null };
}

function limitOf({ configs }: SimulatedTopic, key: string, otherwise: number): number {
  return Number(configs.get(key) ?? otherwise);
}
