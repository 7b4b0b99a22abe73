/**
 * Produce requests, one in flight per broker. Makes batches of the waiting records, sends them to their leader, and
 * acts on the answer for each partition.
 */
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { errorText } from '../../support/error-text.ts';
import type { Time } from '../../support/time.ts';
import { BrokerError } from '../broker-error.ts';
import type { PartitionAnswer, PartitionBatch, RecordConnection } from '../cluster/brokers.ts';
import type { Cluster, Topic } from '../cluster/cluster.ts';
import type { ClusterWatch } from '../cluster/cluster-watch.ts';
import { errorCodeOf, explained } from '../error-code.ts';
import type { Batch, BatchMaking } from './batch.ts';
import type { PartitionQueue } from './partition-queue.ts';
import type { TimesRefusal } from './record-times.ts';
import { forOneRequest, RequestSizes } from './request-sizes.ts';

export interface RequestParts {
  readonly time: Time;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Kafka's UNKNOWN_SERVER_ERROR. It stands for a partition that an answer leaves out. */
const NO_ANSWER = { errorCode: -1, baseOffset: -1, culprits: [], message: null } as const;

/** The reason of a failed request that has no answer. */
const NETWORK = 'network';

/** Kafka's names of the errors of a broker that cannot read a batch: without a codec's library, for one. */
const UNREADABLE: readonly string[] = ['CORRUPT_MESSAGE', 'UNKNOWN_SERVER_ERROR'];

export class LeaderRequests {
  readonly #retryBackoffMs: number;
  readonly #making: BatchMaking;
  readonly #cluster: Cluster;
  readonly #watch: ClusterWatch;
  readonly #time: Time;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #onEnd: (topics: readonly string[]) => void;
  readonly #busyBrokers = new Set<number>();
  readonly #sizes: RequestSizes;
  /** The topics whose broker has another time, as the log has said. */
  readonly #differingClocks = new Set<string>();
  /** Counts requests, so that partition queues take turns. */
  #turn = 0;

  /**
   * `onEnd` is called after each request with the topics of its batches. Their queues are then free for the next
   * request.
   */
  constructor(
    retryBackoffMs: number,
    making: BatchMaking,
    cluster: Cluster,
    watch: ClusterWatch,
    parts: RequestParts,
    onEnd: (topics: readonly string[]) => void,
  ) {
    this.#retryBackoffMs = retryBackoffMs;
    this.#making = making;
    this.#cluster = cluster;
    this.#watch = watch;
    this.#time = parts.time;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    this.#onEnd = onEnd;
    this.#sizes = new RequestSizes(parts.time.monotonic);
  }

  /** Has this broker a request in flight? */
  isBusy(leader: number): boolean {
    return this.#busyBrokers.has(leader);
  }

  /** Sends one request with the batches of as many of these queues as fit. Never rejects. */
  async send(leader: number, candidates: readonly PartitionQueue[]): Promise<void> {
    this.#turn += 1;
    const queues = forOneRequest(
      candidates,
      this.#turn,
      this.#making.maxBatchBytes,
      this.#sizes.limitOf(leader),
    );
    this.#busyBrokers.add(leader);
    for (const queue of queues) queue.busy = true;
    try {
      const preparing = this.#prepare(queues);
      const ready = preparing instanceof Promise ? await preparing : preparing;
      if (ready.length > 0) await this.#exchange(leader, ready);
    } catch (error) {
      // A defect of the proxy must not block a partition for ever.
      this.#log.error({ error }, 'a produce request failed unexpectedly');
      for (const queue of queues) this.#delay(queue);
    } finally {
      this.#busyBrokers.delete(leader);
      for (const queue of queues) queue.busy = false;
      this.#onEnd(topicsOf(queues));
    }
  }

  /** Makes the batch of each queue. Returns the queues with one; a promise only if a codec needs one. */
  #prepare(queues: readonly PartitionQueue[]): PartitionQueue[] | Promise<PartitionQueue[]> {
    const ready: PartitionQueue[] = [];
    for (const [index, queue] of queues.entries()) {
      const topic = this.#cluster.topic(queue.topic);
      const batch = topic && queue.prepare(topic, this.#making);
      if (batch instanceof Promise) return this.#prepareLater(batch, queues.slice(index), ready);
      if (batch) ready.push(queue);
    }
    return ready;
  }

  async #prepareLater(
    first: Promise<Batch | undefined>,
    queues: readonly PartitionQueue[],
    ready: readonly PartitionQueue[],
  ): Promise<PartitionQueue[]> {
    const isReady = await first;
    const [queue, ...others] = queues;
    return [...ready, ...(queue && isReady ? [queue] : []), ...(await this.#prepare(others))];
  }

  async #exchange(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    let connection: RecordConnection;
    try {
      const connecting = this.#cluster.connect(leader);
      connection = connecting instanceof Promise ? await connecting : connecting;
    } catch (error) {
      // Nothing was sent.
      this.#sizes.innocent(leader);
      this.#brokerFailed(leader, queues, error, false);
      return;
    }
    const batches: PartitionBatch[] = [];
    // A queue without a batch: the producer was closed meanwhile.
    for (const { batch } of queues) if (batch) batches.push(batch);
    if (batches.length === 0) return;
    for (const queue of queues) queue.sent();
    const sentAt = this.#time.monotonic.now();
    try {
      const answers = await connection.produce(batches);
      this.#sizes.innocent(leader);
      this.#metrics.acknowledgementSeconds.observe((this.#time.monotonic.now() - sentAt) / 1000);
      this.#resolve(queues, answers);
    } catch (error) {
      this.#brokerFailed(leader, queues, error, true);
      this.#lost(leader, queues);
    }
  }

  /** Resolves each batch by its own partition's answer. */
  #resolve(queues: readonly PartitionQueue[], answers: readonly PartitionAnswer[]): void {
    for (const [index, queue] of queues.entries()) {
      const { topic, partition, batch } = queue;
      // The producer was closed meanwhile, and has settled the batch.
      if (!batch) continue;
      const isOwn = (answer: PartitionAnswer) => answer.partition === partition && answer.topic === topic;
      // A broker answers in the order of the request, as a rule.
      const expected = answers[index];
      const own = (expected && isOwn(expected) ? expected : answers.find(isOwn)) ?? NO_ANSWER;
      if (own.errorCode === 0) this.#written(queue, batch, own.baseOffset);
      else this.#notWritten(queue, batch, own.errorCode, own);
    }
  }

