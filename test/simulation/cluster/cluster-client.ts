/**
 * The connections of one process to the cluster: `Brokers` as the producer uses it. A request may arrive although its
 * answer never does, may arrive after its time-out, or may not arrive at all.
 */
import type {
  Brokers,
  Metadata,
  PartitionAnswer,
  PartitionBatch,
  ProducerId,
  RecordConnection,
} from '../../../src/kafka/cluster/brokers.ts';
import { sleep } from '../../../src/support/time.ts';
import type { Random } from '../../openlineage/random.ts';
import type { SimulatedTime } from '../../support/simulated-time.ts';
import type { ProcessTime } from '../process-time.ts';
import { readBatch, type BatchContent } from './batch-content.ts';
import { BROKER_CODES } from './broker-codes.ts';
import type { HeardAnswer } from '../observation/broker-answers.ts';
import { ProducerRules } from '../observation/producer-rules.ts';
import { sendingOf, type Sending } from '../observation/sendings.ts';
import type { KafkaCluster, SimulatedBroker } from './kafka-cluster.ts';

const CONNECT_TIMEOUT_MS = 5000;
const QUESTION_TIMEOUT_MS = 5000;
/** The client waits longer than the broker, which has its own limit. */
const SILENCE_MS = 1000;

/** What happens between the process and the brokers. */
export interface Network {
  /** Nothing arrives, in either direction. */
  isCut: boolean;
  /** Of a thousand answers, so many never arrive. */
  lostAnswers: number;
  /** Of a thousand batches, so many have a byte changed. */
  corruptBatches: number;
  /** Of a thousand answers for one batch, so many are missing in the answer of the request. */
  leftOutAnswers: number;
  /** A broker closes the connection of a larger request (`socket.request.max.bytes`). */
  maxRequestBytes: number;
  /** Answers to batches wait for this. */
  held: Promise<void> | undefined;
  latencyMs: number;
}

export class ClusterClient implements Brokers {
  readonly #cluster: KafkaCluster;
  readonly #network: Network;
  readonly #world: SimulatedTime;
  readonly #process: ProcessTime;
  readonly #random: Random;
  readonly #order: Random;
  readonly #requestTimeoutMs: number;
  readonly #connections = new Map<string, Connection>();
  readonly #listeners: (() => void)[] = [];
  /** Broken rules of the producer: two requests in flight, a sequence that stands for two batches. */
  readonly violations: string[] = [];
  /** What the process has heard of its batches. */
  readonly heard: HeardAnswer[] = [];
  /** Every attempt to send a batch. */
  readonly sendings: Sending[] = [];
  readonly #rules = new ProducerRules();
  /** The producer ids of the process. */
  readonly producerIds = new Set<bigint>();
  /** When a batch of each topic was sent last, on the monotonic clock. */
  readonly sentAt = new Map<string, number>();
  isClosed = false;

  constructor(
    cluster: KafkaCluster,
    network: Network,
    world: SimulatedTime,
    process: ProcessTime,
    random: Random,
    order: Random,
    requestTimeoutMs: number,
  ) {
    this.#cluster = cluster;
    this.#network = network;
    this.#world = world;
    this.#process = process;
    this.#random = random;
    this.#order = order;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  metadata(address: string, topics: readonly string[]): Promise<Metadata> {
    return this.#ask(address, (broker) => this.#cluster.metadataOf(broker, topics));
  }

  topicConfigs(
    address: string,
    topics: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    return this.#ask(address, (broker) => this.#cluster.configsOf(broker, topics, keys));
  }

