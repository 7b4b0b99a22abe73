/** A producer on simulated time with simulated brokers, its log, and the outcome of each record. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { TestContext } from 'node:test';
import { pino, type Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import type { Outcome } from '../../src/kafka/producer/port.ts';
import { Producer, type ProducerSettings } from '../../src/kafka/producer/producer.ts';
import type { PendingRecord } from '../../src/kafka/producer/pending-record.ts';
import { recordSize, type KafkaRecord } from '../../src/kafka/record.ts';
import { codecs, type Codec } from '../../src/kafka/wire/compression.ts';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts';
import { SimulatedTime } from '../support/simulated-time.ts';
import { SimulatedBrokers, type SimulatedBrokersOptions } from './simulated-brokers.ts';

export const TOPIC = 'input.runs';

const settings: ProducerSettings = {
  bootstrapServers: ['one:9092'],
  topics: [TOPIC],
  compression: 'none',
  partitioner: 'murmur2',
  maxBatchBytes: 900_000,
  retryBackoffMs: 100,
  metadataMaxAgeMs: 300_000,
};

/** A line of the log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly topic?: string;
  readonly detail?: string;
}

export interface Sent {
  readonly value: string;
  readonly pending: PendingRecord;
  /** How often a batch with the record was sent. */
  sent: number;
  readonly outcomes: Outcome[];
}

/** gzip in this thread: simulated time does not wait for another thread. */
const gzip: Codec = { attributes: 1, compress: (records) => gzipSync(records) };

const unused: Codec = {
  attributes: 7,
  compress: () => {
    throw new Error('this codec is not wanted here');
  },
};

export interface SimulatedProducerOptions extends Partial<ProducerSettings>, SimulatedBrokersOptions {
  readonly random?: () => number;
  readonly gzip?: Codec;
}

export function simulatedLog(): { readonly log: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write = (line: string) => {
    const value: unknown = JSON.parse(line);
    assert.ok(isLogLine(value));
    lines.push(value);
  };
  return { log: pino({ level: 'debug', base: null, timestamp: false }, { write }), lines };
}

function isLogLine(value: unknown): value is LogLine {
  return typeof value === 'object' && value !== null && 'msg' in value;
}

export class SimulatedProducer {
  readonly time = new SimulatedTime();
  readonly brokers: SimulatedBrokers;
  readonly producer: Producer;
  readonly metrics: Metrics = createMetrics();
  readonly lines: readonly LogLine[];
  readonly sent: Sent[] = [];
  #count = 0;

  /** At the end of the test the producer is closed, and the checks of `close` run. */
  constructor(test: TestContext, options: SimulatedProducerOptions = {}) {
    const { latencyMs, autoCreate, random = () => 0, gzip: codec = gzip, ...changed } = options;
    this.brokers = new SimulatedBrokers(this.time, {
      ...(latencyMs && { latencyMs }),
      ...(autoCreate !== undefined && { autoCreate }),
    });
    const { log, lines } = simulatedLog();
    this.lines = lines;
    this.producer = new Producer(
      { ...settings, ...changed },
      {
        brokers: this.brokers,
        time: this.time,
        random,
        // The real ones but gzip work in this thread.
        codecs: {
          ...(changed.compression === undefined || changed.compression === 'none'
            ? { snappy: unused, lz4: unused, zstd: unused }
            : codecs),
          gzip: codec,
        },
        metrics: this.metrics,
        log,
      },
    );
    test.after(() => this.close());
  }

  /** Starts the producer, and waits until it knows the topic. */
  async start(): Promise<void> {
    void this.producer.start();
    await this.time.until(() => this.producer.knows(TOPIC));
  }

  /** Sends a record. Its default value is the key and a number that counts the records. */
  send(key: string | null, more: Partial<KafkaRecord> = {}): Sent {
    const now = this.time.wall.now();
    const value = `${key ?? ''}#${this.#count++}`;
    const record = {
      topic: TOPIC,
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from(value),
      headers: [],
      timestamp: now,
      arrivedAt: now,
      ...more,
    };
    const outcomes: Outcome[] = [];
    const owner = {
      sent: () => void (one.sent += 1),
      settled: (outcome: Outcome) => void outcomes.push(outcome),
    };
    const pending = this.producer.send(record, recordSize(record), owner);
    const one: Sent = { value: record.value.toString(), pending, sent: 0, outcomes };
    this.sent.push(one);
    return one;
  }

  /** Lets time pass until each record is settled or withdrawn. Returns the milliseconds. */
  async settled(limitMs = 120_000): Promise<number> {
    return this.time.until(
      () => this.sent.every(({ outcomes, pending }) => pending.withdrawn || outcomes.length > 0),
      limitMs,
    );
  }

  async close(graceMs = 0): Promise<void> {
    let isClosed = false;
    const closing = this.producer.close(graceMs).then(() => (isClosed = true));
    await this.time.until(() => isClosed);
    await closing;
    // The producer ignores answers that come after its end.
    await this.time.advance(120_000);
    assert.equal(this.time.timers, 0, 'no timer is left');
    assert.deepEqual(this.brokers.violations, []);
    for (const { value, outcomes, pending } of this.sent) {
      assert.ok(outcomes.length === 1 || pending.withdrawn, `${value} is settled ${outcomes.length} times`);
    }
  }

  /** The outcomes of all records, by kind. */
  get kinds(): string[] {
    return this.sent.map(({ outcomes }) => outcomes.map(({ kind }) => kind).join());
  }

  /** Checks that the records of each key are in the topic once, in the order in which they were sent. */
  assertOnceAndInOrder(topic = TOPIC): void {
    const byKey = (values: readonly string[]) => {
      const groups = Map.groupBy(values, (value) => value.split('#')[0] ?? '');
      return [...groups].sort(([a], [b]) => a.localeCompare(b));
    };
    assert.deepEqual(byKey(this.brokers.values(topic)), byKey(this.sent.map(({ value }) => value)));
  }

  /** The value of a counter or gauge, with these labels if any are given. */
  async metric(instrument: Counter | Gauge, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { values } = await instrument.get();
    const found = values.find((one) =>
      Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    );
    return found?.value ?? 0;
  }
}
