import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BrokerClient } from '../../src/kafka/cluster/broker-client.ts';
import type { PartitionBatch } from '../../src/kafka/cluster/brokers.ts';
import { recordSize } from '../../src/kafka/record.ts';
import { BufferPool, encodeBatch, type BatchIdentity } from '../../src/kafka/wire/record-batch.ts';
import { systemTime } from '../../src/support/time.ts';
import { readRecords } from '../../tools/kafka/records.ts';
import { createTopic } from '../../tools/kafka/topics.ts';
import { startLimitingRelay } from '../kafka/cluster/limiting-relay.ts';
import { KEYS, type Ranges } from '../kafka/cluster/scripted-broker.ts';
import { NO_SECURITY } from '../kafka/login/no-security.ts';
import { ranProgram } from '../config/child.ts';
import { jobEvent, runEvent } from '../openlineage/events.ts';
import { logged } from '../stage/log-lines.ts';
import { created, spooled } from '../stage/posting.ts';
import { inState, readiness } from '../stage/readiness.ts';
import { invalidHeaders, writeLetters } from './dead-letters/letters.ts';
import { useStage } from '../stage/stage.ts';
import { until } from '../stage/until.ts';

const CLIENT = {
  clientId: 'test',
  connectTimeoutMs: 5000,
  requestTimeoutMs: 20_000,
  connectionsMaxIdleMs: 60_000,
  security: NO_SECURITY,
};

function ranges(
  taken: Readonly<
    Record<'produce' | 'metadata' | 'initProducerId' | 'describeConfigs', readonly [number, number]>
  >,
): Ranges {
  return {
    [KEYS.produce]: taken.produce,
    [KEYS.metadata]: taken.metadata,
    [KEYS.initProducerId]: taken.initProducerId,
    [KEYS.describeConfigs]: taken.describeConfigs,
    [KEYS.apiVersions]: [0, 3],
  };
}

async function batchOf(topic: string, text: string, identity: BatchIdentity): Promise<PartitionBatch> {
  const timestamp = Date.now();
  const record = {
    topic,
    key: Buffer.from('key'),
    value: Buffer.from(text),
    headers: [],
    timestamp,
    arrivedAt: timestamp,
  };
  const timed = { record, size: recordSize(record), timestamp };
  const { pieces, size } = await encodeBatch([timed], identity, undefined, new BufferPool());
  return { topic, partition: 0, pieces, size, bytes: Buffer.concat(pieces) };
}

const TOO_OLD =
  'the broker is too old: it seems to be Kafka 2.4. Upgrade it: the proxy needs Kafka 2.8 or later';

const event = (count: number) =>
  JSON.stringify(jobEvent({ job: { namespace: 'jobs', name: 'one' }, producer: `test:${count}` }));

