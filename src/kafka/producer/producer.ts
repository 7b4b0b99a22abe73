/**
 * The producer: takes records, settles each once. Idempotent, `acks=all`; batches fill while the request before them
 * is away, so there is no lingering. The rule that keeps records from being lost, doubled or reordered:
 *
 * - one batch in flight per partition, one request in flight per broker;
 * - a batch keeps its bytes, producer id and sequence through every retry, until an answer says what became of it;
 * - batches are grouped by leader anew at each try, and each is resolved by its own partition's answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Metrics } from '../../metrics/metrics.ts';
import { errorCodeOf, explained, reasonOf } from '../error-code.ts';
import { BrokerError } from '../broker-error.ts';
import { BufferPool } from '../wire/buffer-pool.ts';
import { Cluster, type ClusterSettings } from '../cluster/cluster.ts';
import { backoff, ClusterWatch, type WatchSettings } from '../cluster/cluster-watch.ts';
import { codecs, type CompressionName } from '../wire/compression.ts';
import type { BatchLimits, PartitionQueue } from './partition-queue.ts';
import { partitioners, type PartitionerName } from './partitioner.ts';
import { PendingRecord } from './pending-record.ts';
import type { RecordOwner, RecordProducer } from './port.ts';
import { produce, type RecordConnection } from '../wire/produce-request.ts';
import type { KafkaRecord } from '../record.ts';
import { TopicPartitions } from './topic-partitions.ts';

export interface ProducerSettings extends ClusterSettings, WatchSettings {
  readonly compression: CompressionName;
  readonly partitioner: PartitionerName;
  /** Bytes of a batch before compression, at most; the topic's own limit may be lower. */
  readonly maxBatchBytes: number;
}

/** Bytes of a produce request, at most: what a broker reads in one go without holding up others for long. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

/** Milliseconds between looks at what is still unknown, while the producer closes. */
const CLOSE_LOOK_MS = 10;

interface FailureReason {
  /** Kafka's name for it, or `network`. */
  readonly name: string;
  /** In words for an operator, without addresses, where more is known than the name tells. */
  readonly problem?: string | undefined;
  /** For the log only. */
  readonly detail: string;
}

export class Producer implements RecordProducer {
  readonly #settings: ProducerSettings;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #cluster: Cluster;
  readonly #watch: ClusterWatch;
  readonly #limits: BatchLimits;
  readonly #topics = new Map<string, TopicPartitions>();
  readonly #busyBrokers = new Set<number>();
  /** Counts requests, so that lanes take turns. */
  #turn = 0;
  #wakeTimer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #pumpDue = false;
  #closing = false;
  #closed = false;

