/**
 * A Kafka cluster on simulated time: brokers, a controller that elects leaders from in-sync replicas only, topics, and
 * what each broker tells of them, which may be some hundred milliseconds old.
 */
import { sleep } from '../../../src/support/time.ts';
import { BrokerError } from '../../../src/kafka/broker-error.ts';
import type { Metadata, TopicMetadata } from '../../../src/kafka/cluster/brokers.ts';
import { errorCodeOf, explained } from '../../../src/kafka/error-code.ts';
import type { Random } from '../../openlineage/random.ts';
import type { SimulatedTime } from '../../support/simulated-time.ts';
import type { BatchContent } from './batch-content.ts';
import { BROKER_CODES } from './broker-codes.ts';
import { Partition, type Entry } from './partition.ts';
import {
  answerOf,
  configsOf,
  DEFAULT_CONFIGS,
  refusalOf,
  type BatchAnswer,
  type SimulatedTopic,
} from './topic.ts';

export type BrokerState = 'up' | 'down' | 'silent';

export interface SimulatedBroker {
  readonly node: number;
  readonly address: string;
  state: BrokerState;
  /** Before KIP-360: it refuses an unknown producer. Before Kafka 3.6: it has one limit for record times. */
  isOld: boolean;
  /** Milliseconds that the broker needs for a request, in addition. */
  slowMs: number;
  /** It learns of no change. */
  isBehind: boolean;
  /** What it tells of the cluster. */
  view: ReadonlyMap<string, TopicMetadata>;
  /** Is called when its connections break. */
  readonly disconnects: Set<() => void>;
}

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
  /** So many brokers, from the first on, are of an older version. */
  readonly oldBrokers: number;
  readonly autoCreate: boolean;
  readonly partitions: number;
  /** The proxy has no right to read the settings of topics. */
  readonly hidesConfigs: boolean;
}

/** A batch in a topic. */
export interface Stored {
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly entry: Entry;
}

/** A question that the brokers answer with an error. */
export type Question = 'metadata' | 'configs' | 'producer id';

/** The controller notices a dead broker after up to so many milliseconds (`broker.session.timeout.ms`). */
const SESSION_MS = 9000;
/** A replica that does not fetch leaves the in-sync replicas after so many milliseconds. Shorter than Kafka's 30 s. */
const LAG_MS = 10_000;
/** Milliseconds until a broker tells of a change. */
const VIEW_LAG_MS = 500;

export class KafkaCluster {
  readonly #time: SimulatedTime;
  readonly #random: Random;
  readonly options: ClusterOptions;
  readonly brokers: SimulatedBroker[] = [];
  readonly topics = new Map<string, SimulatedTopic>();
  /** Committed batches of topics that are deleted. */
  readonly archive: Stored[] = [];
  readonly scripts: Script[] = [];
  /** Error codes with which the brokers answer a question as a whole. */
  readonly refusedQuestions = new Map<Question, number>();
  /** Error codes of topics in the metadata. */
  readonly topicCodes = new Map<string, number>();
  /** Milliseconds that followers need in addition to fetch a batch, at most. */
  replicationMs = 0;
  /** Followers fetch nothing, and the controller changes nothing. */
  #isStalled = false;
  /** When each batch was committed, on the monotonic clock: the first is at 0. */
  readonly commitTimes: number[] = [];
  #created = 0;
  #nextId = 1000n;

