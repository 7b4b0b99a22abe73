import assert from 'node:assert/strict';
import { startBroker, type Broker, type BrokerOptions } from '../../tools/kafka/broker.ts';
import { readRecords, type ReadRecord } from '../../tools/kafka/records.ts';
import { endOffsets, isUnknownTopic } from '../../tools/kafka/topics.ts';
import { startProxy, type Proxy, type ProxyOptions } from '../../tools/proxy.ts';
import { logged } from './log-lines.ts';
import { post } from './posting.ts';
import { jobEvent, padded } from './sample-events.ts';

export const TOPIC = 'input.runs';

/** A Kafka, and proxies in front of it, for the tests of one file. */
export class Stage {
  readonly broker: Broker;
  readonly #proxies: Proxy[] = [];

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  static async start(options: BrokerOptions = {}): Promise<Stage> {
    return new Stage(await startBroker(options));
  }

  /** A proxy that listens, and may not have found its Kafka yet. */
  async launch(options: ProxyOptions = {}): Promise<Proxy> {
    // A machine that is busy with other tests may take longer than the second that a sender is given.
    const patience = { SPOOL__AFTER: '20s' };
    const kafka = { KAFKA__BOOTSTRAP_SERVERS: this.broker.bootstrapServers };
    const settings = { ...patience, ...kafka, ...options.settings };
    const proxy = await startProxy({ ...options, settings });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A proxy that can write to the Kafka. */
  async proxy(options: ProxyOptions = {}): Promise<Proxy> {
    const proxy = await this.launch(options);
    const problem = await proxy.ready();
    if (problem !== undefined) throw new Error(problem);
    // It has a producer id, too.
    await logged(proxy, 'Kafka can be written to');
    // A leader that all know of may need a moment more until it takes records.
    await endOffsets(this.broker.bootstrapServers, options.settings?.['PRODUCER__MAIN_TOPIC'] ?? TOPIC);
    return proxy;
  }

  /** A proxy whose Kafka is not there. */
  proxyWithoutKafka(options: ProxyOptions = {}): Promise<Proxy> {
    return this.launch({
      ...options,
      settings: { KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1', ...options.settings },
    });
  }

  /** A proxy whose Kafka is not there, and whose spool takes no event any more. */
  async proxyWithFullSpool(): Promise<Proxy> {
    const proxy = await this.proxyWithoutKafka({
      settings: { SPOOL__MAX_BYTES: '1MiB', PRODUCER__MAX_REQUEST_SIZE: '1MiB', SPOOL__AFTER: '100ms' },
    });
    assert.equal((await post(proxy, padded(jobEvent('fills'), 1_040_000))).status, 202);
    while ((await post(proxy, jobEvent('fills'))).status === 202);
    return proxy;
  }

  /** Ends what still runs, whatever it is at: how a proxy stops is for tests to see. */
  async stop(): Promise<void> {
    const running = this.#proxies.filter((proxy) => proxy.running);
    await Promise.all(running.map((proxy) => proxy.stop('SIGKILL')));
    await this.broker.stop();
  }

  /** Every record of a topic; none when there is no such topic yet. */
  async records(topic = TOPIC): Promise<ReadRecord[]> {
    return readRecords(this.broker.bootstrapServers, topic).catch((error: unknown) => {
      if (isUnknownTopic(error)) return [];
      throw error;
    });
  }

  /** The records that came of one request, by the id of its answer. */
  async recordsOf(requestId: unknown, topic = TOPIC): Promise<ReadRecord[]> {
    assert.ok(typeof requestId === 'string' && requestId !== '');
    return (await this.records(topic)).filter((record) => headerOf(record, 'correlation_id') === requestId);
  }

  /** The value of the one record that came of a request. */
  async valueOf(requestId: unknown, topic = TOPIC): Promise<Buffer> {
    const [record, ...others] = await this.recordsOf(requestId, topic);
    assert.ok(record?.value, 'there is a record of the request');
    assert.equal(others.length, 0);
    return record.value;
  }
}

export function headerOf(record: ReadRecord, name: string): string | undefined {
  return record.headers.find(([header]) => header === name)?.[1].toString();
}
