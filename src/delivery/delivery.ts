/**
 * Between the HTTP answer and Kafka: when is an event answered, and with what? In this version an event waits in
 * memory for Kafka's acknowledgement, and is refused as unavailable when that does not come in time. The spool, which
 * keeps it instead, has its place here.
 */
import { refusal, type Refusal } from '../errors.ts';
import type { PendingRecord, Outcome as ProducerOutcome } from '../kafka/pending-record.ts';
import type { Producer } from '../kafka/producer.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics.ts';

export interface DeliverySettings {
  /** Bytes of all waiting events, at most. */
  readonly maxBytes: number;
  /** Milliseconds that an event may wait for Kafka's acknowledgement. */
  readonly maxWaitMs: number;
}

/** What a sender is told: kept for good, or refused. */
export type Delivered =
  { readonly kind: 'acknowledged' } | { readonly kind: 'refused'; readonly refusal: Refusal };

interface Waiting {
  readonly pending: PendingRecord;
  readonly since: number;
  readonly resolve: (delivered: Delivered) => void;
}

/** Milliseconds between looks at who has waited too long: one timer for all, instead of one for each event. */
const LOOK_INTERVAL_MS = 50;

/** Milliseconds that a late event counts as a problem; then the next event may try, or nobody would ever send one. */
const LATE_MS = 5000;

export class Delivery {
  readonly #settings: DeliverySettings;
  readonly #producer: Producer;
  readonly #metrics: Metrics;
  /** In the order of arrival, as a Set keeps it. */
  readonly #waiting = new Set<Waiting>();
  #bytes = 0;
  /** When an event was last given up on for no known reason, with none acknowledged since; of `performance.now()`. */
  #lateAt = Number.NEGATIVE_INFINITY;
  #stopping = false;
  readonly #look: NodeJS.Timeout;

  constructor(settings: DeliverySettings, producer: Producer, metrics: Metrics) {
    this.#settings = settings;
    this.#producer = producer;
    this.#metrics = metrics;
    this.#look = setInterval(() => this.#giveUpOnLate(), LOOK_INTERVAL_MS);
  }

  /** Why an event could not be kept now; undefined when it could. */
  get problem(): string | undefined {
    if (this.#stopping) return 'stopping';
    if (this.#bytes >= this.#settings.maxBytes) return 'too many events are waiting for Kafka';
    const { problem } = this.#producer;
    const isLate = performance.now() - this.#lateAt < LATE_MS;
    return problem ?? (isLate ? 'Kafka does not acknowledge in time' : undefined);
  }

  /** Resolves once Kafka has the record, or it is clear that it will not be kept; within about `maxWaitMs`. */
  deliver(record: KafkaRecord): Promise<Delivered> {
    const size = record.value.length;
    if (this.#stopping) return Promise.resolve(unavailable('the proxy is stopping'));
    if (this.#bytes + size > this.#settings.maxBytes) {
      return Promise.resolve(unavailable('too many events are waiting for Kafka'));
    }
    const { promise, resolve } = Promise.withResolvers<Delivered>();
    this.#bytes += size;
    const pending = this.#producer.send(record, (outcome) => this.#settle(waiting, outcome));
    const waiting: Waiting = { pending, since: performance.now(), resolve };
    this.#waiting.add(waiting);
    return promise;
  }

  /** Brings the gauges up to date; called when somebody reads them. */
  measure(): void {
    this.#metrics.queueEvents.set(this.#waiting.size);
    this.#metrics.queueBytes.set(this.#bytes);
    const [oldest] = this.#waiting;
    this.#metrics.queueOldestSeconds.set(oldest ? (performance.now() - oldest.since) / 1000 : 0);
  }

  /** Takes no more, and waits until what was taken is answered: that takes `maxWaitMs` at most. */
  async stop(): Promise<void> {
    this.#stopping = true;
    while (this.#waiting.size > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    clearInterval(this.#look);
  }

  #settle(waiting: Waiting, outcome: ProducerOutcome): void {
    this.#leave(waiting, this.#answer(waiting.pending.record, outcome));
  }

  #answer({ topic, value }: KafkaRecord, outcome: ProducerOutcome): Delivered {
    switch (outcome.kind) {
      case 'written':
        this.#metrics.eventBytes.inc(value.length);
        this.#lateAt = Number.NEGATIVE_INFINITY;
        return { kind: 'acknowledged' };
      case 'too-large':
        return refused(
          refusal(
            'payload_too_large',
            `The event needs ${outcome.size} bytes of topic ${topic} even compressed, which takes ${outcome.limit}`,
            { size: outcome.size, limit: outcome.limit, event: value.length },
          ),
        );
      case 'refused':
        return refused(refusal('unavailable', `Kafka refuses the event: ${outcome.reason}`));
      case 'closed':
        return unavailable('the proxy is stopping');
    }
  }

  #giveUpOnLate(): void {
    const deadline = performance.now() - this.#settings.maxWaitMs;
    for (const waiting of this.#waiting) {
      if (waiting.since > deadline) return;
      // A broker that hangs is a problem to the producer only when its request times out, long after the first event.
      if (this.#producer.problem === undefined) this.#lateAt = performance.now();
      const surelyNotWritten = this.#producer.withdraw(waiting.pending);
      // The sender may post it again, while the first is still on its way.
      if (!surelyNotWritten) this.#metrics.duplicatesPossible.inc();
      this.#leave(
        waiting,
        unavailable(`Kafka has not acknowledged it within ${this.#settings.maxWaitMs} ms`),
      );
    }
  }

  #leave(waiting: Waiting, delivered: Delivered): void {
    if (!this.#waiting.delete(waiting)) return;
    this.#bytes -= waiting.pending.record.value.length;
    waiting.resolve(delivered);
  }
}

function refused(reason: Refusal): Delivered {
  return { kind: 'refused', refusal: reason };
}

function unavailable(why: string): Delivered {
  return refused(refusal('unavailable', `The event cannot be kept now: ${why}`));
}