  constructor(time: SimulatedTime, random: Random, options: ClusterOptions) {
    this.#time = time;
    this.#random = random;
    this.options = options;
    for (let node = 1; node <= options.brokers; node++) {
      const address = `broker-${node}:9092`;
      const isOld = node <= options.oldBrokers;
      const own = { view: new Map<string, TopicMetadata>(), disconnects: new Set<() => void>() };
      this.brokers.push({ node, address, state: 'up', isOld, slowMs: 0, isBehind: false, ...own });
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

  /** All batches, also of topics that are deleted. */
  get entries(): readonly Stored[] {
    const inUse = [...this.topics.values()].flatMap(({ name: topic, incarnation, partitions }) =>
      partitions.flatMap(({ number: partition, entries }) =>
        entries.map((entry) => ({ topic, incarnation, partition, entry })),
      ),
    );
    return [...this.archive, ...inUse];
  }

  createTopic(name: string, partitions = this.options.partitions): void {
    if (this.topics.has(name)) return;
    const topic: SimulatedTopic = {
      name,
      incarnation: ++this.#created,
      partitions: [],
      configs: new Map(DEFAULT_CONFIGS),
      isAllowed: true,
      refusedCodecs: new Map<number, number>(),
      refuses: () => false,
    };
    this.topics.set(name, topic);
    this.addPartitions(name, partitions);
  }

  addPartitions(name: string, count: number): void {
    const topic = this.topics.get(name);
    if (!topic) return;
    const { brokers, replication } = this.options;
    for (let left = count; left > 0; left--) {
      const number = topic.partitions.length;
      const replicas = Array.from(
        { length: Math.min(replication, brokers) },
        (_, at) => ((number + at) % brokers) + 1,
      );
      const refusesUnknown = (leader: number) => this.#isOld(leader);
      const partition = new Partition(number, replicas, refusesUnknown, () =>
        this.commitTimes.push(this.#time.monotonic.now()),
      );
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
    for (const { number: partition, entries } of topic.partitions) {
      for (const entry of entries) {
        if (entry.commit === undefined) for (const end of entry.ends.splice(0)) end('truncated');
        else this.archive.push({ topic: name, incarnation: topic.incarnation, partition, entry });
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
    await this.#miss('down', broker);
  }

  /** Its network is gone: nothing arrives at it, nothing leaves it. */
  async silence(node: number): Promise<void> {
    const broker = this.broker(node);
    broker.state = 'silent';
    await this.#miss('silent', broker);
  }

  /** The controller elects other leaders, and takes the broker out of the in-sync replicas later. */
  async #miss(state: BrokerState, broker: SimulatedBroker): Promise<void> {
    await sleep(this.#time, 500 + this.#random.below(SESSION_MS - 500));
    if (broker.state !== state) return;
    this.#forEachPartition((partition) => this.#electIfNeeded(partition));
    this.#publish();
    await sleep(this.#time, LAG_MS);
    if (broker.state === state) this.#shrinkEverywhere(broker.node);
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
    this.#catchUp(node);
  }

  /**
   * Followers fetch nothing more, and no broker reaches the controller: there are no elections, and the in-sync replicas
   * stay. Clients still reach the leaders.
   */
  stallReplication(): void {
    this.#isStalled = true;
  }

  /**
   * Ends that. If the leaders fail first, in-sync followers take over. What these have not fetched is gone, and was
   * acknowledged to no one.
   */
  resumeReplication(doLeadersFail: boolean): void {
    this.#isStalled = false;
    this.#forEachPartition((partition) => {
      const able = this.#electable(partition).filter((node) => node !== partition.leader);
      if (doLeadersFail && able.length > 0) this.#elect(partition, able);
      else this.#electIfNeeded(partition);
    });
    this.#publish();
    for (const { node, state } of this.brokers) {
      if (state === 'up') this.#catchUp(node);
      else this.#shrinkEverywhere(node);
    }
  }

  /** A broker learns of no change of the cluster, or of all of them again. */
  setBehind(node: number, isBehind: boolean): void {
    this.broker(node).isBehind = isBehind;
    this.#publish();
  }

  /** A broker that is stopped hands its leaderships on first. */
  moveLeadersFrom(node: number): void {
    this.#forEachPartition((partition) => {
      const able = this.#electable(partition).filter((other) => other !== node);
      if (partition.leader === node && able.length > 0 && !this.#isStalled) this.#elect(partition, able);
    });
    this.#publish();
  }

  /** Moves leaderships at random, as a rolling restart or a rebalance does. */
  moveLeaders(): void {
    this.#forEachPartition((partition) => {
      const able = this.#electable(partition);
      if (able.length > 0 && !this.#isStalled) this.#elect(partition, able);
    });
    this.#publish();
  }

  /** Moves the leadership of partitions whose open end only some followers have: to one of these. */
  moveLeadersInFlight(): void {
    this.#forEachPartition((partition) => {
      const open = partition.entries.findLast(({ commit }) => commit === undefined);
      if (!open || this.#isStalled) return;
      const able = this.#electable(partition).filter(
        (node) => node !== partition.leader && !open.missingOn.has(node),
      );
      if (able.length > 0) this.#elect(partition, able);
    });
    this.#publish();
  }

  /**
   * Forgets producers, as older brokers did when the records of a producer were deleted (before KIP-360). They answer
   * UNKNOWN_PRODUCER_ID then. Newer ones remember them for a day, and accept any sequence after that.
   */
  forgetProducers(): void {
    this.#forEachPartition((partition) => {
      if (this.#isOld(partition.leader)) partition.forgetProducers();
    });
  }

  disconnectAll(): void {
    for (const broker of this.brokers) this.#disconnect(broker);
  }

