import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createTopic } from '../../tools/kafka/topics.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { deliveryOf, spooled } from '../stage/posting.ts';
import { inState } from '../stage/readiness.ts';
import { relayed, type Relay } from '../stage/relay.ts';
import { runEvent } from '../stage/sample-events.ts';
import { Stage } from '../stage/stage.ts';
import { until } from '../stage/until.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

suite('a broker that was killed before its answer arrived', { timeout: 120_000 }, () => {
  const stage = new Stage();
  let relay: Relay;
  /** Where the proxies find the broker: behind the relay. */
  let bootstrapServers = '';

  before(async () => {
    ({ relay, bootstrapServers } = await relayed((options) => stage.startBroker(options)));
  });
  after(async () => {
    relay.close();
    await stage.stop();
  });

  /**
   * The broker writes an event of that age and is killed before its answer arrives.
   * Gives how many records of the event the topic has in the end, and how many possible duplicates the proxy counts.
   */
  async function sentAgain(topic: string, ageMs: number): Promise<{ records: number; counted: number }> {
    const { broker } = stage;
    await createTopic(broker.bootstrapServers, { name: topic, partitions: 1 });
    const settings = { SPOOL__AFTER: '500ms', KAFKA__BOOTSTRAP_SERVERS: bootstrapServers };
    const proxy = await stage.launch({ topic, settings });
    const event = (n: number) =>
      runEvent(topic, { n, eventTime: new Date(Date.now() - ageMs).toISOString() });
    try {
      await until(
        () => proxy.post(event(1)),
        (answer) => deliveryOf(answer) === 'kafka',
      );
      await inState(proxy, 'straight');
      const before = (await proxy.records()).length;
      relay.loseAnswers();
      spooled(await proxy.post(event(2)));
      await until(
        () => proxy.records(),
        ({ length }) => length === before + 1,
      );
      await broker.kill();
      await broker.start();
      await inState(proxy, 'straight');
      const metrics = await readMetrics(proxy);
      return {
        records: (await proxy.records()).length - before,
        counted: metrics.get('http2kafka_duplicates_possible_total') ?? Number.NaN,
      };
    } finally {
      await proxy.stop();
    }
  }

  test('recognises a batch that is sent again', async () => {
    assert.deepEqual(await sentAgain('young', 0), { records: 1, counted: 0 });
  });

  // A broker forgets a producer when its last record has a timestamp of more than a day ago. If Kafka changes that, this test
  // fails: then the count can be removed.
  test('has forgotten the producer of events of the day before: they are written twice, and counted', async () => {
    assert.deepEqual(await sentAgain('old', DAY_MS + 60_000), { records: 2, counted: 1 });
  });
});
