/**
 * Keeps what is known of the cluster fresh: asks again in good time, at once when somebody finds it wrong, and with
 * growing pauses while nobody answers. Sees to a producer id, too, and knows which topics can be written to.
 */
import type { Logger } from 'pino';
import type { Metrics } from '../../metrics/metrics.ts';
import { reasonOf } from '../error-code.ts';
import { BrokerError } from '../broker-error.ts';
import type { Cluster, ProducerId } from './cluster.ts';

export interface WatchSettings {
  /** Watched from the start, and told of in the metrics. */
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

/** Milliseconds before it is worth a line that Kafka cannot be written to. */
const ACQUAINTANCE_MS = 2000;

/** Milliseconds between two lines of the log on what is wrong with one topic, while it is not always the same. */
const RETELL_MS = 10_000;

interface Told {
  readonly problem: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

export class ClusterWatch {
  readonly #settings: WatchSettings;
  readonly #cluster: Cluster;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #topics: Set<string>;
  readonly #onFresh: () => void;
  #producerId: ProducerId | undefined;
  /** What the last question found: of all topics, and of single ones. */
  #generalProblem: string | undefined;
  #topicProblems: ReadonlyMap<string, string> = new Map();
  /** What somebody met who wrote to a topic. */
  readonly #writingProblems = new Map<string, string>();
  /** What the log has told of topics that cannot be written to, and when. */
  readonly #told = new Map<string, Told>();
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
    // Its first answer is worth a line, too; a problem only when it lasts: a topic may only just be made.
    this.#told.set(settings.mainTopic, {
      problem: 'not asked yet',
      at: Date.now() + ACQUAINTANCE_MS - RETELL_MS,
    });
    this.#onFresh = onFresh;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** What keeps a topic from being written to, in words for an operator; undefined when nothing is known to. */
  problemOf(topic: string): string | undefined {
    // Who may not write to a topic is told so, although he then gets no producer id, either.
    const own = this.#topicProblems.get(topic);
    if (own === undefined && this.#generalProblem !== undefined) return this.#generalProblem;
    const problem = own ?? this.#writingProblems.get(topic);
    return problem === undefined ? undefined : `topic ${topic}: ${problem}`;
  }

  /** More on the last problem, for the log only: it names brokers and their addresses. */
  get detail(): string {
    return this.#detail;
  }

  /** The producer id for lanes that begin a new sequence; undefined while there is none. */
  get producerId(): ProducerId | undefined {
    return this.#producerId;
  }

  /** What is wrong with a topic, for somebody who tells it in the log in words of his own. */
  takeProblem(topic: string): string | undefined {
    const problem = this.problemOf(topic);
    if (problem !== undefined) this.#told.set(topic, { problem, at: Date.now() });
    return problem;
  }

  /** Somebody who wrote to a topic met a problem; `detail` goes to the log only. */
  reportFailure(topic: string, problem: string, detail: string): void {
    this.#writingProblems.set(topic, problem);
    this.#tell(detail);
  }

  /** Nobody who writes to this topic has a problem any more. */
  reportSuccess(topic: string): void {
    this.#writingProblems.delete(topic);
    this.#tell('');
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
    if (!this.#cluster.isConfigured) {
      this.#learned('no Kafka is configured (kafka.bootstrap_servers)', new Map(), '');
      return;
    }
    this.#asking = true;
    this.#pauseMs = this.#settings.metadataMaxAgeMs;
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      const problems = await this.#cluster.refresh([...this.#topics]);
      const idProblem = await this.#seeToProducerId();
      this.#failures = problems.size === 0 && idProblem === undefined ? 0 : this.#failures + 1;
      this.#onFresh();
      // A cluster that has only just started gives out no ids for a moment.
      this.#learned(this.#failures > 1 ? idProblem : undefined, problems, '');
    } catch (error) {
      this.#failures += 1;
      const problem = error instanceof BrokerError ? error.problem : undefined;
      this.#learned(problem ?? 'no broker answers', new Map(), reasonOf(error));
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

  /** Why there is no producer id; undefined when there is one. */
  async #seeToProducerId(): Promise<string | undefined> {
    try {
      this.#producerId ??= await this.#cluster.allocateProducerId();
      return undefined;
    } catch (error) {
      this.#log.debug({ reason: reasonOf(error) }, 'no producer id');
      const problem = error instanceof BrokerError ? error.problem : undefined;
      return `Kafka gives no producer id${problem === undefined ? '' : `: ${problem}`}`;
    }
  }

  #learned(general: string | undefined, topics: ReadonlyMap<string, string>, detail: string): void {
    this.#generalProblem = general;
    this.#topicProblems = topics;
    this.#tell(detail);
  }

  /** One line in the log at each change, not at each event. */
  #tell(detail: string): void {
    if (this.#closed) return;
    this.#detail = detail;
    for (const topic of this.#topics) {
      const problem = this.problemOf(topic);
      const told = this.#told.get(topic);
      if (problem !== undefined && isNews(problem, told)) {
        this.#log.warn({ topic, detail }, `Kafka is away: ${problem}`);
        this.#told.set(topic, { problem, at: Date.now() });
      } else if (problem === undefined && told !== undefined) {
        this.#log.info({ topic }, 'Kafka can be written to');
        this.#told.delete(topic);
      }
      if (topic === this.#settings.mainTopic) this.#metrics.kafkaUp.set(problem === undefined ? 1 : 0);
    }
  }

  #askIn(delayMs: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#dueAt = Date.now() + delayMs;
    this.#timer = setTimeout(() => void this.ask(), delayMs);
  }
}

function isNews(problem: string, told: Told | undefined): boolean {
  return told === undefined || (told.problem !== problem && Date.now() - told.at >= RETELL_MS);
}
