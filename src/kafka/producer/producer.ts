/**
 * The producer takes records, and settles each once. It is idempotent and uses `acks=all`. Batches fill while the
 * previous request is in flight, and while each turn of the event loop brings records, so there is no linger time. This
 * rule prevents lost, doubled and reordered records:
 *
 * - one batch in flight per partition, one request in flight per broker;
 * - a batch keeps its bytes, producer id and sequence through every retry, until an answer tells its outcome;
 * - batches are grouped by leader again at each attempt, and each is resolved by its own partition's answer.
 */
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { sleep, type Time, type Timer } from '../../support/time.ts';
import type { Brokers } from '../cluster/brokers.ts';
import { Cluster, type ClusterSettings } from '../cluster/cluster.ts';
import { ClusterWatch, type WatchSettings } from '../cluster/cluster-watch.ts';
import type { KafkaRecord } from '../record.ts';
import type { Codecs, CompressionName } from '../wire/compression.ts';
import { BufferPool } from '../wire/record-batch.ts';
import { LeaderRequests } from './leader-requests.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { partitioners, type PartitionerName } from './partitioner.ts';
import { PendingRecord } from './pending-record.ts';
import type { NeverTaken, RecordOwner, RecordProducer } from './port.ts';
import { TopicCodecs } from './topic-codecs.ts';
import { TopicPartitions } from './topic-partitions.ts';

export interface ProducerSettings extends ClusterSettings, WatchSettings {
  readonly compression: CompressionName;
  readonly partitioner: PartitionerName;
  /** Most bytes of a batch, before compression. The topic's own limit may be lower. */
  readonly maxBatchBytes: number;
}

/** All that a producer depends on. Tests hand in simulated parts. */
export interface ProducerParts {
  readonly brokers: Brokers;
  readonly time: Time;
  /** Returns a number from 0 up to 1. It places records without a key. */
  readonly random: () => number;
  readonly codecs: Codecs;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Milliseconds between two questions for the limits of topics while records are too large for them. */
const LIMIT_POLL_MS = 1000;

/** Milliseconds between two checks for batches of unknown outcome while the producer closes. */
const CLOSE_POLL_MS = 10;

/**
 * Turns of the event loop that records wait for more of the same burst, as long as each turn brings some. Then a request
 * carries more of them: at 32 connections the records of all, not of every second. Measured there, and at 700 events a second
 * from 24 senders: a fifth less work for an event.
 */
const BURST_TURNS = 3;

/** Bytes of waiting records with which a request does not wait for more. */
const BURST_BYTES = 256 * 1024;

export class Producer implements RecordProducer {
  readonly #settings: ProducerSettings;
  readonly #parts: ProducerParts;
  readonly #time: Time;
  /** Difference of the wall clock to the monotonic clock at the start, in milliseconds. */
  readonly #wallOffset: number;
  readonly #cluster: Cluster;
  readonly #watch: ClusterWatch;
  readonly #requests: LeaderRequests;
  readonly #topics = new Map<string, TopicPartitions>();
  #wakeTimer: Timer | undefined;
  /** When the timer fires, on the monotonic clock. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #pumpDue = false;
  /** Turns of the event loop until the pump that is due, at most. */
  #turnsLeft = 0;
  /** Records or answers have come since the last turn. */
  #isBurst = false;
  #closing = false;
  #closed = false;

  constructor(settings: ProducerSettings, parts: ProducerParts) {
    const { brokers, time } = parts;
    this.#settings = settings;
    this.#parts = parts;
    this.#time = time;
    this.#wallOffset = time.wall.now() - time.monotonic.now();
    this.#cluster = new Cluster(settings, brokers);
    this.#watch = new ClusterWatch(settings, this.#cluster, () => this.#learn(), parts);
    brokers.onDisconnect(() => this.#watch.soon(0));
    const making = {
      maxBatchBytes: settings.maxBatchBytes,
      pool: new BufferPool(),
      wall: time.wall,
      monotonic: time.monotonic,
    };
    const onEnd = (topics: readonly string[]) => this.#requestEnded(topics);
    this.#requests = new LeaderRequests(
      settings.retryBackoffMs,
      making,
      this.#cluster,
      this.#watch,
      parts,
      onEnd,
    );
  }

  /** Asks the cluster for the first time, and repeats it until a broker answers. Resolves after the first attempt. */
  async start(): Promise<void> {
    await this.#watch.ask();
  }

  /** Why the topic cannot be written to, in words for an operator; undefined if no reason is known. */
  problemOf(topic: string): string | undefined {
    return this.#watch.problemOf(topic);
  }

