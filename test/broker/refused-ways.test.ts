import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { createTopic } from '../../tools/kafka/topics.ts';
import { readRecords } from '../../tools/kafka/records.ts';
import { runEvent } from '../openlineage/events.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { created, spooled } from '../stage/posting.ts';
import { readiness } from '../stage/readiness.ts';
import { RefusingRelay } from '../stage/refusing-relay.ts';
import { relayedBy } from '../stage/relay.ts';
import { Stage, useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

const HOUR = 3_600_000;
const DEAD_LETTERS = 'input.runs__malformed';
const INVALID_RECORD = 87;

const event = (eventTime = new Date().toISOString()) => JSON.stringify(runEvent({ eventTime }));

/** The part of libfaketime that Debian's `faketime` loads; undefined if it is not installed. */
function fakeTimeLibrary(): string | undefined {
  try {
    const folder = readdirSync('/usr/lib').find((name) => name.endsWith('-linux-gnu')) ?? '';
    const files = readdirSync(`/usr/lib/${folder}/faketime`);
    return files.includes('libfaketime.so.1') ? `/usr/lib/${folder}/faketime/libfaketime.so.1` : undefined;
  } catch {
    return undefined;
  }
}

/** Posts events in an outage that is longer than the limits of the topic and of the dead-letter topic. */
async function outageLongerThanLimits(stage: Stage, name: string, configs: Readonly<Record<string, string>>) {
  const servers = stage.broker.bootstrapServers;
  await createTopic(servers, { name, partitions: 1, configs });
  const proxy = await stage.proxy({ topic: name, settings: { SPOOL__AFTER: '200ms' } });
  created(await proxy.post(event()));
  await stage.broker.kill();
  const bodies = [event(), event('2020-01-01T00:00:00Z'), event()];
  for (const body of bodies) spooled(await proxy.post(body));
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const backAt = Date.now();
  await stage.broker.start();
  const records = await until(
    () => proxy.records(),
    (all) => all.length >= 4,
  );
  assert.deepEqual(
    records.slice(1).map(({ value }) => value?.toString()),
    bodies,
  );
  for (const { timestamp } of records.slice(1)) assert.ok(Number(timestamp) >= backAt, String(timestamp));
  assert.deepEqual(await stage.records(DEAD_LETTERS), []);
}

suite('an outage longer than message.timestamp.before.max.ms', { timeout: 120_000 }, () => {
  const stages: Stage[] = [];
  after(() => Promise.all(stages.map((stage) => stage.stop())));

  test('of the topic: events go to their topic, with the time of sending', async () => {
    const stage = await Stage.start();
    stages.push(stage);
    await outageLongerThanLimits(stage, 'short', { 'message.timestamp.before.max.ms': '3000' });
  });

  test('of the broker: events go to their topic, with the time of sending', async () => {
    const stage = await Stage.start({ properties: { 'log.message.timestamp.before.max.ms': '3000' } });
    stages.push(stage);
    await outageLongerThanLimits(stage, 'short', {});
  });
});

suite('a proxy with another clock than the broker', { timeout: 120_000 }, () => {
  const library = fakeTimeLibrary();
  const stages: Stage[] = [];
  after(() => Promise.all(stages.map((stage) => stage.stop())));

  for (const [what, offset, properties] of [
    ['two hours ahead', '+2h', {}],
    ['two hours behind', '-2h', { 'log.message.timestamp.before.max.ms': String(HOUR) }],
  ] as const) {
    test(
      `${what}, with producer.timestamp: arrival, keeps every event`,
      { skip: library === undefined },
      async () => {
        const stage = await Stage.start({ properties });
        stages.push(stage);
        await createTopic(stage.broker.bootstrapServers, { name: 'clock', partitions: 1 });
        const proxy = await stage.proxy({
          topic: 'clock',
          settings: { PRODUCER__TIMESTAMP: 'arrival' },
          environment: { LD_PRELOAD: library ?? '', FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' },
        });
        for (let i = 0; i < 5; i++) created(await proxy.post(event()));
        for (const { timestamp } of await proxy.records()) {
          const difference = Math.abs(Number(timestamp) - Date.now());
          assert.ok(difference < 60_000, `${difference} ms`);
        }
        assert.match(
          proxy.log,
          /the clock of the broker is 7(?:199|200|201) s (?:behind|ahead of) that of the proxy/,
        );
        assert.equal((await readiness(proxy)).kafka, 'ok');
      },
    );
  }

  test('gets a record without a time into a topic that takes no time at all', async () => {
    const stage = await Stage.start();
    stages.push(stage);
    const configs = { 'message.timestamp.before.max.ms': '0', 'message.timestamp.after.max.ms': '0' };
    const proxy = await stage.proxyWithTopic({ name: 'timeless', partitions: 1, configs });
    for (let i = 0; i < 5; i++) created(await proxy.post(event()));
    assert.equal((await proxy.records()).length, 5);
  });
});

suite('a broker that takes no compressed batches', { timeout: 120_000 }, () => {
  const stage = new Stage();
  let relay: RefusingRelay;
  let servers: string;
  before(async () => {
    const found = await relayedBy(
      (port, target) => RefusingRelay.listen(port, target),
      (options) => stage.startBroker(options),
    );
    relay = found.relay;
    servers = found.bootstrapServers;
  });
  after(async () => {
    relay.close();
    await stage.stop();
  });

  const proxyFor = async (topic: string, compression: string): Promise<StagedProxy> => {
    await createTopic(stage.broker.bootstrapServers, { name: topic, partitions: 1 });
    relay.judge = () => undefined;
    relay.seen.length = 0;
    return stage.proxy({
      topic,
      settings: { KAFKA__BOOTSTRAP_SERVERS: servers, KAFKA__COMPRESSION: compression },
    });
  };
  const codecs = (topic: string) =>
    relay.seen.filter((batch) => batch.topic === topic).map(({ compression }) => compression);

  for (const code of [43, 76]) {
    test(`gets plain ones after the error ${code}`, async () => {
      const topic = `refused-${code}`;
      const proxy = await proxyFor(topic, 'lz4');
      relay.judge = ({ compression }) => (compression === 0 ? undefined : code);
      for (let i = 0; i < 5; i++) created(await proxy.post(event()));
      assert.deepEqual(codecs(topic), [3, 1, 0, 0, 0, 0, 0]);
      assert.equal((await readRecords(stage.broker.bootstrapServers, topic)).length, 5);
      assert.equal((await readiness(proxy)).kafka, 'ok');
      assert.equal(proxy.log.match(/kafka\.compression/g)?.length, 2);
    });
  }

  test('gets gzip where it takes that', async () => {
    const proxy = await proxyFor('gzip-only', 'zstd');
    relay.judge = ({ compression }) => (compression <= 1 ? undefined : 76);
    for (let i = 0; i < 3; i++) created(await proxy.post(event()));
    assert.deepEqual(codecs('gzip-only'), [4, 1, 1, 1]);
  });

  test('answers 413 to an event that fits only compressed', async () => {
    const proxy = await proxyFor('plain-only', 'none');
    relay.judge = ({ compression }) => (compression === 0 ? undefined : 43);
    const large = JSON.stringify({
      ...runEvent({ eventTime: '2026-01-01T00:00:00Z' }),
      x: 'x'.repeat(2_000_000),
    });
    const answer = await proxy.post(large);
    assert.equal(answer.status, 413);
    created(await proxy.post(event()));
  });

  test('and refuses every record: ready and the metric say so for the topic, until a record is taken', async () => {
    const proxy = await proxyFor('refusing', 'none');
    created(await proxy.post(event()));
    const up = async () => (await readMetrics(proxy)).get('http2kafka_kafka_up{topic="refusing"}');
    assert.equal(await up(), 1);
    relay.judge = ({ topic }) => (topic === 'refusing' ? INVALID_RECORD : undefined);
    for (let i = 0; i < 5; i++) await proxy.post(event());
    const { kafka, problem } = await until(
      () => readiness(proxy),
      (found) => /refuses every record/.test(found.kafka),
    );
    assert.match(
      kafka,
      /^topic refusing: Kafka refuses every record, [3-5] in a row since \S+Z: INVALID_RECORD$/,
    );
    assert.equal(problem, undefined, 'it still keeps events');
    assert.equal(await up(), 0);
    const ready = await proxy.get('/monitoring/ready');
    assert.equal(ready.status, 200);
    assert.match(ready.text, /"topics":\{"refusing":\{[^}]*refuses every record/);
    relay.judge = () => undefined;
    created(await proxy.post(event()));
    assert.equal((await readiness(proxy)).kafka, 'ok');
    assert.equal(await up(), 1);
  });
});

suite('a broker with a small socket.request.max.bytes', { timeout: 120_000 }, () => {
  const stage = useStage({ properties: { 'socket.request.max.bytes': '200000' } });

  test('gets the events of an outage in requests that it takes', async () => {
    const topic = 'small-requests';
    const proxy = await stage.proxyWithTopic({ name: topic, partitions: 2 }, { SPOOL__AFTER: '200ms' });
    await stage.broker.kill();
    const bodies = Array.from({ length: 300 }, (_, i) =>
      JSON.stringify({ ...runEvent({ producer: `test:${i}` }), x: 'x'.repeat(5000) }),
    );
    for (const answer of await proxy.postAll(bodies, 16)) spooled(answer);
    await stage.broker.start();
    const records = await until(
      () => proxy.records(),
      (all) => all.length >= bodies.length,
    );
    assert.deepEqual(records.map(({ value }) => value?.toString()).sort(), bodies.toSorted());
  });
});
