/** Watches one topic: its status, age limit, log lines and gauges. No topic affects another. */
import type { Logger } from '../log.ts';
import type { RecordProducer } from '../kafka/producer/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { TopicLog } from '../spool/topic-log.ts';
import type { Time } from '../support/time.ts';
import type { QueueState, TopicStatus } from './port.ts';
import { ProblemLog, StateLog } from './state-log.ts';
import type { TopicQueue } from './topic-queue.ts';

export const TOO_OLD = 'the oldest event in the spool is older than spool.max_age';

const STATES: readonly QueueState[] = ['straight', 'spooling', 'draining'];

/** What a monitor needs of its surroundings. */
export interface MonitorContext {
  readonly producer: RecordProducer;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly time: Time;
}

export class TopicMonitor {
  /** The oldest spooled event is over the age limit. A field and not a getter: it is checked for every event. */
  isTooOld = false;
  readonly #topic: string;
  readonly #queue: TopicQueue;
  readonly #log: TopicLog;
  /** Milliseconds. */
  readonly #maxAgeMs: number;
  readonly #context: MonitorContext;
  readonly #stateLog: StateLog;
  readonly #problemLog: ProblemLog;

  constructor(topic: string, queue: TopicQueue, log: TopicLog, maxAgeMs: number, context: MonitorContext) {
    const { logger, time } = context;
    this.#topic = topic;
    this.#queue = queue;
    this.#log = log;
    this.#maxAgeMs = maxAgeMs;
    this.#context = context;
    this.#stateLog = new StateLog(topic, logger, time.monotonic);
    this.#problemLog = new ProblemLog('events of a topic', { topic }, logger, time.monotonic);
    this.#reportUnanswered();
  }

  get status(): TopicStatus {
    const { count, bytes, oldestAt } = this.#log;
    return {
      topic: this.#topic,
      problem: this.problem,
      state: this.#queue.state,
      kafkaProblem: this.#kafkaProblem,
      spooledEvents: count,
      spooledBytes: bytes,
      oldestSpooledAt: oldestAt,
    };
  }

  /** Checks the age limit, and tells the log what has changed. To be called again and again. */
  poll(): void {
    this.#stateLog.update(this.#queue.state, this.#log);
    this.#checkAge();
    this.#problemLog.update(this.problem);
  }

  /** Updates the gauges of the topic. */
  measure(): void {
    const { metrics } = this.#context;
    const topic = this.#topic;
    const { count, bytes, oldestAgeMs = 0 } = this.#log;
    const { state: current } = this.#queue;
    metrics.spoolEvents.set({ topic }, count);
    metrics.spoolBytes.set({ topic }, bytes);
    metrics.spoolOldestSeconds.set({ topic }, oldestAgeMs / 1000);
    for (const state of STATES) metrics.deliveryState.set({ topic, state }, current === state ? 1 : 0);
  }

  /** Why an event of the topic could not be kept now, as far as the topic decides it. */
  get problem(): string | undefined {
    const { obstacle, state } = this.#queue;
    if (obstacle === undefined) return undefined;
    const problem = this.isTooOld && state === 'spooling' ? TOO_OLD : this.#log.problem;
    return problem === undefined ? undefined : `${obstacle} and ${problem}`;
  }

  get #kafkaProblem(): string | undefined {
    const { producer } = this.#context;
    const problem = producer.problemOf(this.#topic);
    if (problem !== undefined) return problem;
    if (!producer.knows(this.#topic)) return 'Kafka has not told of the topic yet';
    if (this.#queue.state === 'spooling') return 'Kafka does not acknowledge in time';
    return producer.refusalOf(this.#topic);
  }

  #checkAge(): void {
    const { logger } = this.#context;
    const { oldestAt, oldestAgeMs = 0 } = this.#log;
    const isTooOld = oldestAt !== undefined && oldestAgeMs > this.#maxAgeMs;
    if (isTooOld && !this.isTooOld) logger.error({ topic: this.#topic, since: new Date(oldestAt) }, TOO_OLD);
    this.isTooOld = isTooOld;
  }

  #reportUnanswered(): void {
    const { metrics, logger } = this.#context;
    const { unanswered: events } = this.#log;
    metrics.duplicatesPossible.inc(events);
    if (events === 0) return;
    const facts = { topic: this.#topic, events };
    logger.warn(facts, 'sent by the last process and never answered: these may be in Kafka twice');
  }
}