  /** Why Kafka refuses every record of the topic, in words for an operator; undefined if it takes some. */
  refusalOf(topic: string): string | undefined {
    return this.#watch.refusalOf(topic);
  }

  /** The problems of all topics that cannot be written to, by topic. */
  get problems(): ReadonlyMap<string, string> {
    return this.#watch.problems;
  }

  /** The same as `problemOf`, for a caller that logs the problem itself: the producer then does not log it. */
  takeProblem(topic: string): string | undefined {
    return this.#watch.takeProblem(topic);
  }

  /** Details of a topic's problem, for the log only: they name brokers and their addresses. */
  detailOf(topic: string): string | undefined {
    return this.#watch.detailOf(topic);
  }

  /** Has the cluster told all that is needed to write to this topic? */
  knows(topic: string): boolean {
    return this.#cluster.topic(topic) !== undefined && this.#watch.producerId !== undefined;
  }

  /** Asks the cluster now, for the topics in use. A record that was too large for a topic can then be tried again. */
  async refresh(topics: readonly string[]): Promise<void> {
    await this.#watch.askAgain();
    for (const topic of topics)
      for (const queue of this.#topics.get(topic)?.queues ?? []) queue.forgetRefused();
  }

  /** Asks the cluster for these topics from now on, before their first record. */
  watch(topics: readonly string[]): void {
    for (const topic of topics) this.#watch.include(topic);
  }

  /** Takes a record. `size` is what `recordSize` gives for it. The owner hears the outcome. */
  send(record: KafkaRecord, size: number, owner: RecordOwner): PendingRecord {
    const pending = new PendingRecord(record, size, owner);
    if (this.#closing) {
      queueMicrotask(() => pending.settle({ kind: 'closed', mayBeWritten: false }));
      return pending;
    }
    const partitions = this.#partitionsOf(record.topic);
    const queue = partitions.place(pending);
    this.#isBurst = true;
    if (partitions.isAwaited) this.#watch.soon(this.#settings.retryBackoffMs);
    // A request in flight pumps at its end.
    if (!queue || !this.#requests.isBusy(this.#leaderOf(queue))) this.#pumpSoon();
    return pending;
  }

  /**
   * Gives up waiting for a record. Returns true if it will certainly not be written, false if it may be, because it
   * is already in a batch.
   */
  withdraw(pending: PendingRecord): boolean {
    pending.withdrawn = true;
    // Lets the queue drop withdrawn records, so that it does not grow while Kafka is unavailable.
    pending.queue?.forget(pending);
    this.#topics.get(pending.record.topic)?.adjust();
    return !pending.batched;
  }

  /**
   * Stops sending new batches. Repeats batches that may have been written until their outcome is known, for `graceMs`
   * at most. Settles the remaining records as closed, and closes all connections.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const deadline = this.#time.monotonic.now() + graceMs;
    while (this.#hasUnknown() && this.#time.monotonic.now() < deadline) {
      await sleep(this.#time, CLOSE_POLL_MS);
    }
    this.#closed = true;
    this.#wakeTimer?.[Symbol.dispose]();
    this.#watch.close();
    this.#cluster.close();
    for (const partitions of this.#topics.values()) partitions.close();
    await this.#parts.brokers.close();
  }

  /** Is there a batch for which it is unknown whether it is written? */
  #hasUnknown(): boolean {
    for (const { queues } of this.#topics.values()) {
      if (queues.some(({ isUnknown }) => isUnknown)) return true;
    }
    return false;
  }

  #refused(topic: string, outcome: NeverTaken): void {
    this.#watch.reportRefused(topic, reasonOf(outcome));
    // An operator may raise the limit now: further events must not be refused until the next regular question.
    if (outcome.kind === 'too-large') this.#watch.soon(LIMIT_POLL_MS);
  }

  #partitionsOf(topic: string): TopicPartitions {
    let partitions = this.#topics.get(topic);
    if (!partitions) {
      const { partitioner, compression } = this.#settings;
      const { random, codecs, time, log } = this.#parts;
      partitions = new TopicPartitions(topic, partitioners[partitioner], random, {
        codecs: new TopicCodecs(topic, compression, codecs, time.monotonic, log),
        refused: (outcome) => this.#refused(topic, outcome),
        perhapsTwice: (records) => this.#parts.metrics.duplicatesPossible.inc(records),
        now: () => this.#latestNow(),
      });
      partitions.resize(this.#cluster.topic(topic)?.leaders.length ?? 0);
      this.#topics.set(topic, partitions);
      this.#watch.include(topic);
    }
    return partitions;
  }

