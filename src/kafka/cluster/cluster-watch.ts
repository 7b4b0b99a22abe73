/**
 * Keeps the knowledge of the cluster up to date. It asks again before the knowledge is too old, and at once when
 * something is wrong. While no broker answers, it asks with growing pauses. It also gets a producer id, and knows
 * which topics can be written to.
 */
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { backoff } from '../../support/backoff.ts';
import { errorText } from '../../support/error-text.ts';
import type { Time, Timer } from '../../support/time.ts';
import { BrokerError } from '../broker-error.ts';
import type { ProducerId } from './brokers.ts';
import type { Cluster } from './cluster.ts';
import { TopicRefusals } from './topic-refusals.ts';

export interface WatchSettings {
  /** Topics watched from the start. */
  readonly topics: readonly string[];
  /** Milliseconds before the first retry of any kind. The pause doubles with each retry. */
  readonly retryBackoffMs: number;
  readonly metadataMaxAgeMs: number;
}

export interface WatchParts {
  readonly time: Time;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Milliseconds between attempts grow from `retryBackoffMs` up to this. */
export const MAX_BACKOFF_MS = 1000;

/** Milliseconds that a topic's first problem must last before it is logged: a new topic may still be in creation. */
const ACQUAINTANCE_MS = 2000;

/** Least milliseconds between two log lines about one topic, while its problem changes. */
const RETELL_MS = 10_000;

interface Problem {
  /** The problem in words for an operator, without addresses. */
  readonly problem: string;
  /** Details for the log only: they name brokers and their addresses. */
  readonly detail: string | undefined;
}

interface Told {
  readonly problem: string;
  /** On the monotonic clock. */
  readonly at: number;
}

export class ClusterWatch {
  readonly #settings: WatchSettings;
  readonly #cluster: Cluster;
  readonly #time: Time;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #topics = new Set<string>();
  readonly #onFresh: () => void;
  #producerId: ProducerId | undefined;
  /** The problems that the last question found: one of all topics, and those by topic. */
  #generalProblem: Problem | undefined;
  #topicProblems: ReadonlyMap<string, string> = new Map();
  /** The problems that the producer met when it wrote to a topic. */
  readonly #writingProblems = new Map<string, Problem>();
  readonly #refusals = new TopicRefusals();
  /** Which problem of a topic was logged last, and when. */
  readonly #told = new Map<string, Told>();
  #asking = false;
  /** Resolves when the last question is answered, or has failed. */
  #asked: Promise<void> = Promise.resolve();
  /** Milliseconds between an answer and the next question. */
  #pauseMs = 0;
  #failures = 0;
  #timer: Timer | undefined;
  /** When the next question is due, on the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** `onFresh` is called after each answer. */
  constructor(settings: WatchSettings, cluster: Cluster, onFresh: () => void, parts: WatchParts) {
    this.#settings = settings;
    this.#cluster = cluster;
    this.#onFresh = onFresh;
    this.#time = parts.time;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    for (const topic of settings.topics) this.#add(topic);
  }

  /** Why the topic cannot be written to, in words for an operator; undefined if no reason is known. */
  problemOf(topic: string): string | undefined {
    return this.#problemOf(topic)?.problem;
  }

  /** Details of a topic's problem, for the log only: they name brokers and their addresses. Undefined if there are none. */
  detailOf(topic: string): string | undefined {
    return this.#problemOf(topic)?.detail;
  }

  /** The problems of all watched topics that cannot be written to, by topic. */
  get problems(): ReadonlyMap<string, string> {
    const problems = new Map<string, string>();
    for (const topic of this.#topics) {
      const problem = this.problemOf(topic);
      if (problem !== undefined) problems.set(topic, problem);
    }
    return problems;
  }

  /** The producer id for partition queues that begin a new sequence; undefined while it is missing. */
  get producerId(): ProducerId | undefined {
    return this.#producerId;
  }

  /** The same as `problemOf`, for a caller that logs the problem itself: the watch then does not log it. */
  takeProblem(topic: string): string | undefined {
    const problem = this.problemOf(topic);
    if (problem !== undefined) this.#told.set(topic, { problem, at: this.#time.monotonic.now() });
    return problem;
  }

  /** Notes a problem that the producer met when it wrote to these topics. `detail` goes to the log only. */
  reportFailure(topics: Iterable<string>, problem: string, detail: string): void {
    for (const topic of topics) this.#writingProblems.set(topic, { problem, detail });
    this.#tell();
  }

  /** Notes that no write to this topic fails any more. */
  reportSuccess(topic: string): void {
    this.#writingProblems.delete(topic);
    this.#tell();
  }

  /** Why Kafka refuses every record of the topic, in words for an operator; undefined if it takes some. */
  refusalOf(topic: string): string | undefined {
    return this.#refusals.problemOf(topic);
  }

