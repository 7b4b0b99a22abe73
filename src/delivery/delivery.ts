/**
 * Between the HTTP answer and Kafka: keeps each event safe, and says when it is. One queue for each topic, so that a
 * topic that cannot be written to holds up no other. See topic-queue.ts, and docs/delivery.md for the whole.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RecordProducer } from '../kafka/producer/port.ts';
import { recordSize, type KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Spool } from '../spool/spool.ts';
import { DeadLetters } from './dead-letters.ts';
import { unavailable } from './outcome.ts';
import type { Delivered, DeliveryStatus, EventDelivery, QueueState, TopicStatus } from './port.ts';
import { StateLog } from './state-log.ts';
import { TopicQueue } from './topic-queue.ts';

export interface DeliverySettings {
  /** In use from the start. */
  readonly topics: readonly string[];
  /** Where that goes which was acknowledged and Kafka will not have. */
  readonly deadLetterTopic: string;
  /** Bytes of all events in memory, at most. */
  readonly maxBytes: number;
  /** Milliseconds that an event may wait for Kafka's acknowledgement before it is spooled. */
  readonly spoolAfterMs: number;
  /** Milliseconds that an event may be in the spool while Kafka is away, before no more are taken. */
  readonly spoolMaxAgeMs: number;
}

/**
 * Bytes of a topic in the producer's hands while Kafka is away, and while the spool is drained, at most. Enough to fill
 * requests to several brokers; all else stays on disk.
 */
const WINDOW_BYTES = 32 * 1024 * 1024;

/** Milliseconds between looks at who has waited too long: one timer for all, instead of one for each event. */
const LOOK_INTERVAL_MS = 50;

/** Milliseconds that an event may wait for Kafka while the proxy is stopping. */
const HURRY_MS = 1000;

export class Delivery implements EventDelivery, DeliveryStatus {
  readonly #settings: DeliverySettings;
  readonly #producer: RecordProducer;
  readonly #spool: Spool;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #stateLog: StateLog;
  readonly #deadLetters: DeadLetters;
  readonly #queues = new Map<string, TopicQueue>();
  #bytes = 0;
  #tooOld = false;
  #stopping = false;
  readonly #look: NodeJS.Timeout;

