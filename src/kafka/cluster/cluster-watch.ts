/**
 * Keeps what is known of the cluster fresh. It asks again in good time, at once when something proves wrong, and with growing
 * pauses while no broker answers. It also sees to a producer id, and knows which topics can be written to.
 */
import type { Logger } from 'pino';
import type { Metrics } from '../../metrics/metrics.ts';
import { backoff } from '../../support/backoff.ts';
import { errorText } from '../../support/error-text.ts';
import type { Time, Timer } from '../../support/time.ts';
import { BrokerError } from '../broker-error.ts';
import type { ProducerId } from './brokers.ts';
import type { Cluster } from './cluster.ts';

export interface WatchSettings {
  /** Watched from the start. */
  readonly topics: readonly string[];
  /** Milliseconds before the first retry of anything; doubles with each. */
  readonly retryBackoffMs: number;
  readonly metadataMaxAgeMs: number;
}

export interface WatchParts {
  readonly time: Time;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Milliseconds between tries grow from `retryBackoffMs` up to this. */
export const MAX_BACKOFF_MS = 1000;

/** Milliseconds that a topic's first problem lasts before the log tells of it: a topic may only just be made. */
const ACQUAINTANCE_MS = 2000;

/** Milliseconds between two lines of the log on what is wrong with one topic, while it is not always the same. */
const RETELL_MS = 10_000;

interface Problem {
  /** In words for an operator, without addresses. */
  readonly problem: string;
  /** For the log only: it names brokers and their addresses. */
  readonly detail: string;
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
  /** What the last question found: of all topics, and of single ones. */
  #generalProblem: Problem | undefined;
  #topicProblems: ReadonlyMap<string, string> = new Map();
  /** What the producer met when it wrote to a topic. */
  readonly #writingProblems = new Map<string, Problem>();
  /** What the log has told of topics that cannot be written to, and when. */
  readonly #told = new Map<string, Told>();
  #asking = false;
  /** Milliseconds from one answer to the next question. */
  #pauseMs = 0;
  #failures = 0;
  #timer: Timer | undefined;
  /** When the next question is due, on the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** `onFresh` is called whenever something new has been learned. */
  constructor(settings: WatchSettings, cluster: Cluster, onFresh: () => void, parts: WatchParts) {
    this.#settings = settings;
    this.#cluster = cluster;
    this.#onFresh = onFresh;
    this.#time = parts.time;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    for (const topic of settings.topics) this.#add(topic);
  }

  /** What keeps a topic from being written to, in words for an operator; undefined when nothing is known to. */
  problemOf(topic: string): string | undefined {
    return this.#problemOf(topic)?.problem;
  }

  /** More on a topic's problem, for the log only: it names brokers and their addresses. Empty when no more is known. */
  detailOf(topic: string): string {
    return this.#problemOf(topic)?.detail ?? '';
  }

  /** The problems of all topics that are watched and cannot be written to, by topic. */
  get problems(): ReadonlyMap<string, string> {
    const problems = new Map<string, string>();
    for (const topic of this.#topics) {
      const problem = this.problemOf(topic);
      if (problem !== undefined) problems.set(topic, problem);
    }
    return problems;
  }

  /** The producer id for partition queues that begin a new sequence; undefined while there is none. */
  get producerId(): ProducerId | undefined {
    return this.#producerId;
  }

  /** What is wrong with a topic, for a caller that tells it in the log in words of its own. */
  takeProblem(topic: string): string | undefined {
    const problem = this.problemOf(topic);
    if (problem !== undefined) this.#told.set(topic, { problem, at: this.#time.monotonic.now() });
    return problem;
  }

  /** The producer met a problem when it wrote to these topics; `detail` goes to the log only. */
  reportFailure(topics: Iterable<string>, problem: string, detail: string): void {
    for (const topic of topics) this.#writingProblems.set(topic, { problem, detail });
    this.#tell();
  }

  /** Nothing fails any more that is written to this topic. */
  reportSuccess(topic: string): void {
    this.#writingProblems.delete(topic);
    this.#tell();
  }

  /** A broker does not accept this producer id any more: no partition queue begins with it again. */
  discard(producerId: ProducerId | undefined): void {
    if (this.#producerId === producerId) this.#producerId = undefined;
  }

  /** Watches this topic, too; asks about a new one at once. */
  include(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#add(topic);
    this.soon(0);
  }

  /** Has the next question asked no later than after `delayMs`; after failures, when their pause is over. */
  soon(delayMs: number): void {
    // The answer on its way may lack what is needed now: another topic, or one that is only being made.
    if (this.#asking) this.#pauseMs = this.#settings.retryBackoffMs;
    if (this.#asking || this.#failures > 0) return;
    if (this.#time.monotonic.now() + delayMs < this.#dueAt) this.#askIn(delayMs);
  }

  /** Asks for brokers, leaders and limits, and for a producer id where there is none. */
  async ask(): Promise<void> {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    this.#pauseMs = this.#settings.metadataMaxAgeMs;
    this.#timer?.[Symbol.dispose]();
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      const problems = await this.#cluster.refresh([...this.#topics]);
      const idProblem = await this.#seeToProducerId();
      this.#failures = problems.size === 0 && idProblem === undefined ? 0 : this.#failures + 1;
      this.#onFresh();
      // A cluster that has only just started gives out no ids for a moment.
      const isLasting = idProblem !== undefined && this.#failures > 1;
      this.#learned(isLasting ? { problem: idProblem, detail: '' } : undefined, problems);
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

  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #add(topic: string): void {
    this.#topics.add(topic);
    // Its first answer is worth a line, too; a problem only when it lasts.
    this.#told.set(topic, {
      problem: 'not asked yet',
      at: this.#time.monotonic.now() + ACQUAINTANCE_MS - RETELL_MS,
    });
    this.#metrics.kafkaUp.set({ topic }, 0);
  }

  /** Why there is no producer id; undefined when there is one. */
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
    // Without the right to write to a topic there is no producer id, either: the topic's own problem says more.
    const own = this.#topicProblems.get(topic);
    if (own !== undefined) return { problem: `topic ${topic}: ${own}`, detail: '' };
    if (this.#generalProblem) return this.#generalProblem;
    const writing = this.#writingProblems.get(topic);
    return writing && { problem: `topic ${topic}: ${writing.problem}`, detail: writing.detail };
  }

  #learned(general: Problem | undefined, topics: ReadonlyMap<string, string>): void {
    this.#generalProblem = general;
    this.#topicProblems = topics;
    this.#tell();
  }

  /** One line in the log at each change, not at each event. */
  #tell(): void {
    if (this.#closed) return;
    const now = this.#time.monotonic.now();
    for (const topic of this.#topics) {
      const found = this.#problemOf(topic);
      const told = this.#told.get(topic);
      // Without an answer on the topic nothing is known of it.
      const isUp = !found && this.#cluster.topic(topic) !== undefined;
      if (found && isNews(found.problem, told, now)) {
        this.#log.warn({ topic, detail: found.detail }, `Kafka is unavailable: ${found.problem}`);
        this.#told.set(topic, { problem: found.problem, at: now });
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
