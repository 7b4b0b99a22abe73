/** A producer without a broker. A test decides for each topic whether Kafka is available, and what it refuses. */
import type { Outcome, RecordHandle, RecordOwner, RecordProducer } from '../../src/kafka/producer/port.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { Time } from '../../src/support/time.ts';

/**
 * - `up`: batches are sent and answered.
 * - `silent`: batches are sent, and get no answer. No problem is known.
 * - `unavailable`: nothing is sent, and the problem is known.
 */
export type KafkaState = 'up' | 'silent' | 'unavailable';

/** Records of a batch. One batch of a topic is in flight at a time. */
const BATCH = 10;

class FakeHandle implements RecordHandle {
  readonly record: KafkaRecord;
  readonly size: number;
  readonly owner: RecordOwner;
  sent = false;
  withdrawn = false;

  constructor(record: KafkaRecord, size: number, owner: RecordOwner) {
    this.record = record;
    this.size = size;
    this.owner = owner;
  }

  settle(outcome: Outcome): void {
    if (!this.withdrawn) this.owner.settled(outcome);
  }
}

class FakeTopic {
  state: KafkaState = 'up';
  /** Most bytes of a record that the topic takes. */
  limit = Number.POSITIVE_INFINITY;
  /** Kafka's name of the error for which the topic takes no record. */
  refusal: string | undefined;
  waiting: FakeHandle[] = [];
  #offset = -1;
  inFlight: FakeHandle[] = [];

  outcomeFor({ size }: FakeHandle): Outcome {
    if (this.refusal !== undefined) return { kind: 'refused', reason: this.refusal };
    if (size > this.limit) return { kind: 'too-large', size, limit: this.limit };
    return { kind: 'written', partition: 0, offset: (this.#offset += 1) };
  }
}

export class FakeProducer implements RecordProducer {
  /** Milliseconds from a batch to its answer. */
  latencyMs = 5;
  /** The records in Kafka, in order. */
  readonly written: KafkaRecord[] = [];
  /** Times at which the records of a topic were sent, on the monotonic clock. */
  readonly handedOver = new Map<string, number[]>();
  /** The topics that the delivery wants to know of before their first record. */
  readonly watched: string[] = [];
  /** How often the delivery asked for the limits of topics. */
  refreshes = 0;
  readonly #time: Time;
  readonly #topics = new Map<string, FakeTopic>();

  constructor(time: Time) {
    this.#time = time;
  }

  send(record: KafkaRecord, size: number, owner: RecordOwner): FakeHandle {
    const handle = new FakeHandle(record, size, owner);
    const topic = this.#topic(record.topic);
    topic.waiting.push(handle);
    const times = this.handedOver.get(record.topic);
    if (times) times.push(this.#time.monotonic.now());
    else this.handedOver.set(record.topic, [this.#time.monotonic.now()]);
    this.#time.setImmediate(() => this.#pump(topic));
    return handle;
  }

  withdraw(handle: RecordHandle): boolean {
    if (!(handle instanceof FakeHandle)) throw new Error('the handle is not of this producer');
    handle.withdrawn = true;
    return !handle.sent;
  }

  problemOf(topic: string): string | undefined {
    return this.#topic(topic).state === 'unavailable' ? 'no broker answers' : undefined;
  }

  refusalOf(): undefined {
    return undefined;
  }

  refresh(): Promise<void> {
    this.refreshes += 1;
    return Promise.resolve();
  }

  watch(topics: readonly string[]): void {
    this.watched.push(...topics);
  }

  knows(): boolean {
    return true;
  }

  /** Changes the state of a topic. When it is up again, it first answers the batch in flight. */
  set(name: string, state: KafkaState): void {
    const topic = this.#topic(name);
    topic.state = state;
    if (state === 'up' && topic.inFlight.length > 0)
      this.#time.setTimeout(() => this.#answer(topic), this.latencyMs);
    else this.#pump(topic);
  }

  limit(name: string, bytes: number): void {
    this.#topic(name).limit = bytes;
  }

  refuse(name: string, reason: string | undefined): void {
    this.#topic(name).refusal = reason;
  }

  /** Answers the batch in flight with a retriable error: its records are not written, and wait for the next batch. */
  putBack(name: string): void {
    const topic = this.#topic(name);
    topic.waiting = [...topic.inFlight, ...topic.waiting];
    topic.inFlight = [];
  }

  /** Settles all records as closed, as a real producer does when it closes. */
  close(): void {
    for (const topic of this.#topics.values()) {
      const { inFlight, waiting } = topic;
      topic.inFlight = [];
      topic.waiting = [];
      for (const handle of inFlight) handle.settle({ kind: 'closed', mayBeWritten: true });
      for (const handle of waiting) handle.settle({ kind: 'closed', mayBeWritten: false });
    }
  }

  #topic(name: string): FakeTopic {
    let topic = this.#topics.get(name);
    if (!topic) this.#topics.set(name, (topic = new FakeTopic()));
    return topic;
  }

  #pump(topic: FakeTopic): void {
    if (topic.state === 'unavailable' || topic.inFlight.length > 0) return;
    topic.waiting = topic.waiting.filter(({ withdrawn }) => !withdrawn);
    topic.inFlight = topic.waiting.splice(0, BATCH);
    if (topic.inFlight.length === 0) return;
    for (const handle of topic.inFlight) {
      handle.sent = true;
      handle.owner.sent();
    }
    this.#time.setTimeout(() => this.#answer(topic), this.latencyMs);
  }

  #answer(topic: FakeTopic): void {
    if (topic.state !== 'up') return;
    const batch = topic.inFlight;
    topic.inFlight = [];
    for (const handle of batch) {
      const outcome = topic.outcomeFor(handle);
      // A record that was withdrawn too late is still written.
      if (outcome.kind === 'written') this.written.push(handle.record);
      handle.settle(outcome);
    }
    this.#pump(topic);
  }
}
