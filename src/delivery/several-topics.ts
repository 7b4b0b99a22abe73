/** Delivers an event to several topics, and answers when it is safe for all of them. */
import { recordSize, type KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { DeadLetters, Enqueue } from './dead-letters.ts';
import { heldBytes, SharedEvent } from './held-record.ts';
import { isKept, type Delivered, type NeverTaken, type UnaddressedRecord } from './port.ts';

type Unkept = Extract<Delivered, { kind: 'permanent' | 'too-large' }>;

/** A topic with its outcome. */
interface Part {
  readonly record: KafkaRecord;
  readonly delivered: Delivered;
}

export class SeveralTopics {
  readonly #enqueue: Enqueue;
  readonly #deadLetters: DeadLetters;
  readonly #metrics: Metrics;
  /** Number of events with a sender that waits for the outcome. */
  #unanswered = 0;

  constructor(enqueue: Enqueue, deadLetters: DeadLetters, metrics: Metrics) {
    this.#enqueue = enqueue;
    this.#deadLetters = deadLetters;
    this.#metrics = metrics;
  }

  /** Does a sender wait for an outcome? */
  get hasUnanswered(): boolean {
    return this.#unanswered > 0;
  }

  /** `topics` are at least two, and each of them is there once. Never rejects. */
  async deliver(record: UnaddressedRecord, topics: readonly string[]): Promise<Delivered> {
    this.#unanswered += 1;
    const shared = new SharedEvent(heldBytes(record, recordSize(record)));
    // All of them are added in this turn, so the queues of all topics have the events in the same order. The topics are
    // in the same order for all events: the first log to write an event has its bytes, and the others wait for it. If
    // two logs had the bytes of every other event, each would wait for the other at every event.
    const adding = topics.toSorted().map((name): Promise<Part> => {
      const part = { ...record, topic: name };
      const { promise, resolve } = Promise.withResolvers<Part>();
      this.#enqueue(part, (delivered) => resolve({ record: part, delivered }), { shared });
      return promise;
    });
    const parts = await Promise.all(adding);
    parts.sort((one, other) => topics.indexOf(one.record.topic) - topics.indexOf(other.record.topic));
    const outcome = await this.#judge(parts);
    this.#unanswered -= 1;
    return outcome;
  }

  async #judge(parts: readonly Part[]): Promise<Delivered> {
    const keepers = parts.filter(({ delivered }) => isKept(delivered)).map(({ record }) => record.topic);
    const isRetriable = parts.some(({ delivered }) => delivered.kind === 'retriable');
    if (keepers.length > 0 && !isRetriable) {
      const outcomes = await Promise.all(parts.map((part) => this.#kept(part)));
      return this.#joined(outcomes, keepers);
    }
    return this.#joined(
      parts.map(({ delivered }) => delivered),
      keepers,
    );
  }

  /** What a topic never takes is kept in the dead-letter topic: other topics have it, so a refusal would be wrong. */
  #kept({ record, delivered }: Part): Promise<Delivered> {
    if (!isNeverTaken(delivered)) return Promise.resolve(delivered);
    return new Promise((resolve) =>
      this.#deadLetters.addUnanswered(record, asNeverTaken(delivered), resolve),
    );
  }

  /** The outcome of all. `keepers` are the topics that keep the event whatever its sender hears. */
  #joined(outcomes: readonly Delivered[], keepers: readonly string[]): Delivered {
    const retriable = outcomes.find(({ kind }) => kind === 'retriable');
    if (retriable?.kind === 'retriable') {
      // The sender sends it again, to all topics.
      this.#metrics.duplicatesPossible.inc(keepers.length);
      const already = keepers.length > 0 ? `; it is kept for ${keepers.join(', ')} already` : '';
      return { kind: 'retriable', reason: `${retriable.reason}${already}` };
    }
    const refused = outcomes.find(isNeverTaken);
    if (refused) return refused;
    if (outcomes.some(({ kind }) => kind === 'spooled')) return { kind: 'spooled' };
    return { kind: 'acknowledged', partition: -1, offset: -1 };
  }
}

function isNeverTaken(delivered: Delivered): delivered is Unkept {
  return delivered.kind === 'permanent' || delivered.kind === 'too-large';
}

function asNeverTaken(unkept: Unkept): NeverTaken {
  return unkept.kind === 'permanent' ? { kind: 'refused', reason: unkept.reason } : unkept;
}
