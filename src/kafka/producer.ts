/**
 * The producer: takes records, settles each once. Idempotent, `acks=all`; batches fill while the request before them
 * is away, so there is no lingering. The rule that keeps records from being lost, doubled or reordered:
 *
 * - one batch in flight per partition, one request in flight per broker;
 * - a batch keeps its bytes, producer id and sequence through every retry, until an answer says what became of it;
 * - batches are grouped by leader anew at each try, and each is resolved by its own partition's answer.
 */
import type { Connection } from '@platformatic/kafka';
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import { brokerError, reasonOf } from './broker-error.ts';
import { Cluster, type ClusterSettings, type ProducerId } from './cluster.ts';
import { codecs, type CompressionName } from './compression.ts';
import { PartitionLane, type LaneLimits } from './partition-lane.ts';
import { partitioners, type Partitioner, type PartitionerName } from './partitioner.ts';
import { PendingQueue, PendingRecord, type Outcome } from './pending-record.ts';
import { produce } from './produce-request.ts';
import type { KafkaRecord } from './record.ts';

export interface ProducerSettings extends ClusterSettings {
  /** Topics to know from the start, the main topic first. */
  readonly topics: readonly [string, ...string[]];
  readonly compression: CompressionName;
  readonly partitioner: PartitionerName;
  /** Bytes of a batch before compression, at most; the topic's own limit may be lower. */
  readonly maxBatchBytes: number;
  readonly retryBackoffMs: number;
  readonly metadataMaxAgeMs: number;
}

/** Bytes of a produce request, at most: what a broker reads in one go without holding up others for long. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

/** Milliseconds between tries grow from `retryBackoffMs` up to this. */
const MAX_BACKOFF_MS = 1000;

interface TopicLanes {
  readonly lanes: PartitionLane[];
  /** Records whose partition cannot be chosen before the topic is known. */
  readonly unplaced: PendingQueue;
}

export class Producer {
  readonly #settings: ProducerSettings;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #cluster: Cluster;
  readonly #choosePartition: Partitioner;
  readonly #limits: LaneLimits;
  readonly #topics = new Map<string, TopicLanes>();
  readonly #busyBrokers = new Set<number>();
  #producerId: ProducerId | undefined;
  #refreshing = false;
  #refreshFailures = 0;
  #refreshTimer: NodeJS.Timeout | undefined;
  #wakeTimer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #pumpDue = false;
  #closed = false;
  #problem: string | undefined = 'Kafka has not been asked yet';

  constructor(settings: ProducerSettings, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#cluster = new Cluster(settings);
    this.#choosePartition = partitioners[settings.partitioner];
    this.#limits = { maxBatchBytes: settings.maxBatchBytes, codec: codecs[settings.compression] };
    for (const topic of settings.topics) this.#lanesOf(topic);
  }

  /** Makes the first acquaintance with the cluster; goes on trying until it succeeds. Resolves after the first try. */
  async start(): Promise<void> {
    await this.#refresh();
  }

  /** What keeps the main topic from being written to, in words for an operator; undefined when nothing is known to. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes a record; `settle` is called once, unless the record is withdrawn first. */
  send(record: KafkaRecord, settle: (outcome: Outcome) => void): PendingRecord {
    const pending = new PendingRecord(record, settle);
    if (this.#closed) {
      queueMicrotask(() => settle({ kind: 'closed', mayBeWritten: false }));
      return pending;
    }
    this.#place(pending);
    this.#pumpSoon();
    return pending;
  }

  /**
   * Gives up waiting for a record. Returns true when it will surely not be written, false when it may be: it is in a
   * batch already.
   */
  withdraw(pending: PendingRecord): boolean {
    pending.withdrawn = true;
    // Lets the queue drop what nobody waits for, so that it does not grow while Kafka is away.
    pending.queue?.peek();
    return !pending.batched;
  }

