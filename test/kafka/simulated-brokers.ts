/**
 * A Kafka cluster without sockets, on simulated time. Its brokers answer, are silent or refuse connections. Its
 * topics have leaders and configuration. The log of each partition checks sequences as a broker does (KIP-98). The
 * cluster notes every request. It also notes every violation of the producer's rule: one request in flight per
 * broker, one batch in flight per partition.
 */
import { createHash } from 'node:crypto';
import { Reader, readRecordsBatch } from '@platformatic/kafka';
import type {
  Brokers,
  Metadata,
  PartitionAnswer,
  PartitionBatch,
  ProducerId,
  RecordConnection,
} from '../../src/kafka/cluster/brokers.ts';
import { sleep } from '../../src/support/time.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';

/** `silent`: takes requests and never answers. `refusing`: the machine runs, the broker does not. */
export type BrokerState = 'alive' | 'silent' | 'refusing';

export const CONNECT_TIMEOUT_MS = 5000;
export const QUESTION_TIMEOUT_MS = 3000;
export const REQUEST_TIMEOUT_MS = 31_000;

/** Kafka's error codes that the tests and the brokers use. */
export const UNKNOWN_TOPIC = 3;
export const LEADER_NOT_AVAILABLE = 5;
export const NOT_LEADER = 6;
export const TOO_LARGE = 10;
export const NOT_ENOUGH_REPLICAS = 19;
export const INVALID_TIMESTAMP = 32;
export const OUT_OF_ORDER = 45;
export const UNKNOWN_PRODUCER = 59;
export const INVALID_RECORD = 87;

export interface WrittenRecord {
  readonly key: string | undefined;
  readonly value: string;
  readonly timestamp: number;
}

/** A batch as it arrived, and its result. */
export interface Attempt {
  readonly at: number;
  readonly address: string;
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
  readonly compression: number;
  readonly producerId: bigint;
  readonly sequence: number;
  readonly records: readonly WrittenRecord[];
  readonly result: 'written' | 'duplicate' | number | 'unanswered';
}

/** A batch that the topic does not take. `culprits` are the places of the refused records. */
export interface Refusal {
  readonly errorCode: number;
  readonly culprits?: readonly number[];
  readonly message?: string;
}

/** Decides on each batch of a topic before the sequence is checked, as a broker does. `close`: it closes the connection. */
export type Judge = (batch: Pick<Attempt, 'records' | 'compression'>) => Refusal | 'close' | undefined;

/** What a broker does with the next batch for a partition, instead of its normal work. */
export type Script =
  /** It refuses the batch with this error. `culprits` are the places of the refused records. */
  | Refusal
  /** It handles the batch, but answers with this error. */
  | { readonly answersInstead: number }
  /** The connection breaks before the batch is handled, or after it. */
  | { readonly breaks: 'before' | 'after' };

interface Partition {
  leader: number;
  readonly log: WrittenRecord[];
  readonly producers: Map<bigint, { next: number; last: { from: number; count: number }[] }>;
  readonly scripts: Script[];
}

export interface SimulatedTopic {
  readonly partitions: Partition[];
  readonly configs: Map<string, string>;
  /** The error code in metadata; 0 if the topic can be used. */
  errorCode: number;
  judge?: Judge | undefined;
}

export interface SimulatedBrokersOptions {
  /** Milliseconds from a request to its answer. */
  readonly latencyMs?: () => number;
  /** Partitions of a topic that is created when a client asks for it. Undefined: no topic is created. */
  readonly autoCreate?: number;
}

export class SimulatedBrokers implements Brokers {
  readonly #time: SimulatedTime;
  readonly #latencyMs: () => number;
  readonly #autoCreate: number | undefined;
  /** Node ids by address, as metadata tells them. */
  readonly members = new Map<string, number>();
  readonly #states = new Map<string, BrokerState>();
  readonly topics = new Map<string, SimulatedTopic>();
  /** One line per request: its time, its kind, the broker, and its subject. */
  readonly requests: string[] = [];
  readonly attempts: Attempt[] = [];
  readonly violations: string[] = [];
  /** Do the brokers give producer ids? */
  givesIds = true;
  /** May a client read a topic's configuration? */
  showsConfigs = true;
  /** The broker closes the connection of a larger request: `socket.request.max.bytes`. */
  maxRequestBytes = Number.POSITIVE_INFINITY;
  isClosed = false;
  #nextId = 1n;
  #listener: () => void = () => undefined;
  readonly #connections = new Map<string, SimulatedConnection>();
  readonly #busy = new Set<string>();