  /** What an earlier process has left in the spool is delivered first. */
  constructor(
    settings: DeliverySettings,
    producer: RecordProducer,
    spool: Spool,
    metrics: Metrics,
    log: Logger,
  ) {
    this.#settings = settings;
    this.#producer = producer;
    this.#spool = spool;
    this.#metrics = metrics;
    this.#log = log;
    this.#stateLog = new StateLog(log);
    this.#deadLetters = new DeadLetters(
      settings.deadLetterTopic,
      (record, answer) => this.#queueOf(record.topic).add(record, recordSize(record), answer),
      metrics,
      log,
    );
    for (const topic of new Set([...settings.topics, ...spool.topics])) {
      this.#queueOf(topic);
      const { unanswered } = spool.log(topic);
      metrics.duplicatesPossible.inc(unanswered);
      if (unanswered > 0) this.#stateLog.unanswered(topic, unanswered);
    }
    this.#lookAtAll();
    this.#look = setInterval(() => this.#lookAtAll(), LOOK_INTERVAL_MS);
  }

  statusOf(topic: string): TopicStatus {
    const { state } = this.#queueOf(topic);
    const silence = state === 'spooling' ? 'Kafka does not acknowledge in time' : undefined;
    const unknown = this.#producer.knows(topic) ? silence : 'Kafka has not told of the topic yet';
    const { count, bytes } = this.#spool.log(topic);
    return {
      topic,
      problem: this.#problemOf(topic),
      state,
      kafkaProblem: this.#producer.problemOf(topic) ?? unknown,
      spooledEvents: count,
      spooledBytes: bytes,
    };
  }

  get topics(): readonly TopicStatus[] {
    return [...this.#queues.keys()].map((topic) => this.statusOf(topic));
  }

  get spooledEvents(): number {
    return this.#spool.topics.reduce((sum, topic) => sum + this.#spool.log(topic).count, 0);
  }

  get spooledBytes(): number {
    return this.#spool.bytes;
  }

  /** Resolves once the record is in Kafka or synced to the spool, or is refused; within about `spoolAfterMs`. */
  deliver(record: KafkaRecord): Promise<Delivered> {
    if (this.#stopping) return Promise.resolve(unavailable('the proxy is stopping'));
    const size = recordSize(record);
    if (this.#bytes + size > this.#settings.maxBytes) {
      return Promise.resolve(unavailable('too many events are waiting in memory'));
    }
    const queue = this.#queueOf(record.topic);
    if (this.#tooOld && queue.state === 'spooling') return Promise.resolve(unavailable(TOO_OLD));
    const { promise, resolve } = Promise.withResolvers<Delivered>();
    queue.add(record, size, resolve);
    return promise;
  }

  /** Brings the gauges up to date; called when somebody reads them. */
  measure(): void {
    const now = performance.now();
    const metrics = this.#metrics;
    let events = 0;
    let oldestSince = now;
    for (const [topic, queue] of this.#queues) {
      events += queue.size;
      oldestSince = Math.min(oldestSince, queue.oldestSince ?? now);
      const log = this.#spool.log(topic);
      metrics.spoolEvents.set({ topic }, log.count);
      metrics.spoolBytes.set({ topic }, log.bytes);
      metrics.spoolOldestSeconds.set({ topic }, secondsSince(log.oldestAt));
      for (const state of STATES) metrics.deliveryState.set({ topic, state }, queue.state === state ? 1 : 0);
    }
    metrics.queueEvents.set(events);
    metrics.queueBytes.set(this.#bytes);
    metrics.queueOldestSeconds.set((now - oldestSince) / 1000);
  }

  /** The end is near: what Kafka does not acknowledge soon goes onto disk, however patient the settings are. */
  hurry(): void {
    for (const queue of this.#queues.values()) queue.hurry(HURRY_MS);
  }

  /** Takes no more, puts what Kafka has not got into the spool, and waits until everybody is answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#deadLetters.stop();
    for (const queue of this.#queues.values()) queue.stop();
    while ([...this.#queues.values()].some((queue) => queue.hasUnanswered)) await sleep(5);
    clearInterval(this.#look);
  }

  #problemOf(topic: string): string | undefined {
    if (this.#stopping) return 'the proxy is stopping';
    if (this.#bytes >= this.#settings.maxBytes) return 'too many events are waiting in memory';
    const queue = this.#queueOf(topic);
    if (!queue.isAway && !queue.overflows) return undefined;
    const problem = this.#tooOld && queue.state === 'spooling' ? TOO_OLD : this.#spool.problem;
    if (problem === undefined) return undefined;
    return `${queue.isAway ? 'Kafka is away' : 'earlier events wait for Kafka'} and ${problem}`;
  }

  #queueOf(topic: string): TopicQueue {
    let queue = this.#queues.get(topic);
    if (!queue) {
      const { spoolAfterMs, maxBytes } = this.#settings;
      const windowBytes = Math.min(WINDOW_BYTES, maxBytes / 2);
      queue = new TopicQueue(
        topic,
        { spoolAfterMs, windowBytes },
        {
          producer: this.#producer,
          log: this.#spool.log(topic),
          metrics: this.#metrics,
          logger: this.#log,
          refused: ({ record }, outcome, safe) => this.#deadLetters.add(record, outcome, safe),
          claim: (bytes) => (this.#bytes += bytes),
        },
      );
      this.#queues.set(topic, queue);
    }
    return queue;
  }

  #lookAtAll(): void {
    for (const [topic, queue] of this.#queues) {
      queue.look();
      this.#stateLog.state(topic, queue.state, this.#spool.log(topic));
    }
    this.#reportAge();
    if (!this.#stopping) this.#stateLog.problem(this.#problemOf(this.#settings.topics[0] ?? ''));
  }

  #reportAge(): void {
    const {
      topics: [mainTopic = ''],
      spoolMaxAgeMs,
    } = this.#settings;
    const { oldestAt } = this.#spool.log(mainTopic);
    const tooOld = oldestAt !== undefined && Date.now() - oldestAt > spoolMaxAgeMs;
    if (tooOld && !this.#tooOld) {
      this.#log.error({ topic: mainTopic, since: new Date(oldestAt) }, TOO_OLD);
    }
    this.#tooOld = tooOld;
  }
}

const STATES: readonly QueueState[] = ['straight', 'spooling', 'draining'];

const TOO_OLD = 'the oldest event in the spool is older than spool.max_age';

/** `at` in milliseconds since the epoch. */
function secondsSince(at: number | undefined): number {
  return at === undefined ? 0 : (Date.now() - at) / 1000;
}