  /** Uses new knowledge of the cluster: partitions, leaders, a producer id. */
  #learn(): void {
    for (const partitions of this.#topics.values()) {
      const known = this.#cluster.topic(partitions.topic);
      if (known) partitions.resize(known.leaders.length);
      // A topic that the brokers create on request exists a moment later.
      else if (partitions.isAwaited) this.#watch.soon(this.#settings.retryBackoffMs);
      // Otherwise failures of withdrawn records would count against the cluster for ever.
      for (const queue of partitions.queues) if (!queue.hasWork) queue.failures = 0;
      this.#reportSuccess(partitions);
    }
    this.#pumpSoon();
  }

  /**
   * Pumps in the next turn of the event loop, or a few turns later while a burst lasts. Without a timer: a turn of a loop
   * that is idle takes some microseconds.
   */
  #pumpSoon(): void {
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    this.#turnsLeft = BURST_TURNS;
    this.#time.setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#turnsLeft -= 1;
    const waits = this.#turnsLeft > 0 && this.#isBurst && this.#isWorthMore();
    this.#isBurst = false;
    if (waits) {
      this.#time.setImmediate(this.#onTurn);
      return;
    }
    this.#pumpDue = false;
    this.#pump();
  };

  /** Do records wait, but so few bytes that more in the same request save work? */
  #isWorthMore(): boolean {
    let bytes = 0;
    for (const { queues } of this.#topics.values()) for (const { waiting } of queues) bytes += waiting.bytes;
    return bytes > 0 && bytes < BURST_BYTES;
  }

  #pumpAt(moment: number): void {
    if (moment >= this.#wakeAt) return;
    this.#wakeTimer?.[Symbol.dispose]();
    this.#wakeAt = moment;
    this.#wakeTimer = this.#time.setTimeout(
      () => {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.#pump();
      },
      Math.max(0, moment - this.#time.monotonic.now()),
    );
  }

  /** Sends what can be sent: one request to each leader that has no request in flight. */
  #pump(): void {
    if (this.#closed) return;
    const byLeader = new Map<number, PartitionQueue[]>();
    for (const { queues } of this.#topics.values()) {
      for (const queue of queues) {
        const leader = this.#readyLeader(queue);
        if (leader === undefined) continue;
        const group = byLeader.get(leader);
        if (group) group.push(queue);
        else byLeader.set(leader, [queue]);
      }
    }
    for (const [leader, queues] of byLeader) void this.#requests.send(leader, queues);
  }

  /**
   * Milliseconds since the epoch. Brokers count the age of a producer by their own clock. The later one is the safe side, if
   * that of this machine is set back.
   */
  #latestNow(): number {
    const { wall, monotonic } = this.#time;
    return Math.max(wall.now(), monotonic.now() + this.#wallOffset);
  }

  /** -1 if none is known. */
  #leaderOf({ topic, partition }: PartitionQueue): number {
    return this.#cluster.topic(topic)?.leaders[partition] ?? -1;
  }

  /** The broker that can take a queue's next batch now. If there is none, this starts what is needed to change that. */
  #readyLeader(queue: PartitionQueue): number | undefined {
    if (queue.busy || !queue.hasWork || (this.#closing && !queue.batch)) return undefined;
    if (queue.retryAt > this.#time.monotonic.now()) {
      this.#pumpAt(queue.retryAt);
      return undefined;
    }
    const leader = this.#leaderOf(queue);
    if (!this.#cluster.hasBroker(leader)) {
      this.#watch.soon(this.#settings.retryBackoffMs);
      return undefined;
    }
    const { producerId } = this.#watch;
    if (!queue.identity && producerId) {
      if (queue.hasLost(producerId)) this.#watch.discard(producerId);
      else queue.adopt(producerId);
    }
    if (!queue.identity) this.#watch.soon(0);
    return queue.identity && !this.#requests.isBusy(leader) ? leader : undefined;
  }

  #requestEnded(topics: readonly string[]): void {
    for (const topic of topics) {
      const partitions = this.#topics.get(topic);
      partitions?.adjust();
      if (partitions) this.#reportSuccess(partitions);
    }
    // Senders that get their answers together often post again together.
    this.#isBurst = true;
    this.#pumpSoon();
    this.#turnsLeft = BURST_TURNS;
  }

  #reportSuccess({ topic, isFailing }: TopicPartitions): void {
    if (this.#watch.problemOf(topic) !== undefined && !isFailing) this.#watch.reportSuccess(topic);
  }
}

/** Why Kafka never takes a record, in words for an operator. */
function reasonOf(outcome: NeverTaken): string {
  if (outcome.kind === 'refused') return outcome.reason;
  return `MESSAGE_TOO_LARGE: the topic takes at most ${outcome.limit} bytes (max.message.bytes)`;
}
