/**
 * Takes records from the pipeline, keeps each in Kafka or on disk, and answers when it is kept. Each topic has its own
 * queue, so a topic that cannot be written to delays no other. See topic-queue.ts, and docs/delivery.md for the whole.
 */
import type { Logger } from '../log.ts';
import type { RecordProducer } from '../kafka/producer/port.ts';
import { recordSize, type KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Spool } from '../spool/spool.ts';
import { sleep, systemTime, type Time, type Timer } from '../support/time.ts';
import type { Tracing } from '../tracing/port.ts';
import { DeadLetters, type Enqueue } from './dead-letters.ts';
import { DiskMonitor } from './disk-monitor.ts';
import { heldBytes, ownRecord, RECORD_OVERHEAD_BYTES } from './held-record.ts';
import { ParkedEvents } from './parked/parked-events.ts';
import { ParkedRetries } from './parked/parked-retries.ts';
import type {
  Delivered,
  DeliveryStatus,
  EventDelivery,
  ParkedControl,
  ParkedStatus,
  TopicStatus,
  UnaddressedRecord,
  TopicUse,
} from './port.ts';
import { SeveralTopics } from './several-topics.ts';
import type { Entry } from './entry-list.ts';
import { ProblemLog } from './state-log.ts';
import { TOO_OLD, TopicMonitor } from './topic-monitor.ts';
import { TopicQueue } from './topic-queue.ts';

export interface DeliverySettings {
  /** The topics in use from the start. A record may name another topic, which is then in use, too. */
  readonly topics: readonly string[];
  /** The topic for acknowledged events that Kafka never takes. */
  readonly deadLetterTopic: string;
  /** Bytes of all events in memory, at most. */
  readonly maxBytes: number;
  /** Milliseconds that an event may wait for Kafka's acknowledgement before it is spooled. */
  readonly spoolAfterMs: number;
  /** Milliseconds. Above this age of its oldest spooled event, a topic refuses new events while Kafka is unavailable. */
  readonly spoolMaxAgeMs: number;
}

/**
 * Bytes of a topic that the producer may have while Kafka is unavailable, and while the spool is drained, at most. This
 * is enough to fill requests to several brokers. All other events are on disk only.
 */
const WINDOW_BYTES = 32 * 1024 * 1024;

/** Milliseconds between checks for events that have waited too long: one timer for all, not one for each event. */
const POLL_INTERVAL_MS = 50;

/** Milliseconds that an event may wait for Kafka while the proxy stops. */
const HURRY_MS = 1000;

/** Milliseconds between checks for senders without an answer while the proxy stops. */
const STOP_POLL_MS = 5;

const STOPPING = 'the proxy is stopping';
/** The name of a record's header (W3C Trace Context). */
const TRACEPARENT = Buffer.from('traceparent');

const MEMORY_FULL = 'too many events are waiting in memory';

interface Topic {
  readonly queue: TopicQueue;
  readonly monitor: TopicMonitor;
}

export class Delivery implements EventDelivery, DeliveryStatus, TopicUse {
  readonly #settings: DeliverySettings;
  readonly #producer: RecordProducer;
  readonly #spool: Spool;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #time: Time;
  readonly #problemLog: ProblemLog;
  readonly #parked: ParkedEvents;
  readonly #retries: ParkedRetries;
  readonly #deadLetters: DeadLetters;
  readonly #several: SeveralTopics;
  readonly #disk: DiskMonitor;
  readonly #topics = new Map<string, Topic>();
  /** Bytes of all events in memory. */
  #bytes = 0;
  /** That of the settings; shorter when the proxy stops soon. */
  #spoolAfterMs: number;
  #stopping = false;
  readonly #poll: Timer;
  readonly #tracing: Tracing | undefined;