  /** Settles what is left as closed, and lets go of all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refreshTimer);
    clearTimeout(this.#wakeTimer);
    for (const { lanes, unplaced } of this.#topics.values()) {
      for (const record of unplaced.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
      for (const lane of lanes) {
        for (const record of lane.batch?.records ?? []) record.settle({ kind: 'closed', mayBeWritten: true });
        for (const record of lane.queue.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
      }
    }
    await this.#cluster.close();
  }

  #lanesOf(topic: string): TopicLanes {
    let lanes = this.#topics.get(topic);
    if (!lanes) {
      lanes = { lanes: [], unplaced: new PendingQueue() };
      this.#topics.set(topic, lanes);
    }
    return lanes;
  }

  #place(pending: PendingRecord): void {
    const { topic, key } = pending.record;
    const { lanes, unplaced } = this.#lanesOf(topic);
    if (lanes.length === 0) {
      unplaced.push(pending);
      this.#refreshSoon(0);
    } else {
      // Java's and librdkafka's clients, too, are free where there is no key.
      const partition =
        key === null ? Math.floor(Math.random() * lanes.length) : this.#choosePartition(key, lanes.length);
      lanes[partition]?.queue.push(pending);
    }
  }

  /** Once per turn of the event loop: all that arrived in one turn goes into one batch. */
  #pumpSoon(): void {
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    setImmediate(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  #pumpAt(time: number): void {
    if (time >= this.#wakeAt) return;
    clearTimeout(this.#wakeTimer);
    this.#wakeAt = time;
    this.#wakeTimer = setTimeout(
      () => {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.#pump();
      },
      Math.max(0, time - Date.now()),
    );
  }

  /** Sends what can be sent: one request to each leader that has none away. */
  #pump(): void {
    if (this.#closed) return;
    const now = Date.now();
    const byLeader = new Map<number, PartitionLane[]>();
    for (const [topic, { lanes }] of this.#topics) {
      const leaders = this.#cluster.topic(topic)?.leaders;
      for (const lane of lanes) {
        if (lane.busy || !lane.waiting) continue;
        if (lane.retryAt > now) {
          this.#pumpAt(lane.retryAt);
          continue;
        }
        const leader = leaders?.[lane.partition] ?? -1;
        if (!this.#cluster.hasBroker(leader)) this.#refreshSoon(this.#settings.retryBackoffMs);
        else if (this.#identify(lane) && !this.#busyBrokers.has(leader)) {
          const group = byLeader.get(leader);
          if (group) group.push(lane);
          else byLeader.set(leader, [lane]);
        }
      }
    }
    for (const [leader, lanes] of byLeader) void this.#request(leader, fitting(lanes));
  }

  /** Sees that a lane has a producer id; false while there is none. */
  #identify(lane: PartitionLane): boolean {
    if (!lane.identity && this.#producerId) lane.adopt(this.#producerId);
    if (!lane.identity) this.#refreshSoon(0);
    return lane.identity !== undefined;
  }

  async #request(leader: number, lanes: readonly PartitionLane[]): Promise<void> {
    this.#busyBrokers.add(leader);
    for (const lane of lanes) lane.busy = true;
    try {
      const sending = await this.#prepare(lanes);
      if (sending.length > 0) await this.#exchange(leader, sending);
    } catch (error) {
      // A defect of ours must not leave a partition blocked for ever.
      this.#log.error({ err: error }, 'a produce request failed unexpectedly');
      for (const lane of lanes) this.#delay(lane);
    } finally {
      this.#busyBrokers.delete(leader);
      for (const lane of lanes) lane.busy = false;
      this.#pumpSoon();
    }
  }

  async #prepare(lanes: readonly PartitionLane[]): Promise<PartitionLane[]> {
    const ready: PartitionLane[] = [];
    for (const lane of lanes) {
      const topic = this.#cluster.topic(lane.topic);
      if (topic && (await lane.prepare(topic, this.#limits))) ready.push(lane);
    }
    return ready;
  }

  async #exchange(leader: number, lanes: readonly PartitionLane[]): Promise<void> {
    let connection: Connection;
    try {
      connection = await this.#cluster.connect(leader);
    } catch (error) {
      // Nothing was sent.
      this.#failed(lanes, `broker ${leader}: ${reasonOf(error)}`, 'network', false);
      return;
    }
    const batches = lanes.flatMap(({ topic, partition, batch }) =>
      batch ? [{ topic, partition, bytes: batch.bytes }] : [],
    );
    for (const { batch } of lanes) if (batch) batch.attempts += 1;
    const stopTimer = this.#metrics.acknowledgementSeconds.startTimer();
    try {
      const { responses } = await produce(connection, batches, this.#settings.requestTimeoutMs);
      stopTimer();
      const codes = new Map(
        responses.flatMap(({ name, partitionResponses }) =>
          partitionResponses.map((answer) => [`${name}/${answer.index}`, answer] as const),
        ),
      );
      for (const lane of lanes) {
        const answer = codes.get(`${lane.topic}/${lane.partition}`);
        this.#resolve(
          lane,
          answer?.errorCode ?? -1,
          answer?.recordErrors.map(({ batchIndex }) => batchIndex) ?? [],
        );
      }
    } catch (error) {
      // After a time-out the library loses its place in the stream, should the answer still come.
      void connection.close();
      this.#failed(lanes, `broker ${leader}: ${reasonOf(error)}`, 'network', true);
    }
  }

  /** What one partition's answer means for its batch. */
  #resolve(lane: PartitionLane, code: number, culprits: readonly number[]): void {
    const { batch } = lane;
    if (!batch) return;
    const { name, meaning } = brokerError(code);
    switch (meaning) {
      case 'written':
        this.#metrics.batches.inc();
        this.#metrics.batchBytes.inc(batch.bytes.length);
        this.#metrics.batchRecords.observe(batch.records.length);
        lane.written();
        this.#setProblem(undefined);
        break;
      case 'retry':
      case 'unknown':
        this.#failed([lane], `${lane.topic}/${lane.partition}: ${name}`, name, meaning === 'unknown');
        break;
      case 'too-large':
        lane.tooLarge();
        this.#refreshSoon(0);
        break;
      case 'timestamp':
        for (const [index, record] of batch.records.entries()) {
          if (culprits.length > 0 && !culprits.includes(index)) continue;
          if (record.timestamp === record.record.arrivedAt)
            record.withdrawAs({ kind: 'refused', reason: name });
          record.timestamp = record.record.arrivedAt;
        }
        lane.dissolve();
        break;
      case 'producer-lost':
        this.#loseProducer(lane, name);
        break;
      case 'never':
        for (const record of batch.records) record.withdrawAs({ kind: 'refused', reason: name });
        lane.dissolve();
        break;
    }
  }

  /** The batch is sent again, in a while, perhaps to another leader. */
  #failed(lanes: readonly PartitionLane[], problem: string, reason: string, mayBeWritten: boolean): void {
    this.#setProblem(problem);
    this.#metrics.retries.inc({ reason }, lanes.length);
    for (const lane of lanes) {
      if (lane.batch && mayBeWritten) lane.batch.mayBeWritten = true;
      // Surely not written: free to be withdrawn, and to be batched with what has come since.
      if (lane.batch && !lane.batch.mayBeWritten) lane.dissolve();
      this.#delay(lane);
    }
    this.#refreshSoon(0);
  }