  producerId(address: string): Promise<ProducerId> {
    return this.#ask(address, () => {
      const id = this.#cluster.producerId();
      this.producerIds.add(id);
      return { id, epoch: 0 };
    });
  }

  connect(address: string): Promise<RecordConnection> {
    const open = this.#connections.get(address);
    if (open) return Promise.resolve(open);
    return this.#exchange(address, CONNECT_TIMEOUT_MS, async (broker) => {
      await this.#latency(broker);
      return () => {
        const connection: Connection = new Connection((batches) =>
          this.#produce(broker, batches, connection),
        );
        this.#connections.set(address, connection);
        const broken = (): void => {
          if (!broker.disconnects.delete(broken)) return;
          this.#connections.delete(address);
          connection.broken();
          this.#process.run(() => {
            for (const listener of this.#listeners) listener();
          });
        };
        connection.break = broken;
        broker.disconnects.add(broken);
        return connection;
      };
    });
  }

  onDisconnect(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): Promise<void> {
    this.isClosed = true;
    for (const connection of this.#connections.values()) connection.break();
    return Promise.resolve();
  }

  /** Open connections to brokers. */
  get connections(): number {
    return this.#connections.size;
  }

  /** The process is dead: its connections break, and nothing is heard of them. */
  kill(): void {
    for (const connection of this.#connections.values()) connection.break();
  }

  #ask<Answer>(address: string, question: (broker: SimulatedBroker) => Answer): Promise<Answer> {
    return this.#exchange(address, QUESTION_TIMEOUT_MS, async (broker) => {
      await this.#latency(broker);
      return () => question(broker);
    });
  }

  /**
   * One exchange with a broker, or a rejection after the time-out. The function that the work resolves with runs in
   * the process.
   */
  #exchange<Answer>(
    address: string,
    timeoutMs: number,
    work: (broker: SimulatedBroker) => Promise<() => Answer>,
  ): Promise<Answer> {
    if (this.isClosed) this.violations.push(`asks ${address} after the end`);
    return new Promise<Answer>((resolve, reject) => {
      const fail = (reason: string) => this.#process.run(() => reject(new Error(reason)));
      const limit = this.#world.setTimeout(() => fail(`no answer from ${address}`), timeoutMs);
      const broker = this.#cluster.brokerAt(address);
      if (!broker || broker.state === 'down') {
        limit[Symbol.dispose]();
        void sleep(this.#world, 1).then(() => fail(`connect ECONNREFUSED ${address}`));
        return;
      }
      void work(broker).then((answer) => {
        if (!this.#isReachable(broker)) return;
        limit[Symbol.dispose]();
        this.#process.run(() => {
          try {
            resolve(answer());
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    });
  }

  async #produce(
    broker: SimulatedBroker,
    batches: readonly PartitionBatch[],
    connection: Connection,
  ): Promise<readonly PartitionAnswer[]> {
    if (connection.isBusy) this.violations.push(`two requests in flight to ${broker.address}`);
    connection.isBusy = true;
    for (const { topic } of batches) this.sentAt.set(topic, this.#world.monotonic.now());
    // The producer uses the memory again.
    const sent = batches.map((batch) => this.#sent(batch));
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (act: () => void): void => {
        if (isOver) return;
        isOver = true;
        limit[Symbol.dispose]();
        connection.onBroken = undefined;
        connection.isBusy = false;
        this.#process.run(act);
      };
      const fail = (reason: string) =>
        end(() => {
          this.#hear(sent, undefined);
          reject(new Error(reason));
        });
      connection.onBroken = () => fail('Connection closed');
      const limit = this.#world.setTimeout(() => {
        // As the real client: an answer that comes later belongs to no request.
        fail('Request timed out');
        connection.break();
      }, this.#requestTimeoutMs + SILENCE_MS);
      void this.#handle(broker, sent).then((answers) => {
        if (answers === 'too large') connection.break();
        if (answers === undefined || answers === 'too large') return;
        end(() => {
          this.#hear(sent, answers);
          resolve(answers);
        });
      });
    });
  }

  /** A batch goes out. `content` is what arrives of it: undefined if a byte changes on the way. */
  #sent({ topic, partition, bytes }: PartitionBatch): SentBatch {
    const at = this.#world.monotonic.now();
    const content = readBatch(bytes);
    if (!content) throw new Error('the process sends a batch with a wrong checksum');
    const sending = sendingOf(topic, partition, content, at, this.#process.latestWall);
    this.sendings.push(sending);
    const broken = this.#rules.sent(sending);
    if (broken !== undefined) this.violations.push(broken);
    const isChanged = this.#random.below(1000) < this.#network.corruptBatches;
    return { sending, content: isChanged ? undefined : content };
  }

  #hear(sent: readonly SentBatch[], answers: readonly PartitionAnswer[] | undefined): void {
    const at = this.#world.monotonic.now();
    for (const { sending } of sent) {
      const { topic, partition, bytes, requestIds } = sending;
      const answer = answers?.find((one) => one.topic === topic && one.partition === partition);
      // The producer takes a missing answer for this error.
      const errorCode = answers && (answer?.errorCode ?? BROKER_CODES.UNKNOWN_SERVER_ERROR);
      this.heard.push({ at, topic, partition, errorCode, records: requestIds.length, bytes });
      sending.heardAt = at;
      sending.errorCode = errorCode;
      sending.culprits = requestIds.filter((_, index) => answer?.culprits.includes(index));
      this.#rules.heard(sending);
    }
  }

  /** The request is under way, is handled, and is answered. Undefined: no answer arrives. */
  async #handle(
    broker: SimulatedBroker,
    batches: readonly SentBatch[],
  ): Promise<readonly PartitionAnswer[] | 'too large' | undefined> {
    if (!this.#isReachable(broker)) return undefined;
    await this.#latency(broker);
    if (broker.state === 'down') return undefined;
    const size = batches.reduce((sum, { sending }) => sum + sending.bytes, 0);
    if (size > this.#network.maxRequestBytes) return 'too large';
    const timeoutMs = this.#requestTimeoutMs;
    const answers = await Promise.all(
      batches.map(async ({ sending, content }): Promise<PartitionAnswer> => {
        const { topic, partition } = sending;
        const answer = await this.#cluster.handle(broker.node, topic, partition, content, timeoutMs);
        return { topic, partition, ...answer };
      }),
    );
    await this.#latency(broker);
    await this.#network.held;
    const isLost = this.#random.below(1000) < this.#network.lostAnswers;
    if (isLost || !this.#isReachable(broker)) return undefined;
    return this.#shuffled(answers.filter(() => this.#random.below(1000) >= this.#network.leftOutAnswers));
  }

  /** No rule of the protocol says that a broker answers in the order of the request. */
  #shuffled(answers: PartitionAnswer[]): PartitionAnswer[] {
    if (answers.length > 1 && this.#order.below(4) === 0) {
      for (const at of answers.keys())
        answers.push(...answers.splice(this.#order.below(answers.length - at), 1));
    }
    return answers;
  }

  #isReachable({ state }: SimulatedBroker): boolean {
    return state === 'up' && !this.#network.isCut;
  }

  #latency({ slowMs }: SimulatedBroker): Promise<void> {
    return sleep(this.#world, 1 + this.#random.below(this.#network.latencyMs) + slowMs);
  }
}

/** A batch on its way to a broker. */
interface SentBatch {
  readonly sending: Sending;
  readonly content: BatchContent | undefined;
}

class Connection implements RecordConnection {
  readonly produce: RecordConnection['produce'];
  /** Breaks the connection. */
  break: () => void = () => undefined;
  onBroken: (() => void) | undefined;
  isBusy = false;

  constructor(produce: RecordConnection['produce']) {
    this.produce = produce;
  }

  broken(): void {
    this.onBroken?.();
  }
}