  producerId(): bigint {
    this.#refuse('producer id');
    return this.#nextId++;
  }

  configsOf(broker: SimulatedBroker, names: readonly string[], keys: readonly string[]) {
    this.#refuse('configs');
    const found = names.flatMap((name) => {
      const topic = this.topics.get(name);
      if (!topic?.isAllowed || this.options.hidesConfigs) return [];
      const told = [...configsOf(topic, broker.isOld)].filter(([key]) => keys.includes(key));
      return [[name, new Map(told)] as const];
    });
    return new Map(found);
  }

  metadataOf(broker: SimulatedBroker, names: readonly string[]): Metadata {
    this.#refuse('metadata');
    if (this.options.autoCreate) {
      for (const name of names) this.createTopic(name);
    }
    const topics = names.map((name): TopicMetadata => {
      if (this.topics.get(name)?.isAllowed === false) {
        return { name, errorCode: BROKER_CODES.TOPIC_AUTHORIZATION_FAILED, leaders: [] };
      }
      const errorCode = this.topicCodes.get(name);
      if (errorCode !== undefined) return { name, errorCode, leaders: [] };
      const unknown = { name, errorCode: BROKER_CODES.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] };
      return broker.view.get(name) ?? unknown;
    });
    const seen = this.brokers.filter(({ state }) => state !== 'down');
    return { brokers: new Map(seen.map(({ node, address }) => [node, address])), topics };
  }

  /** A leader handles one batch. Resolves with its answer, after `timeoutMs` at most. */
  async handle(
    node: number,
    topicName: string,
    number: number,
    batch: BatchContent | undefined,
    timeoutMs: number,
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
    const code = await this.#committed(partition, appended.entry, node, timeoutMs);
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
    return refusalOf(topic, batch, this.#isOld(node), this.#time.wall.now());
  }

  #replicate(partition: Partition): void {
    for (const node of partition.inSync) {
      if (node === partition.leader) continue;
      void sleep(this.#time, 1 + this.#random.below(20 + this.replicationMs)).then(() => {
        const isFetching = this.broker(node).state === 'up' && !this.#isStalled;
        if (isFetching && partition.inSync.has(node)) partition.fetched(node);
      });
    }
  }

  #committed(partition: Partition, entry: Entry, node: number, timeoutMs: number): Promise<number> {
    return new Promise((resolve) => {
      const enough = () =>
        partition.inSync.size >= this.options.minInSync ? 0 : BROKER_CODES.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
      if (entry.commit !== undefined) {
        resolve(enough());
        return;
      }
      const limit = this.#time.setTimeout(() => resolve(BROKER_CODES.REQUEST_TIMED_OUT), timeoutMs);
      entry.ends.push((end) => {
        limit[Symbol.dispose]();
        const isLeader = partition.leader === node;
        resolve(end === 'committed' && isLeader ? enough() : BROKER_CODES.NOT_LEADER_OR_FOLLOWER);
      });
    });
  }

  /** What the broker has not fetched, it fetches now. */
  #catchUp(node: number): void {
    if (this.broker(node).state !== 'up' || this.#isStalled) return;
    this.#forEachPartition((partition) => {
      if (!partition.replicas.includes(node)) return;
      partition.fetched(node);
      partition.inSync.add(node);
    });
  }

  #shrinkEverywhere(node: number): void {
    if (this.#isStalled) return;
    this.#forEachPartition((partition) => {
      if (partition.leader !== node) partition.shrink(node);
    });
  }

  #electIfNeeded(partition: Partition): void {
    const isLed = partition.leader !== -1 && this.broker(partition.leader).state === 'up';
    if (isLed || this.#isStalled) return;
    const able = this.#electable(partition);
    if (able.length > 0) this.#elect(partition, able);
    else partition.leader = -1;
  }

  #elect(partition: Partition, able: readonly number[]): void {
    partition.elect(this.#random.of(able));
    this.#replicate(partition);
  }

  /** Clean elections only: an unclean one loses acknowledged data by right. */
  #electable({ inSync }: Partition): number[] {
    return [...inSync].filter((node) => this.broker(node).state === 'up');
  }

  #isOld(node: number): boolean {
    return this.brokers.some((broker) => broker.node === node && broker.isOld);
  }

  #refuse(question: Question): void {
    const code = this.refusedQuestions.get(question);
    if (code === undefined) return;
    const { name } = errorCodeOf(code);
    const words = explained(name);
    throw new BrokerError(name, words === name ? undefined : words);
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
        if (broker.isBehind) return;
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
