/**
 * Keeps what is known of the cluster fresh: asks again in good time, at once when somebody finds it wrong, and with
 * growing pauses while nobody answers. Sees to a producer id, too, and knows whether the main topic can be written to.
 */
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import { reasonOf } from './broker-error.ts';
import type { Cluster, ProducerId } from './cluster.ts';

export interface WatchSettings {
  /** Whose state decides whether there is a problem. */
  readonly mainTopic: string;
  /** Milliseconds before the first retry of anything; doubles with each. */
  readonly retryBackoffMs: number;
  readonly metadataMaxAgeMs: number;
}

/** Milliseconds between tries grow from `retryBackoffMs` up to this. */
const MAX_BACKOFF_MS = 1000;

/** Milliseconds to wait after so many failures in a row. */
export function backoff(failures: number, firstMs: number): number {
  return Math.min(MAX_BACKOFF_MS, firstMs * 2 ** Math.min(failures - 1, 10));
}

export class ClusterWatch {
  readonly #settings: WatchSettings;
  readonly #cluster: Cluster;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #topics: Set<string>;
  readonly #onFresh: () => void;
  #producerId: ProducerId | undefined;
  /** What the last question found, and what somebody met who wrote to Kafka. */
  #answerProblem: string | undefined = 'Kafka has not been asked yet';
  #writingProblem: string | undefined;
  #detail = '';
  #asking = false;
  /** Milliseconds from one answer to the next question. */
  #pauseMs = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** `onFresh` is called whenever something new has been learned. */
  constructor(settings: WatchSettings, cluster: Cluster, onFresh: () => void, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#cluster = cluster;
    this.#topics = new Set([settings.mainTopic]);
    this.#onFresh = onFresh;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** What keeps the main topic from being written to, in words for an operator; undefined when nothing is known to. */
  get problem(): string | undefined {
    return this.#answerProblem ?? this.#writingProblem;
  }

  /** More on the problem, for the log only: it names brokers and their addresses. */
  get detail(): string {
    return this.#detail;
  }

  /** The producer id for lanes that begin a new sequence; undefined while there is none. */
  get producerId(): ProducerId | undefined {
    return this.#producerId;
  }

  /** Somebody who wrote to Kafka met a problem; `detail` goes to the log only. */
  reportFailure(problem: string, detail: string): void {
    this.#update(this.#answerProblem, problem, detail);
  }

  /** Nobody who writes to Kafka has a problem any more. */
  reportSuccess(): void {
    this.#update(this.#answerProblem, undefined, '');
  }

  /** A broker does not accept this producer id any more: nobody is to begin with it again. */
  discard(producerId: ProducerId | undefined): void {
    if (this.#producerId === producerId) this.#producerId = undefined;
  }

  /** Watches this topic, too; asks about a new one at once. */
  include(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.soon(0);
  }

  /** Has the next question asked no later than after `delayMs`; after failures, when their pause is over. */
  soon(delayMs: number): void {
    // The answer under way may not have what somebody needs: another topic, or one that is only being made.
    if (this.#asking) this.#pauseMs = this.#settings.retryBackoffMs;
    if (this.#asking || this.#failures > 0 || Date.now() + delayMs >= this.#dueAt) return;
    this.#askIn(delayMs);
  }

  /** Asks for brokers, leaders and limits, and for a producer id where there is none. */
  async ask(): Promise<void> {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    this.#pauseMs = this.#settings.metadataMaxAgeMs;
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      const problems = await this.#cluster.refresh([...this.#topics]);
      this.#producerId ??= await this.#cluster.allocateProducerId();
      const { mainTopic } = this.#settings;
      const problem = problems.get(mainTopic);
      this.#failures = problem === undefined ? 0 : this.#failures + 1;
      this.#onFresh();
      this.#update(problem && `topic ${mainTopic}: ${problem}`, this.#writingProblem, '');
    } catch (error) {
      this.#failures += 1;
      this.#update('no broker answers', this.#writingProblem, reasonOf(error));
    } finally {
      this.#asking = false;
    }
    const { retryBackoffMs } = this.#settings;
    this.#askIn(this.#failures > 0 ? backoff(this.#failures, retryBackoffMs) : this.#pauseMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** One line in the log at each change, not at each event. */
  #update(answerProblem: string | undefined, writingProblem: string | undefined, detail: string): void {
    const before = this.problem;
    this.#detail = detail;
    this.#answerProblem = answerProblem;
    this.#writingProblem = writingProblem;
    const { problem } = this;
    if (before === undefined && problem !== undefined) this.#log.warn({ problem, detail }, 'Kafka is away');
    if (before !== undefined && problem === undefined) this.#log.info('Kafka can be written to');
    this.#metrics.kafkaUp.set(problem === undefined ? 1 : 0);
  }

  #askIn(delayMs: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#dueAt = Date.now() + delayMs;
    this.#timer = setTimeout(() => void this.ask(), delayMs);
  }
}