  constructor(settings: ProducerSettings, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#cluster = new Cluster(settings, () => this.#watch.soon(0));
    this.#watch = new ClusterWatch(settings, this.#cluster, () => this.#learn(), metrics, log);
    this.#limits = {
      maxBatchBytes: settings.maxBatchBytes,
      codec: codecs[settings.compression],
      pool: new BufferPool(),
    };
  }

  /** Makes the first acquaintance with the cluster; goes on trying until it succeeds. Resolves after the first try. */
  async start(): Promise<void> {
    await this.#watch.ask();
  }

  /** What keeps a topic from being written to, in words for an operator; undefined when nothing is known to. */
  problemOf(topic: string): string | undefined {
    return this.#watch.problemOf(topic);
  }

  /** The same, for somebody who tells it in the log in words of his own: the producer does not tell it, then. */
  takeProblem(topic: string): string | undefined {
    return this.#watch.takeProblem(topic);
  }

  /** Has the cluster told all that is needed to write to this topic? */
  knows(topic: string): boolean {
    return this.#cluster.topic(topic) !== undefined && this.#watch.producerId !== undefined;
  }

  /** More on a problem, for the log only: it names brokers and their addresses. */
  get problemDetail(): string {
    return this.#watch.detail;
  }

  /** Takes a record, whose size is `recordSize`'s; its owner hears what becomes of it. */
  send(record: KafkaRecord, size: number, owner: RecordOwner): PendingRecord {
    const pending = new PendingRecord(record, size, owner);
    if (this.#closing) {
      queueMicrotask(() => pending.settle({ kind: 'closed', mayBeWritten: false }));
      return pending;
    }
    const lanes = this.#lanesOf(record.topic);
    lanes.place(pending);
    if (lanes.waiting) this.#watch.soon(this.#settings.retryBackoffMs);
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
    this.#topics.get(pending.record.topic)?.adjust();
    return !pending.batched;
  }

  /**
   * Sends nothing new, goes on for `graceMs` at most with what may have been written, until it is known, settles what is
   * left as closed, and lets go of all connections.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const deadline = performance.now() + graceMs;
    while (this.#hasUnknown && performance.now() < deadline) await sleep(CLOSE_LOOK_MS);
    this.#closed = true;
    clearTimeout(this.#wakeTimer);
    this.#watch.close();
    for (const lanes of this.#topics.values()) lanes.close();
    await this.#cluster.close();
  }

  /** Is there a batch of which nobody knows whether it is written? */
  get #hasUnknown(): boolean {
    for (const { lanes } of this.#topics.values()) {
      if (lanes.some(({ busy, batch }) => busy || batch?.mayBeWritten === true)) return true;
    }
    return false;
  }

  #lanesOf(topic: string): TopicPartitions {
    let lanes = this.#topics.get(topic);
    if (!lanes) {
      lanes = new TopicPartitions(topic, partitioners[this.#settings.partitioner]);
      lanes.lay(this.#cluster.topic(topic)?.leaders.length ?? 0);
      this.#topics.set(topic, lanes);
      this.#watch.include(topic);
    }
    return lanes;
  }

  /** Something new is known of the cluster: partitions, leaders, a producer id. */
  #learn(): void {
    for (const lanes of this.#topics.values()) {
      const known = this.#cluster.topic(lanes.topic);
      if (known) lanes.lay(known.leaders.length);
      // A topic that the brokers create when asked about it is there a moment later.
      else if (lanes.waiting) this.#watch.soon(this.#settings.retryBackoffMs);
      // What failed and has nobody waiting any more would be held against the cluster for ever.
      for (const lane of lanes.lanes) if (!lane.waiting) lane.failures = 0;
      this.#reportSuccess(lanes.topic);
    }
    this.#pumpSoon();
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
    const byLeader = new Map<number, PartitionQueue[]>();
    for (const { lanes } of this.#topics.values()) {
      for (const lane of lanes) {
        const leader = this.#readyLeader(lane);
        if (leader === undefined) continue;
        const group = byLeader.get(leader);
        if (group) group.push(lane);
        else byLeader.set(leader, [lane]);
      }
    }
    for (const [leader, lanes] of byLeader) void this.#request(leader, this.#fitting(lanes));
  }

  /** The broker that a lane's next batch can go to now; where it cannot, sees that this changes. */
  #readyLeader(lane: PartitionQueue): number | undefined {
    if (lane.busy || !lane.waiting || (this.#closing && !lane.batch)) return undefined;
    if (lane.retryAt > Date.now()) {
      this.#pumpAt(lane.retryAt);
      return undefined;
    }
    const leader = this.#cluster.topic(lane.topic)?.leaders[lane.partition] ?? -1;
    if (!this.#cluster.hasBroker(leader)) {
      this.#watch.soon(this.#settings.retryBackoffMs);
      return undefined;
    }
    if (!lane.identity && this.#watch.producerId) lane.adopt(this.#watch.producerId);
    if (!lane.identity) this.#watch.soon(0);
    return lane.identity && !this.#busyBrokers.has(leader) ? leader : undefined;
  }

  async #request(leader: number, lanes: readonly PartitionQueue[]): Promise<void> {
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
      for (const topic of new Set(lanes.map((lane) => lane.topic))) this.#topics.get(topic)?.adjust();
      this.#pumpSoon();
    }
  }

  async #prepare(lanes: readonly PartitionQueue[]): Promise<PartitionQueue[]> {
    const ready: PartitionQueue[] = [];
    for (const lane of lanes) {
      const topic = this.#cluster.topic(lane.topic);
      if (topic && (await lane.prepare(topic, this.#limits))) ready.push(lane);
    }
    return ready;
  }

  async #exchange(leader: number, lanes: readonly PartitionQueue[]): Promise<void> {
    let broker: RecordConnection;
    try {
      broker = await this.#cluster.connect(leader);
    } catch (error) {
      // Nothing was sent.
      this.#cluster.suspect(leader);
      this.#failed(lanes, networkReason(leader, error), false);
      return;
    }
    const batches = lanes.flatMap(({ topic, partition, batch }) =>
      batch ? [{ topic, partition, bytes: batch.bytes }] : [],
    );
    for (const { batch } of lanes) for (const record of batch?.records ?? []) record.send();
    const stopTimer = this.#metrics.acknowledgementSeconds.startTimer();
    try {
      const { responses } = await produce(broker, batches, this.#settings.requestTimeoutMs);
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
      const fault = this.#cluster.brokerErrorOf(broker, error);
      // After a time-out the library loses its place in the stream, should the answer still come.
      void broker.connection.close();
      this.#cluster.suspect(leader);
      this.#failed(lanes, networkReason(leader, fault), true);
    }
  }

  /** What one partition's answer means for its batch. */
  #resolve(lane: PartitionQueue, code: number, culprits: readonly number[]): void {
    const { batch } = lane;
    if (!batch) return;
    const { name, meaning } = errorCodeOf(code);
    switch (meaning) {
      case 'written':
        this.#metrics.batches.inc();
        this.#metrics.batchBytes.inc(batch.bytes.length);
        this.#metrics.batchRecords.observe(batch.records.length);
        this.#metrics.duplicatesPossible.inc(lane.recordsPerhapsTwice);
        lane.written();
        this.#reportSuccess(lane.topic);
        break;
      case 'retry':
      case 'unknown':
        this.#failed([lane], { name, detail: `partition ${lane.partition}` }, meaning === 'unknown');
        break;
      case 'too-large':
        lane.tooLarge();
        this.#watch.soon(0);
        break;
      case 'timestamp':
        lane.timesRefused(culprits, name);
        break;
      case 'producer-lost':
        this.#loseProducer(lane, name);
        break;
      case 'never':
        if (!lane.refused(culprits, name)) {
          this.#failed([lane], { name, detail: `partition ${lane.partition}` }, false);
        }
        break;
    }
  }

  /** The batches are sent again, in a while, perhaps to another leader. */
  #failed(lanes: readonly PartitionQueue[], reason: FailureReason, mayBeWritten: boolean): void {
    const { name, detail } = reason;
    const topics = new Set(lanes.map(({ topic }) => topic));
    const problem = reason.problem ?? (name === 'network' ? 'its broker does not answer' : explained(name));
    for (const topic of topics) this.#watch.reportFailure(topic, problem, detail);
    this.#metrics.retries.inc({ reason: name }, lanes.length);
    this.#log.debug({ topics: [...topics], reason: name, detail, mayBeWritten }, 'a produce request failed');
    for (const lane of lanes) {
      lane.failed(mayBeWritten);
      this.#delay(lane);
    }
    this.#watch.soon(0);
  }

  #reportSuccess(topic: string): void {
    if (this.#watch.problemOf(topic) === undefined) return;
    const lanes = this.#topics.get(topic)?.lanes ?? [];
    if (!lanes.some(({ failures }) => failures > 0)) this.#watch.reportSuccess(topic);
  }

  /**
   * The broker has lost count of us. A new producer id starts a new count; a batch of which an earlier attempt may have
   * been written can then no longer be recognised, so it may be there twice.
   */
  #loseProducer(lane: PartitionQueue, reason: string): void {
    const { topic, partition, batch, identity } = lane;
    const mayBeWritten = batch?.mayBeWritten === true;
    if (mayBeWritten) this.#metrics.duplicatesPossible.inc(batch.records.length);
    this.#log.warn({ topic, partition, reason, mayBeWritten }, 'producer id lost');
    this.#metrics.retries.inc({ reason });
    this.#watch.discard(identity);
    lane.forgetIdentity();
    lane.dissolve();
    this.#delay(lane);
  }

  #delay(lane: PartitionQueue): void {
    lane.failures += 1;
    lane.retryAt = Date.now() + backoff(lane.failures, this.#settings.retryBackoffMs);
  }

  /** As many lanes as make one request, from another one on each time, so that none is always left for the next. */
  #fitting(lanes: readonly PartitionQueue[]): PartitionQueue[] {
    this.#turn += 1;
    const from = this.#turn % lanes.length;
    let bytes = 0;
    return [...lanes.slice(from), ...lanes.slice(0, from)].filter((lane, index) => {
      bytes += lane.nextBytes(this.#limits.maxBatchBytes);
      return index === 0 || bytes <= MAX_REQUEST_BYTES;
    });
  }
}

function networkReason(leader: number, error: unknown): FailureReason {
  const problem = error instanceof BrokerError ? error.problem : undefined;
  return { name: 'network', problem, detail: `broker ${leader}: ${reasonOf(error)}` };
}
