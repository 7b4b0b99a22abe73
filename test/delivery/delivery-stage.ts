/** A delivery without a broker: simulated time and disk, and a fake producer. */
import assert from 'node:assert/strict';
import { pino } from 'pino';
import { Delivery, type DeliverySettings } from '../../src/delivery/delivery.ts';
import { RECORD_OVERHEAD_BYTES } from '../../src/delivery/held-record.ts';
import type { Delivered, QueueState } from '../../src/delivery/port.ts';
import { recordHeader, recordSize, type KafkaRecord } from '../../src/kafka/record.ts';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts';
import { Spool } from '../../src/spool/spool.ts';
import { Random } from '../openlineage/random.ts';
import { SimulatedDisk } from '../spool/simulation/simulated-disk.ts';
import { SimulatedTime } from '../support/simulated-time.ts';
import { FakeProducer } from './fake-producer.ts';

export const TOPIC = 'events';
export const DEAD_LETTERS = 'dead-letters';

/** A segment takes five events of 100 bytes. One read from the disk returns a segment. */
const SEGMENT_BYTES = 1000;

export interface StageSettings extends Partial<DeliverySettings> {
  /** Most bytes of the spool. */
  readonly spoolBytes?: number;
  readonly segmentBytes?: number;
  readonly seed?: number;
}

/** An event that was sent to the delivery. */
export interface Sent {
  readonly record: KafkaRecord;
  readonly topics: readonly string[];
  outcome: Delivered | undefined;
  /** Milliseconds that its sender has waited. */
  waitedMs: number;
}