  #written(queue: PartitionQueue, batch: Batch, baseOffset: number): void {
    this.#metrics.batches.inc();
    this.#metrics.batchBytes.inc(batch.size);
    this.#metrics.batchRecords.observe(batch.records.length);
    queue.written(baseOffset);
    this.#watch.reportTaken(queue.topic);
  }

  /** Acts on what the error code of one partition means for its batch. DUPLICATE_SEQUENCE_NUMBER names no offset. */
  #notWritten(queue: PartitionQueue, batch: Batch, errorCode: number, refusal: TimesRefusal): void {
    const { topic, partition, identity } = queue;
    const code = errorCodeOf(errorCode);
    const { name, meaning } = code;
    const detail = `partition ${partition}${refusal.message === null ? '' : `: ${refusal.message}`}`;
    const fail = (mayBeWritten: boolean) =>
      this.#failed([queue], name, explained(name), detail, mayBeWritten);
    if (meaning === 'written') this.#written(queue, batch, -1);
    else if (meaning === 'retry' || meaning === 'unknown') fail(meaning === 'unknown');
    else if (meaning === 'producer-lost') {
      queue.loseIdentity();
      this.#metrics.retries.inc({ reason: name });
      this.#log.warn(
        { topic, partition, reason: name, may_be_written: batch.mayBeWritten },
        'producer id lost',
      );
      this.#watch.discard(identity);
      this.#delay(queue);
    } else {
      const known = this.#cluster.topic(topic);
      if (!known || !queue.refused(code, refusal, known, this.#making)) fail(false);
      else this.#log.debug({ topics: [topic], reason: name, detail }, 'Kafka does not take a batch as it is');
      if (meaning === 'too-large') this.#watch.soon(0);
      if (known && meaning === 'timestamp') this.#compareClocks(queue, known);
    }
  }

  /** Says once for each topic that its times are the broker's, because the clocks differ too much. */
  #compareClocks({ topic, times }: PartitionQueue, known: Topic): void {
    const difference = times.clockDifference(known, this.#making);
    if (difference === undefined || this.#differingClocks.has(topic)) return;
    this.#differingClocks.add(topic);
    const seconds = Math.round(Math.abs(difference) / 1000);
    const way = difference < 0 ? 'behind' : 'ahead of';
    this.#log.warn(
      { topic },
      `the clock of the broker is ${seconds} s ${way} that of the proxy: records get the time of the broker`,
    );
  }

  /** A request was sent, and not answered. If it may be too large for the broker, the next ones are smaller. */
  #lost(leader: number, queues: readonly PartitionQueue[]): void {
    const bytes = queues.reduce((sum, { batch }) => sum + (batch?.size ?? 0), 0);
    if (!this.#sizes.lost(leader, bytes, queues.length)) return;
    for (const queue of queues) queue.split();
  }

  /** A broker did not answer. Other brokers are asked first whether it still leads the partitions. */
  #brokerFailed(
    leader: number,
    queues: readonly PartitionQueue[],
    error: unknown,
    mayBeWritten: boolean,
  ): void {
    const known = error instanceof BrokerError ? error.problem : undefined;
    const problem = known ?? 'its broker does not answer';
    this.#cluster.suspect(leader);
    this.#failed(queues, NETWORK, problem, `broker ${leader}: ${errorText(error)}`, mayBeWritten);
  }

  /** The batches are sent again after a pause, perhaps to another leader. `detail` is for the log only. */
  #failed(
    queues: readonly PartitionQueue[],
    reason: string,
    problem: string,
    detail: string,
    mayBeWritten: boolean,
  ): void {
    const topics = topicsOf(queues);
    this.#watch.reportFailure(topics, problem, detail);
    this.#metrics.retries.inc({ reason }, queues.length);
    this.#log.debug({ topics, reason, detail, may_be_written: mayBeWritten }, 'a produce request failed');
    // A broker that fails on a codec may also close the connection. Without a connection nothing was sent.
    const isUnreadable = reason === NETWORK ? mayBeWritten : UNREADABLE.includes(reason);
    for (const queue of queues) {
      queue.failed(mayBeWritten, isUnreadable ? reason : undefined);
      this.#delay(queue);
    }
    this.#watch.soon(0);
  }

  #delay(queue: PartitionQueue): void {
    queue.delay(this.#time.monotonic.now(), this.#retryBackoffMs);
  }
}

function topicsOf(queues: readonly PartitionQueue[]): string[] {
  return [...new Set(queues.map(({ topic }) => topic))];
}
