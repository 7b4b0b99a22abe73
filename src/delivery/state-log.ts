/** What the log says of how things stand: one line at each change, not at each event. */
import type { Logger } from 'pino';
import type { TopicLog } from '../spool/topic-log.ts';
import type { QueueState } from './port.ts';

/** Milliseconds without a problem before it is said to be over: a full disk may take an event now and then. */
const CALM_MS = 5000;

export class StateLog {
  readonly #log: Logger;
  readonly #states = new Map<string, QueueState>();
  /** When events could last not be kept, of `performance.now()`, and whether that has been told. */
  #problemAt = 0;
  #isProblemTold = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** How a topic stands now. */
  state(topic: string, state: QueueState, { count: events, bytes }: TopicLog): void {
    const before = this.#states.get(topic) ?? 'straight';
    // Kafka may be away, or a topic only just be made, without an event that meets with it.
    if (state === before || (before === 'straight' && events === 0)) return;
    this.#states.set(topic, state);
    if (state === 'spooling') this.#log.warn({ topic }, 'events go to the spool');
    else if (state === 'draining') this.#log.info({ topic, events, bytes }, 'the spool is being drained');
    else this.#log.info({ topic }, 'the spool is empty: events go straight to Kafka');
  }

  /** Why no event can be kept now; undefined when one can. */
  problem(problem: string | undefined): void {
    if (problem !== undefined) {
      this.#problemAt = performance.now();
      if (!this.#isProblemTold) this.#log.error(`events cannot be kept: ${problem}`);
      this.#isProblemTold = true;
    } else if (this.#isProblemTold && performance.now() - this.#problemAt > CALM_MS) {
      this.#log.info('events can be kept again');
      this.#isProblemTold = false;
    }
  }

  /** So many events of a topic were sent by the last process and never answered. */
  unanswered(topic: string, events: number): void {
    const facts = { topic, events };
    this.#log.warn(facts, 'sent by the last process and never answered: these may be in Kafka twice');
  }
}