  /** Delivers the events of an earlier process in the spool first. */
  constructor(
    settings: DeliverySettings,
    producer: RecordProducer,
    spool: Spool,
    metrics: Metrics,
    log: Logger,
    time = systemTime,
    tracing?: Tracing,
  ) {
    this.#settings = settings;
    this.#producer = producer;
    this.#spool = spool;
    this.#metrics = metrics;
    this.#log = log;
    this.#time = time;
    this.#tracing = tracing;
    this.#spoolAfterMs = settings.spoolAfterMs;
    this.#problemLog = new ProblemLog('events', {}, log, time.monotonic);
    this.#disk = new DiskMonitor(spool, metrics, log, time);
    const { deadLetterTopic } = settings;
    const enqueue: Enqueue = (record, answer, way) =>
      this.#topicOf(record.topic).queue.add(record, recordSize(record), answer, way);
    this.#parked = new ParkedEvents(spool, metrics, log, time);
    this.#deadLetters = new DeadLetters(deadLetterTopic, enqueue, this.#parked, metrics, log, time);
    this.#several = new SeveralTopics(enqueue, this.#deadLetters, metrics);
    this.#retries = new ParkedRetries({
      spool,
      deadLetterTopic,
      enqueue,
      isOpen: (topic) => this.statusOf(topic).state === 'straight',
      refresh: (topics) => producer.refresh(topics),
      log,
      time,
    });
    this.#parked.onParked = () => this.#retries.noteParked();
    const isHeld = (topic: string) => spool.log(topic).count > 0;
    for (const topic of [...settings.topics, ...spool.topics.filter(isHeld)]) this.#topicOf(topic);
    this.#pollAll();
    this.#poll = time.setInterval(() => this.#pollAll(), POLL_INTERVAL_MS);
  }

  deliver(arrived: KafkaRecord): Promise<Delivered> {
    if (this.#stopping) return Promise.resolve({ kind: 'retriable', reason: STOPPING });
    const record = ownRecord(arrived);
    const size = recordSize(record);
    // An event that is alone is taken whatever its size, so that no setting refuses the largest event for ever.
    if (this.#bytes > 0 && this.#bytes + heldBytes(record, size) > this.#settings.maxBytes) {
      return Promise.resolve({ kind: 'retriable', reason: MEMORY_FULL });
    }
    const { queue, monitor } = this.#topicOf(record.topic);
    if (monitor.isTooOld && queue.state === 'spooling') {
      return Promise.resolve({ kind: 'retriable', reason: TOO_OLD });
    }
    const { promise, resolve } = Promise.withResolvers<Delivered>();
    queue.add(record, size, resolve);
    return promise;
  }

  deliverToAll(arrived: UnaddressedRecord, topics: readonly string[]): Promise<Delivered> {
    const [topic, ...others] = new Set(topics);
    if (topic === undefined) throw new RangeError('a record needs a topic');
    if (others.length === 0) return this.deliver({ ...arrived, topic });
    const record = ownRecord({ ...arrived, topic });
    const reason = this.#refusalOfAll(record, [topic, ...others]);
    if (reason !== undefined) return Promise.resolve({ kind: 'retriable', reason });
    return this.#several.deliver(record, [topic, ...others]);
  }

  use(topics: readonly string[]): void {
    for (const topic of topics) this.#topicOf(topic);
  }

  /** A topic that is not in use has the status of an empty one; asking for it does not bring it into use. */
  statusOf(topic: string): TopicStatus {
    const status = this.#topics.get(topic)?.monitor.status ?? this.#unusedStatusOf(topic);
    const problem = this.#problem;
    return problem === undefined ? status : { ...status, problem };
  }

  get topics(): readonly TopicStatus[] {
    return [...this.#topics.keys()].map((topic) => this.statusOf(topic));
  }

  get parked(): readonly ParkedStatus[] {
    return this.#parked.status;
  }

  /** For the commands of an operator. */
  get parkedControl(): ParkedControl {
    return this.#retries;
  }

  get spooledEvents(): number {
    return this.#spool.topics.reduce((sum, topic) => sum + this.#spool.log(topic).count, 0);
  }

  get spooledBytes(): number {
    return this.#parked.status.reduce((rest, { bytes }) => rest - bytes, this.#spool.bytes);
  }

  get spoolWarning(): string | undefined {
    return this.#disk.warning;
  }

  measure(): void {
    this.#disk.measure();
    const now = this.#time.monotonic.now();
    let events = 0;
    let oldestSince = now;
    for (const { queue, monitor } of this.#topics.values()) {
      events += queue.size;
      oldestSince = Math.min(oldestSince, queue.oldestSince ?? now);
      monitor.measure();
    }
    this.#parked.measure();
    this.#metrics.timeSeconds.set(this.#time.wall.now() / 1000);
    this.#metrics.queueEvents.set(events);
    this.#metrics.queueBytes.set(this.#bytes);
    this.#metrics.queueOldestSeconds.set((now - oldestSince) / 1000);
  }

  /** The proxy stops soon: from now on an event waits for Kafka one second at most, then it is spooled. */
  hurry(): void {
    this.#spoolAfterMs = Math.min(this.#spoolAfterMs, HURRY_MS);
    for (const { queue } of this.#topics.values()) queue.hurry(this.#spoolAfterMs);
  }

  /** Takes no more events, and spools all events that are not in Kafka. Resolves when every sender has its answer. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#deadLetters.stop();
    this.#retries.stop();
    for (const { queue } of this.#topics.values()) queue.stop();
    while (this.#hasUnanswered) await sleep(this.#time, STOP_POLL_MS);
    await this.#retries.idle();
    this.#poll[Symbol.dispose]();
  }

  get #hasUnanswered(): boolean {
    const topics = [...this.#topics.values()];
    return this.#several.hasUnanswered || topics.some(({ queue }) => queue.hasUnanswered);
  }

  /** Why no event of any topic can be kept now; undefined when the topic decides it. */
  get #problem(): string | undefined {
    if (this.#stopping) return STOPPING;
    return this.#bytes >= this.#settings.maxBytes ? MEMORY_FULL : undefined;
  }

  /** Why an event for all these topics is not taken. A refusal before the first write causes no duplicate. */
  #refusalOfAll(record: KafkaRecord, topics: readonly string[]): string | undefined {
    if (this.#stopping) return STOPPING;
    const held = heldBytes(record, recordSize(record)) + (topics.length - 1) * RECORD_OVERHEAD_BYTES;
    if (this.#bytes > 0 && this.#bytes + held > this.#settings.maxBytes) return MEMORY_FULL;
    for (const topic of topics) {
      const { problem } = this.#topicOf(topic).monitor;
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #unusedStatusOf(topic: string): TopicStatus {
    const kafkaProblem = this.#producer.problemOf(topic);
    const state = kafkaProblem === undefined ? 'straight' : 'spooling';
    const empty = { spooledEvents: 0, spooledBytes: 0, oldestSpooledAt: undefined };
    return { topic, problem: undefined, state, kafkaProblem, ...empty };
  }

  #topicOf(topic: string): Topic {
    return this.#topics.get(topic) ?? this.#use(topic);
  }

  #use(name: string): Topic {
    const { spoolMaxAgeMs, maxBytes } = this.#settings;
    const log = this.#spool.log(name);
    const context = { producer: this.#producer, metrics: this.#metrics, logger: this.#log, time: this.#time };
    const queue = new TopicQueue(name, this.#spoolAfterMs, {
      ...context,
      log,
      clock: this.#time.monotonic,
      refused: ({ record }, outcome, safe) => this.#deadLetters.add(record, outcome, safe),
      unreadable: (event, reason, safe) => this.#deadLetters.addUnreadable(name, event, reason, safe),
      // The windows of all topics leave most of the memory to new events: the large ones that arrive at a time fit in.
      windowLimit: () => Math.min(WINDOW_BYTES, maxBytes / 4 / this.#topics.size),
      claim: (bytes) => (this.#bytes += bytes),
      drained: this.#tracing && ((...of) => this.#traceDrained(...of)),
    });
    const topic = { queue, monitor: new TopicMonitor(name, queue, log, spoolMaxAgeMs, context) };
    this.#topics.set(name, topic);
    // Also for a topic whose events in the spool turn out to be delivered: no record would make the producer ask for it.
    this.#producer.watch([name]);
    return topic;
  }

  #traceDrained({ record, sentAt }: Entry, partition: number, offset: number): void {
    const header = record.headers.find(({ name }) => name.equals(TRACEPARENT));
    this.#tracing?.drained({
      topic: record.topic,
      bytes: record.value.length,
      traceparent: header?.value.toString('latin1'),
      tookMs: this.#time.monotonic.now() - sentAt,
      partition,
      offset,
    });
  }

  #pollAll(): void {
    for (const { queue, monitor } of this.#topics.values()) {
      queue.poll();
      monitor.poll();
    }
    this.#disk.poll();
    this.#deadLetters.poll();
    this.#parked.poll();
    if (!this.#stopping) this.#problemLog.update(this.#problem);
  }
}