suite('a broker of an old release', { timeout: 120_000 }, () => {
  const stage = useStage({ release: '2.4.1' });

  test('is named when it is too old; its events are kept, and written in order once it is upgraded to 2.8', async () => {
    const { broker } = stage;
    const proxy = await stage.launch({ topic: 'upgraded' });
    const events = Array.from({ length: 20 }, (_, count) => event(count));
    for (const one of events.slice(0, 10)) spooled(await proxy.post(one));
    const { kafka, problem, state } = await until(
      () => readiness(proxy),
      (ready) => ready.kafka !== 'no broker answers',
    );
    assert.deepEqual([kafka, problem, state], [TOO_OLD, undefined, 'spooling']);
    await logged(proxy, TOO_OLD);
    const { status, stdout } = await ranProgram(['check-config', '--connect'], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
    });
    assert.notEqual(status, 0);
    assert.ok(stdout.includes(TOO_OLD), stdout);

    await broker.upgrade('2.8.2');
    await inState(proxy, 'straight');
    for (const one of events.slice(10)) created(await proxy.post(one));
    assert.deepEqual(
      (await proxy.records()).map(({ value }) => value?.toString()),
      events,
    );
    assert.equal((await readiness(proxy)).kafka, 'ok');
  });

  test('is written to from 2.8 on, with the limits by their older names', async () => {
    await createTopic(stage.broker.bootstrapServers, {
      name: 'limited',
      partitions: 1,
      configs: { 'message.timestamp.difference.max.ms': '3600000', 'max.message.bytes': '2000000' },
    });
    const proxy = await stage.proxy({ topic: 'limited', settings: { LOGGING__LEVEL: 'debug' } });
    const start = Date.now();
    for (const eventTime of ['2020-01-01T00:00:00Z', new Date(start - 60_000).toISOString()]) {
      created(await proxy.post(JSON.stringify(runEvent({ eventTime }))));
    }
    const [old, recent] = (await proxy.records()).map(({ timestamp }) => Number(timestamp));
    assert.ok(old !== undefined && old >= start && old <= Date.now(), 'it has the time of its arrival');
    assert.equal(recent, start - 60_000);
    // The limit was known: no batch was refused for it.
    assert.ok(!proxy.log.includes('Kafka does not take a batch as it is'), proxy.log);
  });

  test('keeps the progress of a replay, which sends each letter once to each of its topics', async () => {
    const { bootstrapServers } = stage.broker;
    for (const name of ['old.letters', 'old.main', 'old.copies']) {
      await createTopic(bootstrapServers, { name, partitions: 2 });
    }
    const headers = invalidHeaders('body.run.runId: Field required', 'missing', 'alice');
    const values = Array.from({ length: 20 }, (_, count) => Buffer.from(event(count)));
    await writeLetters(
      bootstrapServers,
      'old.letters',
      values.map((value, count) => ({ value, headers, partition: count % 2 })),
    );
    const replayed = () =>
      ranProgram(['dead-letters', 'replay', '--topic', 'old.letters'], {
        HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: bootstrapServers,
        HTTP2KAFKA__PRODUCER__MAIN_TOPIC: 'old.main',
        HTTP2KAFKA__ROUTING__RULES: JSON.stringify([{ name: 'both', topics: ['old.main', 'old.copies'] }]),
      });
    const first = await replayed();
    assert.deepEqual([first.status, /(\d+) sent/.exec(first.stdout)?.[1]], [0, '20'], first.stderr);
    const second = await replayed();
    assert.deepEqual([second.status, /(\d+) sent/.exec(second.stdout)?.[1]], [0, '0'], second.stderr);
    const expected = values.map(String).sort();
    for (const topic of ['old.main', 'old.copies']) {
      const records = await readRecords(bootstrapServers, topic);
      assert.deepEqual(records.map(({ value }) => String(value)).sort(), expected);
    }
  });

  /** What the documentation and the source of products say that they take (docs/brokers.md). */
  const products: Readonly<Record<string, Ranges>> = {
    Redpanda: ranges({ produce: [0, 7], metadata: [0, 7], initProducerId: [0, 1], describeConfigs: [0, 2] }),
    'Azure Event Hubs': ranges({
      produce: [3, 7],
      metadata: [0, 5],
      initProducerId: [0, 1],
      describeConfigs: [0, 2],
    }),
    'the oldest requests of the proxy': ranges({
      produce: [3, 3],
      metadata: [4, 4],
      initProducerId: [0, 0],
      describeConfigs: [1, 1],
    }),
  };
  for (const [name, taken] of Object.entries(products)) {
    test(`takes the older requests: ${name}`, async (t) => {
      const { bootstrapServers } = stage.broker;
      const topic = name.replaceAll(' ', '-');
      await createTopic(bootstrapServers, {
        name: topic,
        partitions: 1,
        configs: { 'max.message.bytes': '54321' },
      });
      const relay = await startLimitingRelay(t, bootstrapServers, taken);
      const client = new BrokerClient(CLIENT, systemTime.monotonic);
      t.after(() => client.close());
      const { topics } = await client.metadata(relay.address, [topic]);
      assert.deepEqual(topics, [{ name: topic, errorCode: 0, leaders: [1] }]);
      const configs = await client.topicConfigs(relay.address, [topic], ['max.message.bytes']);
      assert.equal(configs.get(topic)?.get('max.message.bytes'), '54321');
      const { id, epoch } = await client.producerId(relay.address);
      const connection = await client.connect(relay.address);
      const values = ['first', 'second'];
      for (const [baseSequence, value] of values.entries()) {
        const batch = await batchOf(topic, value, { producerId: id, producerEpoch: epoch, baseSequence });
        const [answer] = await connection.produce([batch]);
        assert.deepEqual(answer, {
          topic,
          partition: 0,
          errorCode: 0,
          baseOffset: baseSequence,
          culprits: [],
          message: null,
        });
      }
      const records = await readRecords(bootstrapServers, topic);
      assert.deepEqual(
        records.map(({ value }) => value?.toString()),
        values,
      );
      for (const { key, version } of relay.requests) {
        if (key !== KEYS.apiVersions) assert.equal(version, taken[key]?.[1], `request ${key}`);
      }
    });
  }

  test('is found to be good by check-config --connect, which makes the topics', async () => {
    const { status, stdout } = await ranProgram(['check-config', '--connect', '--create'], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
      HTTP2KAFKA__PRODUCER__MAIN_TOPIC: 'made',
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /the topic made was made now, with 3 partitions/);
  });
});
