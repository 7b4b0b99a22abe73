/** The log lines on the state of the delivery: one line for each change, not for each event, and few for many changes. */
import type { LogFacts, Logger } from '../log.ts';
import type { TopicLog } from '../spool/topic-log.ts';
import type { Clock } from '../support/time.ts';
import { TokenBucket } from '../support/token-bucket.ts';
import type { QueueState } from './port.ts';

/** Milliseconds without a problem before the log says that it is over: a full disk may take an event now and then. */
const CALM_MS = 5000;

/** Tells of a problem once when it begins, and once when it is over. */
export class ProblemLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  /** The events that cannot be kept, and the facts that name them. */
  readonly #subject: string;
  readonly #facts: LogFacts;
  /** Time of the last problem, on the monotonic clock. */
  #problemAt = 0;
  #isTold = false;

  constructor(subject: string, facts: LogFacts, log: Logger, clock: Clock) {
    this.#subject = subject;
    this.#facts = facts;
    this.#log = log;
    this.#clock = clock;
  }

  /** Gets the problem of this moment, or undefined. To be called again and again. */
  update(problem: string | undefined): void {
    if (problem !== undefined) {
      this.#problemAt = this.#clock.now();
      if (!this.#isTold) this.#log.error(this.#facts, `${this.#subject} cannot be kept: ${problem}`);
      this.#isTold = true;
    } else if (this.#isTold && this.#clock.now() - this.#problemAt > CALM_MS) {
      this.#log.info(this.#facts, `${this.#subject} can be kept again`);
      this.#isTold = false;
    }
  }
}

/** Milliseconds between two lines of one cause. */
const LINE_MS = 60_000;

interface Cause {
  facts: LogFacts;
  readonly message: string;
  /** On the monotonic clock. */
  toldAt: number;
  /** Events since the last line. */
  events: number;
}

/** Tells of single events. The first of a cause is told at once, those behind it in one line a minute. */
export class EventLines {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #causes = new Map<string, Cause>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** `cause` names one of few causes. */
  add(cause: string, facts: LogFacts, message: string): void {
    const known = this.#causes.get(cause);
    if (known) {
      known.events += 1;
      known.facts = facts;
      return;
    }
    this.#log.error(facts, message);
    this.#causes.set(cause, { facts, message, toldAt: this.#clock.now(), events: 0 });
  }

  /** To be called again and again. */
  poll(): void {
    const now = this.#clock.now();
    for (const [name, cause] of this.#causes) {
      if (now - cause.toldAt < LINE_MS) continue;
      if (cause.events === 0) this.#causes.delete(name);
      else
        this.#log.error({ ...cause.facts, events: cause.events }, `${cause.message} (the last of several)`);
      cause.toldAt = now;
      cause.events = 0;
    }
  }
}

/** Lines on the state of a topic at once: those of two outages. */
const STATE_LINES = 6;

/** Lines a second behind them. A topic that refuses some records has another state several times a second. */
const STATE_LINES_PER_SECOND = 0.1;

/** Tells of each change of a topic's state. When they come fast, it tells the state of the moment every ten seconds. */
export class StateLog {
  readonly #topic: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #lines: TokenBucket;
  /** The state that the log has told. */
  #told: QueueState = 'straight';

  constructor(topic: string, log: Logger, clock: Clock) {
    this.#topic = topic;
    this.#log = log;
    this.#clock = clock;
    this.#lines = new TokenBucket(STATE_LINES_PER_SECOND, clock.now(), STATE_LINES);
  }

  /** Gets the state of this moment. To be called again and again. */
  update(state: QueueState, { count: events, bytes }: TopicLog): void {
    const topic = this.#topic;
    // While Kafka is unavailable, or the topic is new, there is no change to tell of before the first event.
    if (state === this.#told || (this.#told === 'straight' && events === 0)) return;
    if (!this.#lines.take(this.#clock.now())) return;
    this.#told = state;
    if (state === 'spooling') this.#log.warn({ topic }, 'events go to the spool');
    else if (state === 'draining')
      this.#log.info({ topic, events, spool_bytes: bytes }, 'the spool is being drained');
    else this.#log.info({ topic }, 'the spool is empty: events go straight to Kafka');
  }
}
