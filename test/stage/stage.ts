import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { startBroker, type Broker, type BrokerOptions } from '../../tools/kafka/broker.ts';
import type { ReadRecord } from '../../tools/kafka/records.ts';
import { createTopic, endOffsets, type NewTopic } from '../../tools/kafka/topics.ts';
import { logged } from './log-lines.ts';
import { deliveryOf, post, spooled } from './posting.ts';
import { jobEvent, padded } from './sample-events.ts';
import { recordsIfAny, StagedProxy, TOPIC, type StagedProxyOptions } from './staged-proxy.ts';

/** An address at which no Kafka listens. */
export const NOWHERE = { KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1' };

/** A stage with a Kafka for the tests of one suite. Call it in the suite's function. */
export function useStage(options: BrokerOptions = {}): Stage {
  const stage = new Stage();
  before(() => stage.startBroker(options));
  after(() => stage.stop());
  return stage;
}

/** A Kafka, and proxies in front of it. As long as no broker is started, the proxies run without a Kafka. */
export class Stage {
  #broker: Broker | undefined;
  readonly #brokers: Broker[] = [];
  readonly #proxies: StagedProxy[] = [];

  static async start(options: BrokerOptions = {}): Promise<Stage> {
    const stage = new Stage();
    await stage.startBroker(options);
    return stage;
  }

  /** The broker that was started last. */
  get broker(): Broker {
    return this.#broker ?? assert.fail('the stage has no broker');
  }

  async startBroker(options: BrokerOptions = {}): Promise<Broker> {
    const broker = await startBroker(options);
    this.#brokers.push(broker);
    this.#broker = broker;
    return broker;
  }

  /** A proxy that listens. It may not have found its Kafka yet. */
  async launch(options: StagedProxyOptions = {}): Promise<StagedProxy> {
    const bootstrapServers = this.#broker?.bootstrapServers ?? NOWHERE.KAFKA__BOOTSTRAP_SERVERS;
    // On a busy machine Kafka may need more than the default of one second to acknowledge an event.
    const patience = this.#broker ? { SPOOL__AFTER: '20s' } : {};
    const settings = { ...patience, KAFKA__BOOTSTRAP_SERVERS: bootstrapServers, ...options.settings };
    const proxy = await StagedProxy.start({ ...options, settings }, bootstrapServers);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A proxy that can write to the Kafka. */
  async proxy(options: StagedProxyOptions = {}): Promise<StagedProxy> {
    const proxy = await this.launch(options);
    const problem = await proxy.ready();
    if (problem !== undefined) throw new Error(problem);
    // From this line on the proxy has a producer id.
    await logged(proxy, 'Kafka can be written to');
    // A leader may refuse records for a moment after the metadata names it.
    await endOffsets(this.broker.bootstrapServers, proxy.topic);
    return proxy;
  }

  /** A new topic, and a proxy that can write to it. */
  async proxyWithTopic(
    topic: NewTopic,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<StagedProxy> {
    await createTopic(this.broker.bootstrapServers, topic);
    await endOffsets(this.broker.bootstrapServers, topic.name);
    return this.proxy({ topic: topic.name, settings });
  }

  /** A proxy that finds no Kafka, whether the stage has one or not. */
  proxyWithoutKafka(options: StagedProxyOptions = {}): Promise<StagedProxy> {
    return this.launch({ ...options, settings: { ...NOWHERE, ...options.settings } });
  }

  /** A proxy that finds no Kafka and has a full spool: it takes no event. */
  async proxyWithFullSpool(): Promise<StagedProxy> {
    const proxy = await this.proxyWithoutKafka({
      settings: { SPOOL__MAX_BYTES: '1MiB', PRODUCER__MAX_REQUEST_SIZE: '1MiB', SPOOL__AFTER: '100ms' },
    });
    spooled(await post(proxy, padded(jobEvent('fills'), 1_040_000)));
    while (deliveryOf(await post(proxy, jobEvent('fills'))) === 'spool');
    return proxy;
  }

  /** Kills what still runs. A test that is about an orderly stop stops its proxy itself. */
  async stop(): Promise<void> {
    const running = this.#proxies.filter((proxy) => proxy.running);
    await Promise.all(running.map((proxy) => proxy.kill()));
    await Promise.all(this.#brokers.map((broker) => broker.stop({ limitMs: 0 })));
  }

  /** Every record of a topic; none while the topic does not exist. */
  records(topic = TOPIC): Promise<ReadRecord[]> {
    return recordsIfAny(this.broker.bootstrapServers, topic);
  }

  /** The records of one request, by the request id of its answer. */
  async recordsOf(requestId: unknown, topic = TOPIC): Promise<ReadRecord[]> {
    assert.ok(typeof requestId === 'string' && requestId !== '');
    return (await this.records(topic)).filter((record) => headerOf(record, 'correlation_id') === requestId);
  }

  /** The value of the one record of a request. */
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
