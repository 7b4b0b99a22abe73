import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startBroker, type Broker } from '../../tools/kafka/broker.ts';
import { createTopic } from '../../tools/kafka/topics.ts';
import { startProxy } from '../../tools/proxy.ts';
import { relayed, type Relay } from '../stage/relay.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { inState } from '../stage/readiness.ts';
import { runEvent } from '../stage/sample-events.ts';
import { spooled, TopicProxy, until } from './stage.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

suite('a broker that was killed before its answer arrived', { timeout: 120_000 }, () => {
  let broker: Broker;
  let relay: Relay;
  let bootstrapServers = '';

  before(async () => {
    ({ broker, relay, bootstrapServers } = await relayed(startBroker));
  });

  after(async () => {
    relay.close();
    await broker.stop({ limitMs: 0 });
  });

  /** What the topic has of an event of that age which the broker wrote just before its death, and what the proxy counts as twice. */
  async function sentAgain(topic: string, ageMs: number): Promise<{ records: number; counted: number }> {
    await createTopic(broker.bootstrapServers, { name: topic, partitions: 1 });
    const settings = {
      SPOOL__AFTER: '500ms',
      KAFKA__BOOTSTRAP_SERVERS: bootstrapServers,
      PRODUCER__MAIN_TOPIC: topic,
    };
    const proxy = new TopicProxy(await startProxy({ settings }), broker.bootstrapServers, topic);
    const event = (n: number) =>
      runEvent(topic, { n, eventTime: new Date(Date.now() - ageMs).toISOString() });
    try {
      await until(
        () => proxy.post(event(1)),
        ({ status }) => status === 201,
      );
      await inState(proxy.process, 'straight');
      const before = (await proxy.records()).length;
      relay.loseAnswers();
      spooled(await proxy.post(event(2)));
      await until(
        () => proxy.records(),
        ({ length }) => length === before + 1,
      );
      await broker.kill();
      await broker.start();
      await inState(proxy.process, 'straight');
      const metrics = await readMetrics(proxy.process);
      return {
        records: (await proxy.records()).length - before,
        counted: metrics.get('http2kafka_duplicates_possible_total') ?? Number.NaN,
      };
    } finally {
      await proxy.stop();
    }
  }

  test('knows a batch again that is sent once more', async () => {
    assert.deepEqual(await sentAgain('young', 0), { records: 1, counted: 0 });
  });

  // Kafka's own doing, and so nothing to be had for granted: were it mended, this would fail, and the count could go.
  test('has forgotten the producer of events of the day before; they are there twice, which is counted', async () => {
    assert.deepEqual(await sentAgain('old', DAY_MS + 60_000), { records: 2, counted: 1 });
  });
});