type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export class DeliveryStage {
  readonly time = new SimulatedTime();
  readonly settings: DeliverySettings;
  readonly disk: SimulatedDisk;
  readonly log: LogLine[] = [];
  readonly sent: Sent[] = [];
  readonly #spoolBytes: number;
  readonly #segmentBytes: number;
  readonly #random: Random;
  #process: { producer: FakeProducer; metrics: Metrics; spool: Spool; delivery: Delivery } | undefined;

  private constructor(stage: StageSettings) {
    const { spoolBytes = 1 << 30, segmentBytes = SEGMENT_BYTES, seed = 1, ...settings } = stage;
    this.#random = new Random(seed);
    this.#spoolBytes = spoolBytes;
    this.#segmentBytes = segmentBytes;
    this.disk = new SimulatedDisk({ random: this.#random, time: this.time });
    this.settings = {
      topics: [TOPIC],
      deadLetterTopic: DEAD_LETTERS,
      maxBytes: 1 << 20,
      spoolAfterMs: 1000,
      spoolMaxAgeMs: 7 * 24 * 3_600_000,
      ...settings,
    };
  }

  static async open(settings: StageSettings = {}): Promise<DeliveryStage> {
    const stage = new DeliveryStage(settings);
    await stage.start();
    return stage;
  }

  get producer(): FakeProducer {
    return this.#running.producer;
  }

  get delivery(): Delivery {
    return this.#running.delivery;
  }

  get spool(): Spool {
    return this.#running.spool;
  }

  get metrics(): Metrics {
    return this.#running.metrics;
  }

  /** Starts a process on the disk. */
  async start(state: 'up' | 'unavailable' = 'up'): Promise<void> {
    const { time, disk } = this;
    const settings = { path: '/spool', maxBytes: this.#spoolBytes, segmentBytes: this.#segmentBytes };
    const machine = { disk, time, randomSeed: () => this.#random.below(2 ** 32) };
    const spool = await this.finished(Spool.open(settings, (report) => assert.fail(report.reason), machine));
    const producer = new FakeProducer(time);
    if (state === 'unavailable') for (const topic of spool.topics) producer.set(topic, state);
    const metrics = createMetrics();
    const logger = pino({ base: null }, { write: (line: string) => this.log.push(parseLine(line)) });
    const delivery = new Delivery(this.settings, producer, spool, metrics, logger, time);
    this.#process = { producer, metrics, spool, delivery };
    await time.settle();
  }

  /** Stops the process as the program does, and starts the next one on the same disk. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const { delivery, producer, spool } = this.#running;
    delivery.hurry();
    await this.passUntil(delivery.stop());
    producer.close();
    await this.finished(spool.close());
  }

  /** Sends the n-th event. Its outcome comes later. */
  send(n: number, { topic = TOPIC, size = 100 }: { topic?: string; size?: number } = {}): Sent {
    const record = eventRecord(n, topic, size, this.time.wall.now());
    return this.#note(record, [topic], this.delivery.deliver(record));
  }

  /** Sends the n-th event to several topics. Its outcome comes later. */
  sendToAll(n: number, topics: readonly string[], size = 100): Sent {
    const [first = TOPIC] = topics;
    const record = eventRecord(n, first, size, this.time.wall.now());
    return this.#note(record, topics, this.delivery.deliverToAll(record, topics));
  }

  /** Sends the n-th event to several topics, and waits for everything that takes no simulated time. */
  async postToAll(n: number, topics: readonly string[], size = 100): Promise<Sent> {
    const sent = this.sendToAll(n, topics, size);
    await this.time.settle();
    return sent;
  }

  /** Sends the n-th event, and waits for everything that takes no simulated time. */
  async post(n: number, options: { topic?: string; size?: number } = {}): Promise<Sent> {
    const sent = this.send(n, options);
    await this.time.settle();
    return sent;
  }

  /** The numbers of the events of a topic in Kafka, in order. */
  written(topic = TOPIC): number[] {
    return this.producer.written.filter((record) => record.topic === topic).map(numberOf);
  }

  state(topic = TOPIC): QueueState {
    return this.delivery.statusOf(topic).state;
  }

  async sample(
    name: 'queueBytes' | 'queueEvents' | 'spooled' | 'spoolFailures' | 'undeliverable' | 'duplicatesPossible',
  ): Promise<number> {
    this.delivery.measure();
    const { values } = await this.metrics[name].get();
    return values[0]?.value ?? 0;
  }

  /** The lines of the log that contain this text. */
  lines(text: string): LogLine[] {
    return this.log.filter(({ msg }) => msg.includes(text));
  }

  /** Waits until everything is delivered, and checks that nothing remains in memory or on disk. */
  async emptied(): Promise<void> {
    await this.time.until(() => this.delivery.topics.every(({ state }) => state === 'straight'), 600_000);
    await this.time.advance(200);
    assert.deepEqual(
      this.sent.filter(({ outcome }) => outcome === undefined).map(({ record }) => numberOf(record)),
      [],
      'events without an answer',
    );
    assert.deepEqual([await this.sample('queueBytes'), await this.sample('queueEvents')], [0, 0]);
    assert.deepEqual([this.delivery.spooledEvents, this.delivery.spooledBytes], [0, 0]);
    assert.deepEqual([...this.disk.contents().keys()], []);
  }

  /** Checks that every kept event is in its topic once, in order of arrival, and that no other event is there. */
  assertKeptOnceInOrder(topic = TOPIC): void {
    const kept = this.sent.filter(({ topics, outcome }) => topics.includes(topic) && isKept(outcome));
    assert.deepEqual(
      this.written(topic),
      kept.map(({ record }) => numberOf(record)),
    );
  }

  /** Awaits a promise that needs the disk, but no simulated time. */
  async finished<Result>(promise: Promise<Result>): Promise<Result> {
    await this.time.settle();
    return promise;
  }

  /** Awaits a promise that takes simulated time. */
  async passUntil<Result>(promise: Promise<Result>): Promise<Result> {
    let isDone = false;
    const done = promise.finally(() => (isDone = true));
    await this.time.until(() => isDone);
    return done;
  }

  #note(record: KafkaRecord, topics: readonly string[], delivery: Promise<Delivered>): Sent {
    const sent: Sent = { record, topics, outcome: undefined, waitedMs: Number.NaN };
    const since = this.time.monotonic.now();
    this.sent.push(sent);
    void delivery.then((outcome) => {
      sent.outcome = outcome;
      sent.waitedMs = this.time.monotonic.now() - since;
    });
    return sent;
  }

  get #running() {
    assert.ok(this.#process, 'no process is running');
    return this.#process;
  }
}

/** The kind of an event's current outcome; `none` while there is none. */
export function kindOf({ outcome }: Sent): Delivered['kind'] | 'none' {
  return outcome?.kind ?? 'none';
}

export function isKept(outcome: Delivered | undefined): boolean {
  return outcome?.kind === 'acknowledged' || outcome?.kind === 'spooled';
}

export function numberOf({ value }: KafkaRecord): number {
  return Number.parseInt(value.toString('latin1'), 10);
}

/** Bytes of memory that an event of `size` bytes takes in a queue. */
export function heldOf(size: number): number {
  return RECORD_OVERHEAD_BYTES + sizeOf(size);
}

/** What `recordSize` gives for an event of `size` bytes. */
export function sizeOf(size: number, topic = TOPIC): number {
  return recordSize(eventRecord(0, topic, size, 0));
}

function eventRecord(n: number, topic: string, size: number, arrivedAt: number): KafkaRecord {
  return {
    topic,
    key: Buffer.from('key'),
    value: Buffer.from(`${n} `.padEnd(size, '.')),
    headers: [recordHeader('content-type', 'application/json')],
    timestamp: arrivedAt,
    arrivedAt,
  };
}

function parseLine(line: string): LogLine {
  const parsed: unknown = JSON.parse(line);
  assert.ok(
    typeof parsed === 'object' && parsed !== null && 'msg' in parsed && typeof parsed.msg === 'string',
  );
  return { ...parsed, msg: parsed.msg };
}
