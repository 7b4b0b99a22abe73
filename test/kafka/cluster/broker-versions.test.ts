import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { BrokerClient } from '../../../src/kafka/cluster/broker-client.ts';
import { BrokerInquiry } from '../../../src/kafka/cluster/broker-inquiry.ts';
import type { SecuritySettings } from '../../../src/kafka/login/security.ts';
import { systemTime } from '../../../src/support/time.ts';
import { NO_SECURITY } from '../login/no-security.ts';
import {
  KEYS,
  PRODUCER,
  startScriptedBroker,
  TOPIC,
  type Ranges,
  type ScriptedBroker,
} from './scripted-broker.ts';

/** What Kafka 4.3 takes, of what the proxy asks for. */
const NEW: Ranges = {
  [KEYS.produce]: [3, 13],
  [KEYS.metadata]: [0, 13],
  [KEYS.handshake]: [0, 1],
  [KEYS.apiVersions]: [0, 4],
  [KEYS.createTopics]: [2, 7],
  [KEYS.initProducerId]: [0, 5],
  [KEYS.describeConfigs]: [1, 4],
  [KEYS.authenticate]: [0, 2],
};

const OLD: Ranges = {
  ...NEW,
  [KEYS.produce]: [0, 8],
  [KEYS.metadata]: [0, 9],
  [KEYS.leaderAndIsr]: [0, 4],
  [KEYS.apiVersions]: [0, 3],
  [KEYS.initProducerId]: [0, 2],
};

function settings(security: Partial<SecuritySettings> = {}) {
  return {
    clientId: 'test',
    connectTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    connectionsMaxIdleMs: 60_000,
    security: { ...NO_SECURITY, ...security },
  };
}

function client(test: TestContext, security: Partial<SecuritySettings> = {}): BrokerClient {
  const made = new BrokerClient(settings(security), systemTime.monotonic);
  test.after(() => made.close());
  return made;
}

function inquiry(test: TestContext): BrokerInquiry {
  const made = new BrokerInquiry(settings());
  test.after(() => made.close());
  return made;
}

const bytes = Buffer.alloc(70);
const BATCH = { topic: TOPIC.name, partition: 0, pieces: [bytes], size: bytes.length, bytes };

/** The versions of one kind of request that were sent so far. */
function sent({ requests }: ScriptedBroker, key: number): number[] {
  return requests.filter((request) => request.key === key).map(({ version }) => version);
}

/** Checks one kind of request in each version. */
function inEachVersion(
  name: string,
  key: number,
  [least, most]: readonly [number, number],
  ask: (test: TestContext, address: string) => Promise<void>,
): void {
  for (let version = least; version <= most; version++) {
    test(`${name} is asked in version ${version}`, async (t) => {
      const broker = await startScriptedBroker(t, { ...NEW, [key]: [0, version] });
      await ask(t, broker.address);
      assert.deepEqual(sent(broker, key), [version]);
    });
  }
}

