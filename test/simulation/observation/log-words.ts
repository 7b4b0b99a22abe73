/** What the log of a process said last of each thing that changes: an operator who reads only the log believes that. */
import type { QueueState } from '../../../src/delivery/port.ts';
import type { LogLine } from '../proxy-process.ts';

const STATES: ReadonlyMap<string, QueueState> = new Map([
  ['events go to the spool', 'spooling'],
  ['the spool is being drained', 'draining'],
  ['the spool is empty: events go straight to Kafka', 'straight'],
]);

const GENERAL = '';

export class LogWords {
  readonly #log: readonly LogLine[];
  #read = 0;
  readonly #states = new Map<string, QueueState>();
  readonly #stateLines = new Map<string, number>();
  readonly #kafka = new Map<string, 'up' | 'down'>();
  readonly #unkept = new Set<string>();
  /** Lines that say what the line before them has said. */
  readonly repeated: string[] = [];

  constructor(log: readonly LogLine[]) {
    this.#log = log;
  }

  /** Reads the lines that have come since the last call. */
  read(): void {
    for (const { msg, members } of this.#log.slice(this.#read)) {
      this.#take(msg, typeof members.topic === 'string' ? members.topic : GENERAL);
    }
    this.#read = this.#log.length;
  }

  /** The state of a topic; `straight` as long as the log has not named one. */
  stateOf(topic: string): QueueState {
    return this.#states.get(topic) ?? 'straight';
  }

  /** The lines on the state of a topic so far. */
  stateLinesOf(topic: string): number {
    return this.#stateLines.get(topic) ?? 0;
  }

  /** Can Kafka be written to? Undefined as long as the log has not said it. */
  kafkaOf(topic: string): 'up' | 'down' | undefined {
    return this.#kafka.get(topic);
  }

  /** Does the log say that events of the topic cannot be kept? */
  isUnkept(topic: string): boolean {
    return this.#unkept.has(topic) || this.#unkept.has(GENERAL);
  }

  /** Which lines say so: of the topic, of all topics, or both; undefined if none does. */
  unkeptBy(topic: string): string | undefined {
    const names = [topic, GENERAL].filter((name) => this.#unkept.has(name));
    return names.length === 0 ? undefined : names.join();
  }

  #take(msg: string, topic: string): void {
    const state = STATES.get(msg);
    if (state !== undefined) {
      if (this.stateOf(topic) === state) this.repeated.push(`${topic}: ${msg}`);
      this.#states.set(topic, state);
      this.#stateLines.set(topic, this.stateLinesOf(topic) + 1);
    } else if (msg === 'Kafka can be written to') {
      if (this.kafkaOf(topic) === 'up') this.repeated.push(`${topic}: ${msg}`);
      this.#kafka.set(topic, 'up');
    } else if (msg.startsWith('Kafka is unavailable: ') || msg === 'Kafka refuses every record of a topic') {
      this.#kafka.set(topic, 'down');
    } else if (/^events (of a topic )?cannot be kept/.test(msg)) {
      if (this.#unkept.has(topic)) this.repeated.push(`${topic}: ${msg}`);
      this.#unkept.add(topic);
    } else if (/^events (of a topic )?can be kept again/.test(msg) && !this.#unkept.delete(topic)) {
      this.repeated.push(`${topic}: ${msg}`);
    }
  }
}