  constructor(time: SimulatedTime, { latencyMs = () => 5, autoCreate }: SimulatedBrokersOptions = {}) {
    this.#time = time;
    this.#latencyMs = latencyMs;
    this.#autoCreate = autoCreate;
  }

  /** Adds brokers. Their node ids begin at 1. */
  add(...addresses: readonly string[]): this {
    for (const address of addresses) {
      this.members.set(address, this.members.size + 1);
      this.#states.set(address, 'alive');
    }
    return this;
  }

  /** Creates a topic. `leaders` has the node id of each partition's leader. */
  create(topic: string, leaders: readonly number[], configs: Readonly<Record<string, string>> = {}): this {
    this.topics.set(topic, {
      partitions: leaders.map(emptyPartition),
      configs: new Map(Object.entries(configs)),
      errorCode: 0,
    });
    return this;
  }

  /** Changes the state of a broker. A refusing broker loses its connection at once, a silent one keeps it. */
  set(address: string, state: BrokerState): void {
    this.#states.set(address, state);
    if (state === 'refusing') this.#connections.get(address)?.break();
  }

  setAll(state: BrokerState): void {
    for (const address of this.members.keys()) this.set(address, state);
  }

  lead(topic: string, partition: number, leader: number): void {
    this.#partition(topic, partition).leader = leader;
  }

  addPartition(topic: string, leader: number): void {
    this.topic(topic).partitions.push(emptyPartition(leader));
  }

  script(topic: string, partition: number, ...scripts: readonly Script[]): void {
    this.#partition(topic, partition).scripts.push(...scripts);
  }

  /** Makes the brokers forget all producers, as if all state has expired (KIP-854). */
  forgetProducers(): void {
    for (const { partitions } of this.topics.values())
      for (const { producers } of partitions) producers.clear();
  }

  log(topic: string, partition: number): readonly WrittenRecord[] {
    return this.#partition(topic, partition).log;
  }

  /** The values of all partitions of a topic, one partition after the other. */
  values(topic: string): string[] {
    return this.topic(topic).partitions.flatMap(({ log }) => log.map(({ value }) => value));
  }

  topic(name: string): SimulatedTopic {
    const topic = this.topics.get(name);
    if (!topic) throw new Error(`there is no topic ${name}`);
    return topic;
  }

  /** How many requests of one kind there were: `metadata`, `configs`, `id`, `connect`, `produce`. */
  count(kind: string): number {
    return this.requests.filter((line) => line.split(' ')[1] === kind).length;
  }