suite('requests to a broker', { timeout: 60_000 }, () => {
  inEachVersion('the cluster', KEYS.metadata, [4, 12], async (t, address) => {
    assert.deepEqual(await client(t).metadata(address, [TOPIC.name]), {
      brokers: new Map([[1, address]]),
      topics: [{ name: TOPIC.name, errorCode: 0, leaders: [1] }],
    });
  });

  inEachVersion('a producer id', KEYS.initProducerId, [0, 5], async (t, address) => {
    assert.deepEqual(await client(t).producerId(address), PRODUCER);
  });

  inEachVersion('the configuration of topics', KEYS.describeConfigs, [1, 4], async (t, address) => {
    const configs = await client(t).topicConfigs(address, [TOPIC.name], ['max.message.bytes']);
    assert.equal(configs.get(TOPIC.name)?.get('max.message.bytes'), String(TOPIC.limit));
    assert.equal(configs.get(TOPIC.name)?.get('message.timestamp.difference.max.ms'), String(TOPIC.behindMs));
  });

  inEachVersion('to write', KEYS.produce, [3, 11], async (t, address) => {
    const connection = await client(t).connect(address);
    assert.deepEqual(await connection.produce([BATCH]), [
      { topic: TOPIC.name, partition: 0, errorCode: 0, baseOffset: 0, culprits: [], message: null },
    ]);
  });

  inEachVersion('to make a topic', KEYS.createTopics, [5, 7], async (t, address) => {
    assert.deepEqual(await inquiry(t).createTopic(address, TOPIC.name), { partitions: 3, replicas: 1 });
  });

  inEachVersion('to log in', KEYS.authenticate, [0, 2], async (t, address) => {
    const security = { type: 'PLAIN', user: 'u', password: 'p' } as const;
    await client(t, security).metadata(address, [TOPIC.name]);
  });

  for (const [name, key, ask] of [
    [
      'the cluster',
      KEYS.metadata,
      (asked: BrokerInquiry, address: string) => asked.cluster(address, [TOPIC.name]),
    ],
    [
      'a producer id',
      KEYS.initProducerId,
      (asked: BrokerInquiry, address: string) => asked.producerIdError(address),
    ],
    [
      'a configuration',
      KEYS.describeConfigs,
      (asked: BrokerInquiry, address: string) => asked.topicConfig(address, TOPIC.name),
    ],
  ] as const) {
    test(`an operator's question for ${name} goes in a version of the broker, too`, async (t) => {
      const broker = await startScriptedBroker(t, { ...NEW, [key]: [0, 4] });
      await ask(inquiry(t), broker.address);
      assert.deepEqual(sent(broker, key), [4]);
    });
  }

  test('a broker that tells no configurations and makes no topics is an answer for an operator', async (t) => {
    const optional = [KEYS.describeConfigs, KEYS.createTopics].map(String);
    const others: Ranges = Object.fromEntries(Object.entries(NEW).filter(([key]) => !optional.includes(key)));
    for (const taken of [
      others,
      { ...NEW, [KEYS.describeConfigs]: [0, 0], [KEYS.createTopics]: [0, 4] } as const,
    ]) {
      const broker = await startScriptedBroker(t, taken);
      const asked = inquiry(t);
      assert.equal(await asked.topicConfig(broker.address, TOPIC.name), undefined);
      assert.equal(await asked.brokerConfig(broker.address, 1), undefined);
      assert.equal(
        await asked.createTopic(broker.address, TOPIC.name),
        'the broker takes no request for it that the proxy knows',
      );
      assert.equal((await asked.cluster(broker.address, [TOPIC.name])).topics.length, 1);
      assert.equal(broker.connections(), 1);
    }
  });

  test('a broker is asked for its versions once for each connection', async (t) => {
    const broker = await startScriptedBroker(t, NEW);
    const asked = client(t);
    await Promise.all([asked.metadata(broker.address, []), asked.producerId(broker.address)]);
    await asked.metadata(broker.address, []);
    for (let round = 0; round < 3; round++) {
      const connection = await asked.connect(broker.address);
      await connection.produce([BATCH]);
    }
    assert.equal(broker.connections(), 2);
    assert.deepEqual(sent(broker, KEYS.apiVersions), [3, 3]);
  });

  test('a broker that does not know version 3 of the question is asked in version 0, on the same connection', async (t) => {
    const broker = await startScriptedBroker(t, { ...NEW, [KEYS.apiVersions]: [0, 2] });
    await client(t).metadata(broker.address, [TOPIC.name]);
    assert.deepEqual(sent(broker, KEYS.apiVersions), [3, 0]);
    assert.equal(broker.connections(), 1);
  });

  test('each broker of a cluster gets its own versions', async (t) => {
    const older = await startScriptedBroker(t, { ...NEW, [KEYS.produce]: [0, 9], [KEYS.metadata]: [0, 11] });
    const newer = await startScriptedBroker(t, NEW);
    const asked = client(t);
    for (const { address } of [older, newer, older]) {
      await asked.metadata(address, [TOPIC.name]);
      const connection = await asked.connect(address);
      await connection.produce([BATCH]);
    }
    assert.deepEqual(
      [sent(older, KEYS.produce), sent(older, KEYS.metadata)],
      [
        [9, 9],
        [11, 11],
      ],
    );
    assert.deepEqual([sent(newer, KEYS.produce), sent(newer, KEYS.metadata)], [[11], [12]]);
  });

  test('a broker that was upgraded, or set back, gets other versions', async (t) => {
    const broker = await startScriptedBroker(t, { ...NEW, [KEYS.produce]: [0, 9] });
    const asked = client(t);
    for (const most of [11, 9]) {
      await asked.metadata(broker.address, [TOPIC.name]);
      await (await asked.connect(broker.address)).produce([BATCH]);
      const lost = new Promise<void>((resolve) => asked.onDisconnect(resolve));
      broker.upgrade({ ...NEW, [KEYS.produce]: [0, most], [KEYS.metadata]: [0, most] });
      await lost;
    }
    // The second connection may notice the loss a moment later than the first.
    for (;;) {
      try {
        await asked.metadata(broker.address, [TOPIC.name]);
        await (await asked.connect(broker.address)).produce([BATCH]);
        break;
      } catch {
        await setImmediate();
      }
    }
    assert.deepEqual([...new Set(sent(broker, KEYS.produce))], [9, 11]);
    assert.deepEqual(sent(broker, KEYS.produce).at(-1), 9);
    assert.deepEqual([...new Set(sent(broker, KEYS.metadata))], [12, 11, 9]);
  });

  test('a broker that is too old is named at each attempt, on one connection, until it is upgraded', async (t) => {
    const broker = await startScriptedBroker(t, OLD);
    const asked = client(t);
    const tooOld = { problem: /^the broker is too old: it seems to be Kafka 2\.4\. / };
    for (let attempt = 0; attempt < 3; attempt++) {
      await assert.rejects(asked.metadata(broker.address, [TOPIC.name]), tooOld);
      await assert.rejects(async () => asked.connect(broker.address), tooOld);
      await assert.rejects(inquiry(t).cluster(broker.address, []), tooOld);
    }
    // Three of the operator, and two of the proxy.
    assert.equal(broker.connections(), 5);
    assert.deepEqual(
      broker.requests.filter(({ key }) => key !== KEYS.apiVersions),
      [],
    );
    const lost = new Promise<void>((resolve) => asked.onDisconnect(resolve));
    broker.upgrade(NEW);
    await lost;
    while (!(await asked.metadata(broker.address, [TOPIC.name]).catch(() => undefined))) await setImmediate();
  });

  test('a port that wants a login is not taken for one that has answered', async (t) => {
    // It says its versions before a login, and closes the connection of any other request.
    const silent = await startScriptedBroker(t, NEW, (key) => key === KEYS.apiVersions);
    await assert.rejects(client(t).metadata(silent.address, []), { problem: /it may want a login/ });
  });
});
