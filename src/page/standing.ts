/** Where things stand: Kafka, the topics, the spool, limits, warnings, settings. */
import type { DeliveryStatus, ParkedStatus, TopicStatus } from '../delivery/port.ts';
import type { Time, Timer } from '../support/time.ts';

/** A limit and how much of it is used. */
export interface UsedLimit {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
  readonly unit: 'bytes' | 'number';
}

/** A setting in force. A secret has no value here. */
export interface ShownSetting {
  readonly name: string;
  readonly value: unknown;
  /** Where it was set. Undefined for a default. */
  readonly place: string | undefined;
}

export interface TopicStanding extends TopicStatus {
  /** Events a second by which the spool of the topic shrinks; undefined while it does not. */
  readonly drainRate: number | undefined;
}

export interface Standing {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly startedAt: number;
  readonly topics: readonly TopicStanding[];
  readonly parked: readonly ParkedStatus[];
  readonly spooledEvents: number;
  readonly warnings: readonly string[];
  readonly limits: readonly UsedLimit[];
  readonly settings: readonly ShownSetting[];
}

/** What says whether events are delivered, without what only an operator is concerned with. */
export function withoutOperation(standing: Standing): Standing {
  return { ...standing, warnings: [], limits: [], settings: [] };
}

/** What is asked when someone reads. */
export interface StandingSources {
  readonly version: string;
  readonly delivery: DeliveryStatus;
  readonly settings: readonly ShownSetting[];
  readonly warnings: () => readonly string[];
  readonly limits: () => Promise<readonly UsedLimit[]>;
  /** The wall clock. */
  readonly now: () => number;
}

/** Milliseconds between two samples of the spool. */
const SAMPLE_MS = 5000;

/** Samples that a rate is made of. */
const SAMPLES = 7;

interface Sample {
  readonly at: number;
  readonly events: ReadonlyMap<string, number>;
}

/** Reads the standing, and samples the spool for the rate at which it is drained. */
export class StandingReader {
  readonly #sources: StandingSources;
  readonly #time: Time;
  readonly #startedAt: number;
  readonly #samples: Sample[] = [];
  readonly #timer: Timer;

  constructor(sources: StandingSources, time: Time) {
    this.#sources = sources;
    this.#time = time;
    this.#startedAt = sources.now();
    this.#timer = time.setInterval(() => this.#sample(), SAMPLE_MS);
    this.#timer.unref();
  }

  async read(): Promise<Standing> {
    const { version, delivery, settings, warnings, limits, now } = this.#sources;
    delivery.measure();
    const { spooledEvents, parked } = delivery;
    return {
      version,
      now: now(),
      startedAt: this.#startedAt,
      topics: delivery.topics.map((topic) => ({ ...topic, drainRate: this.#rateOf(topic) })),
      parked,
      spooledEvents,
      warnings: warnings(),
      limits: await limits(),
      settings,
    };
  }

  close(): void {
    this.#timer[Symbol.dispose]();
  }

  /** Nothing is kept while the spool is empty. */
  #sample(): void {
    const { delivery } = this.#sources;
    if (delivery.spooledEvents === 0) {
      this.#samples.length = 0;
      return;
    }
    const events = new Map(delivery.topics.map(({ topic, spooledEvents }) => [topic, spooledEvents]));
    this.#samples.push({ at: this.#time.monotonic.now(), events });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** New events that go to the spool meanwhile count against it, as they have to be delivered as well. */
  #rateOf({ topic, state, spooledEvents }: TopicStatus): number | undefined {
    const [first] = this.#samples;
    const before = first?.events.get(topic);
    if (state !== 'draining' || !first || before === undefined) return undefined;
    const seconds = (this.#time.monotonic.now() - first.at) / 1000;
    const rate = (before - spooledEvents) / seconds;
    return rate > 0 ? rate : undefined;
  }
}