  /**
   * The broker has lost count of us. A new producer id starts a new count; a batch of which an earlier attempt may have
   * been written can then no longer be recognised, so it may be there twice.
   */
  #loseProducer(lane: PartitionLane, reason: string): void {
    const mayBeWritten = lane.batch?.mayBeWritten === true;
    if (mayBeWritten) this.#metrics.duplicatesPossible.inc(lane.batch?.records.length ?? 0);
    this.#log.warn(
      { topic: lane.topic, partition: lane.partition, reason, mayBeWritten },
      'producer id lost',
    );
    this.#metrics.retries.inc({ reason });
    if (this.#producerId === lane.identity) this.#producerId = undefined;
    lane.forgetIdentity();
    lane.dissolve();
    this.#delay(lane);
  }

  #delay(lane: PartitionLane): void {
    lane.failures += 1;
    lane.retryAt = Date.now() + this.#backoff(lane.failures);
  }

  #backoff(failures: number): number {
    return Math.min(MAX_BACKOFF_MS, this.#settings.retryBackoffMs * 2 ** Math.min(failures - 1, 10));
  }

  #refreshSoon(delayMs: number): void {
    if (this.#refreshing || this.#closed) return;
    if (this.#refreshFailures > 0 && this.#refreshTimer) return;
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.#refresh(), delayMs);
  }

  /** Asks where everything is, and for a producer id where there is none; asks again in good time, or soon when it failed. */
  async #refresh(): Promise<void> {
    if (this.#refreshing || this.#closed) return;
    this.#refreshing = true;
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = undefined;
    try {
      const problems = await this.#cluster.refresh([...this.#topics.keys()]);
      for (const topic of this.#topics.keys()) this.#layLanes(topic);
      this.#producerId ??= await this.#cluster.allocateProducerId();
      const [main] = this.#settings.topics;
      const problem = problems.get(main);
      this.#refreshFailures = problem === undefined ? 0 : this.#refreshFailures + 1;
      if (problem !== undefined) this.#setProblem(`topic ${main}: ${problem}`);
      else if (!this.#anyLaneFails()) this.#setProblem(undefined);
      this.#pumpSoon();
    } catch (error) {
      this.#refreshFailures += 1;
      this.#setProblem(`no broker answers: ${reasonOf(error)}`);
    } finally {
      this.#refreshing = false;
    }
    const next =
      this.#refreshFailures > 0 ? this.#backoff(this.#refreshFailures) : this.#settings.metadataMaxAgeMs;
    if (!this.#isClosed()) this.#refreshTimer = setTimeout(() => void this.#refresh(), next);
  }

  /** `close` may have been called while a question was out; a plain read would be taken for known. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #anyLaneFails(): boolean {
    return [...this.#topics.values()].some(({ lanes }) => lanes.some(({ failures }) => failures > 0));
  }

  /** Gives a topic a lane for each partition, and the records that waited for one their place. */
  #layLanes(topic: string): void {
    const leaders = this.#cluster.topic(topic)?.leaders ?? [];
    const { lanes, unplaced } = this.#lanesOf(topic);
    for (let partition = lanes.length; partition < leaders.length; partition++) {
      lanes.push(new PartitionLane(topic, partition));
    }
    if (lanes.length > 0) for (const pending of unplaced.drain()) this.#place(pending);
  }

  #setProblem(problem: string | undefined): void {
    if (problem !== undefined && this.#problem === undefined) this.#log.warn({ problem }, 'Kafka is away');
    if (problem === undefined && this.#problem !== undefined) this.#log.info('Kafka can be written to');
    this.#problem = problem;
    this.#metrics.kafkaUp.set(problem === undefined ? 1 : 0);
  }
}

/** As many lanes as make one request; the rest go with the next. */
function fitting(lanes: readonly PartitionLane[]): PartitionLane[] {
  let bytes = 0;
  const fitted = lanes.filter((lane, index) => {
    bytes += lane.nextBytes;
    return index === 0 || bytes <= MAX_REQUEST_BYTES;
  });
  return fitted;
}