  /** Notes that Kafka never takes a record of this topic. `reason` names no address. */
  reportRefused(topic: string, reason: string): void {
    if (this.#refusals.refused(topic, reason, this.#time.wall.now())) this.#tell();
  }

  /** Notes that Kafka has taken a record of this topic. */
  reportTaken(topic: string): void {
    if (this.#refusals.taken(topic)) this.#tell();
  }

  /** A broker no longer accepts this producer id: no partition queue begins with it again. */
  discard(producerId: ProducerId | undefined): void {
    if (this.#producerId === producerId) this.#producerId = undefined;
  }

  /** Watches this topic, too. Asks about a new topic at once. */
  include(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#add(topic);
    this.soon(0);
  }

  /** Asks the next question within `delayMs` milliseconds. After failures it asks when their pause is over. */
  soon(delayMs: number): void {
    // The answer in flight may lack what is needed now: another topic, or a topic still in creation.
    if (this.#asking) this.#pauseMs = this.#settings.retryBackoffMs;
    if (this.#asking || this.#failures > 0) return;
    if (this.#time.monotonic.now() + delayMs < this.#dueAt) this.#askIn(delayMs);
  }

  /** Asks for brokers, leaders and limits, and for a producer id if it is missing. */
  async ask(): Promise<void> {
    if (this.#asking || this.#closed) return;
    this.#asked = this.#ask();
    await this.#asked;
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    this.#pauseMs = this.#settings.metadataMaxAgeMs;
    this.#timer?.[Symbol.dispose]();
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      const problems = await this.#cluster.refresh([...this.#topics]);
      const idProblem = await this.#seeToProducerId();
      this.#failures = problems.size === 0 && idProblem === undefined ? 0 : this.#failures + 1;
      this.#onFresh();
      // A cluster that has just started gives no ids for a moment.
      const isLasting = idProblem !== undefined && this.#failures > 1;
      this.#learned(isLasting ? { problem: idProblem, detail: undefined } : undefined, problems);
    } catch (error) {
      this.#failures += 1;
      const problem = error instanceof BrokerError ? error.problem : undefined;
      this.#learned({ problem: problem ?? 'no broker answers', detail: errorText(error) }, new Map());
    } finally {
      this.#asking = false;
    }
    const { retryBackoffMs } = this.#settings;
    this.#askIn(this.#failures > 0 ? backoff(this.#failures, retryBackoffMs, MAX_BACKOFF_MS) : this.#pauseMs);
  }

  /** The same, with a question that begins now: the answer in flight may be older than what has changed. */
  async askAgain(): Promise<void> {
    await this.#asked;
    await this.ask();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #add(topic: string): void {
    this.#topics.add(topic);
    // The first success is logged, too; a first problem only if it lasts.
    this.#told.set(topic, {
      problem: 'not asked yet',
      at: this.#time.monotonic.now() + ACQUAINTANCE_MS - RETELL_MS,
    });
    this.#metrics.kafkaUp.set({ topic }, 0);
  }

  /** Gets a producer id if it is missing. Returns why there is none; undefined if there is one. */
  async #seeToProducerId(): Promise<string | undefined> {
    try {
      this.#producerId ??= await this.#cluster.allocateProducerId();
      return undefined;
    } catch (error) {
      this.#log.debug({ reason: errorText(error) }, 'no producer id');
      const problem = error instanceof BrokerError ? error.problem : undefined;
      return `Kafka gives no producer id${problem === undefined ? '' : `: ${problem}`}`;
    }
  }

  #problemOf(topic: string): Problem | undefined {
    // Without the right to write to a topic there is no producer id, either. The topic's own problem says more.
    const own = this.#topicProblems.get(topic);
    if (own !== undefined) return { problem: `topic ${topic}: ${own}`, detail: undefined };
    if (this.#generalProblem) return this.#generalProblem;
    const writing = this.#writingProblems.get(topic);
    return writing && { problem: `topic ${topic}: ${writing.problem}`, detail: writing.detail };
  }

  #learned(general: Problem | undefined, topics: ReadonlyMap<string, string>): void {
    this.#generalProblem = general;
    this.#topicProblems = topics;
    this.#tell();
  }

  /** Logs one line at each change, not at each event. */
  #tell(): void {
    if (this.#closed) return;
    const now = this.#time.monotonic.now();
    for (const topic of this.#topics) {
      const found = this.#problemOf(topic);
      const told = this.#told.get(topic);
      const refusal = found ? undefined : this.#refusals.reasonOf(topic);
      // Without an answer about the topic nothing is known of it.
      const isUp = !found && refusal === undefined && this.#cluster.topic(topic) !== undefined;
      if (found && isNews(found.problem, told, now)) {
        this.#log.warn({ topic, detail: found.detail }, `Kafka is unavailable: ${found.problem}`);
        this.#told.set(topic, { problem: found.problem, at: now });
      } else if (refusal !== undefined && isNews(refusal, told, now)) {
        this.#log.error({ topic, reason: refusal }, 'Kafka refuses every record of a topic');
        this.#told.set(topic, { problem: refusal, at: now });
      } else if (isUp && told) {
        this.#log.info({ topic }, 'Kafka can be written to');
        this.#told.delete(topic);
      }
      this.#metrics.kafkaUp.set({ topic }, isUp ? 1 : 0);
    }
  }

  #askIn(delayMs: number): void {
    if (this.#closed) return;
    this.#timer?.[Symbol.dispose]();
    this.#dueAt = this.#time.monotonic.now() + delayMs;
    this.#timer = this.#time.setTimeout(() => void this.ask(), delayMs);
  }
}

function isNews(problem: string, told: Told | undefined, now: number): boolean {
  return told === undefined || (told.problem !== problem && now - told.at >= RETELL_MS);
}