  async metadata(address: string, topics: readonly string[]): Promise<Metadata> {
    await this.#question('metadata', address, topics.join());
    for (const name of topics) {
      if (!this.topics.has(name) && this.#autoCreate !== undefined) {
        this.create(name, new Array<number>(this.#autoCreate).fill(1));
        // The new topic can be used a moment later.
        return this.#metadataOf(topics, name);
      }
    }
    return this.#metadataOf(topics);
  }

  async topicConfigs(
    address: string,
    topics: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    await this.#question('configs', address, topics.join());
    if (!this.showsConfigs) throw new Error('TOPIC_AUTHORIZATION_FAILED');
    return new Map(
      topics.map((name) => [
        name,
        new Map([...(this.topics.get(name)?.configs ?? [])].filter(([key]) => keys.includes(key))),
      ]),
    );
  }

  async producerId(address: string): Promise<ProducerId> {
    await this.#question('id', address, '');
    if (!this.givesIds) throw new Error('COORDINATOR_LOAD_IN_PROGRESS');
    return { id: this.#nextId++, epoch: 0 };
  }

  async connect(address: string): Promise<RecordConnection> {
    const open = this.#connections.get(address);
    if (open) return open;
    this.#note('connect', address, '');
    if (this.#states.get(address) === 'silent') {
      await sleep(this.#time, CONNECT_TIMEOUT_MS);
      throw new Error('connection timed out');
    }
    if (this.#states.get(address) === 'refusing') throw new Error(`connect ECONNREFUSED ${address}`);
    await sleep(this.#time, this.#latencyMs());
    const connection: SimulatedConnection = new SimulatedConnection((batches) =>
      this.#produce(address, batches, connection),
    );
    this.#connections.set(address, connection);
    void connection.broken.then(() => {
      this.#connections.delete(address);
      this.#listener();
    });
    return connection;
  }

  onDisconnect(listener: () => void): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    this.isClosed = true;
    for (const connection of this.#connections.values()) connection.break();
    return Promise.resolve();
  }

  async #question(kind: string, address: string, about: string): Promise<void> {
    this.#note(kind, address, about);
    const state = this.#states.get(address);
    if (state === 'silent') {
      await sleep(this.#time, QUESTION_TIMEOUT_MS);
      throw new Error('no answer in time');
    }
    if (state !== 'alive') throw new Error(`connect ECONNREFUSED ${address}`);
    await sleep(this.#time, this.#latencyMs());
  }

  #metadataOf(topics: readonly string[], justCreated?: string): Metadata {
    return {
      brokers: new Map([...this.members].map(([address, nodeId]) => [nodeId, address])),
      topics: topics.map((name) => {
        const topic = this.topics.get(name);
        if (!topic) return { name, errorCode: UNKNOWN_TOPIC, leaders: [] };
        if (name === justCreated) return { name, errorCode: LEADER_NOT_AVAILABLE, leaders: [] };
        const leaders = topic.partitions.map(({ leader }) => leader);
        return { name, errorCode: topic.errorCode, leaders: topic.errorCode === 0 ? leaders : [] };
      }),
    };
  }

  async #produce(
    address: string,
    batches: readonly PartitionBatch[],
    connection: SimulatedConnection,
  ): Promise<readonly PartitionAnswer[]> {
    // Copies the bytes: the producer reuses the memory.
    const copies = batches.map((batch) => ({ ...batch, bytes: Buffer.from(batch.bytes) }));
    const places = [address, ...copies.map(({ topic, partition }) => `${topic}/${partition}`)];
    this.#note('produce', address, copies.map(nameOf).join(' '));
    for (const place of places) {
      if (this.#busy.has(place)) this.violations.push(`two requests in flight: ${place}`);
      this.#busy.add(place);
    }
    try {
      const lost = connection.broken.then(() => {
        throw new Error('Connection closed');
      });
      return await Promise.race([lost, this.#answer(address, copies, connection)]);
    } finally {
      for (const place of places) this.#busy.delete(place);
    }
  }

  async #answer(
    address: string,
    batches: readonly PartitionBatch[],
    connection: SimulatedConnection,
  ): Promise<readonly PartitionAnswer[]> {
    if (this.#states.get(address) === 'silent') {
      for (const batch of batches) this.#keep(address, batch, 'unanswered');
      await sleep(this.#time, REQUEST_TIMEOUT_MS);
      // The real client does the same: an answer after a time-out belongs to no request.
      connection.break();
      throw new Error('Request timed out');
    }
    await sleep(this.#time, this.#latencyMs());
    const answers: PartitionAnswer[] = [];
    const size = batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
    let breaks = this.#states.get(address) !== 'alive' || size > this.maxRequestBytes;
    for (const batch of batches) {
      const script = breaks
        ? undefined
        : this.topics.get(batch.topic)?.partitions[batch.partition]?.scripts.shift();
      if (breaks || (script && 'breaks' in script && script.breaks === 'before')) {
        breaks = true;
        this.#keep(address, batch, 'unanswered');
        continue;
      }
      const { topic, partition } = batch;
      if (script && 'errorCode' in script) {
        this.#keep(address, batch, script.errorCode);
        answers.push({ topic, partition, baseOffset: -1, culprits: [], message: null, ...script });
        continue;
      }
      const verdict = this.topics.get(topic)?.judge?.(readBatch(batch.bytes));
      if (verdict === 'close') {
        breaks = true;
        this.#keep(address, batch, 'unanswered');
        continue;
      }
      if (verdict) {
        this.#keep(address, batch, verdict.errorCode);
        answers.push({ topic, partition, baseOffset: -1, culprits: [], message: null, ...verdict });
        continue;
      }
      const baseOffset = this.topics.get(topic)?.partitions[partition]?.log.length ?? -1;
      const result = this.#append(address, batch);
      this.#keep(address, batch, result);
      if (script && 'breaks' in script) breaks = true;
      const errorCode = script && 'answersInstead' in script ? script.answersInstead : result;
      answers.push({
        topic,
        partition,
        errorCode: typeof errorCode === 'number' ? errorCode : 0,
        baseOffset,
        culprits: [],
        message: null,
      });
    }
    if (breaks) {
      connection.break();
      throw new Error('Connection closed');
    }
    return answers;
  }

  /** Handles a batch as a leader does. */
  #append(address: string, { topic, partition, bytes }: PartitionBatch): 'written' | 'duplicate' | number {
    const known = this.topics.get(topic);
    const place = known?.partitions[partition];
    if (!known || !place) return UNKNOWN_TOPIC;
    if (place.leader !== this.members.get(address)) return NOT_LEADER;
    const limit = Number(known.configs.get('max.message.bytes') ?? 1_048_588);
    if (bytes.length > limit) return TOO_LARGE;
    const { producerId, firstSequence: from, records } = readBatch(bytes);
    const count = records.length;
    const state = place.producers.get(producerId);
    if (state?.last.some((one) => one.from === from && one.count === count)) return 'duplicate';
    if (from !== (state?.next ?? 0)) return state ? OUT_OF_ORDER : UNKNOWN_PRODUCER;
    const last = [...(state?.last ?? []), { from, count }].slice(-5);
    place.producers.set(producerId, { next: from + count, last });
    place.log.push(...records);
    return 'written';
  }

  #keep(address: string, { topic, partition, bytes }: PartitionBatch, result: Attempt['result']): void {
    const { producerId, firstSequence: sequence, records, compression } = readBatch(bytes);
    const at = this.#time.monotonic.now();
    this.attempts.push({
      at,
      address,
      topic,
      partition,
      bytes,
      compression,
      producerId,
      sequence,
      records,
      result,
    });
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.topic(topic).partitions[partition];
    if (!found) throw new Error(`topic ${topic} has no partition ${partition}`);
    return found;
  }

  #note(kind: string, address: string, about: string): void {
    if (this.isClosed) this.violations.push(`${kind} after the end`);
    this.requests.push(`${this.#time.monotonic.now()} ${kind} ${address} ${about}`);
  }
}

type Produce = (batches: readonly PartitionBatch[]) => Promise<readonly PartitionAnswer[]>;

class SimulatedConnection implements RecordConnection {
  readonly produce: Produce;
  /** Resolves when the connection is lost. */
  readonly broken: Promise<undefined>;
  readonly break: () => void;

  constructor(produce: Produce) {
    this.produce = produce;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.broken = promise;
    this.break = () => resolve(undefined);
  }
}

function emptyPartition(leader: number): Partition {
  return { leader, log: [], producers: new Map(), scripts: [] };
}

function readBatch(bytes: Buffer) {
  const { producerId, firstSequence, firstTimestamp, attributes, records } = readRecordsBatch(
    Reader.from(bytes),
  );
  return {
    producerId,
    firstSequence,
    compression: attributes & 7,
    records: records.map(({ key, value, timestampDelta }) => ({
      key: Buffer.isBuffer(key) ? key.toString() : undefined,
      value: Buffer.isBuffer(value) ? value.toString() : '',
      timestamp: Number(firstTimestamp + timestampDelta),
    })),
  };
}

/** Identifies a batch by its place and its bytes. */
function nameOf({ topic, partition, bytes }: PartitionBatch): string {
  return `${topic}/${partition}:${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`;
}
