import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BrokerError } from '../../../src/kafka/broker-error.ts';
import { Cluster } from '../../../src/kafka/cluster/cluster.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';
import { SimulatedBrokers } from '../simulated-brokers.ts';

const TOPIC = 'input.runs';
const ONE = 'one:9092';
const TWO = 'two:9092';
const THREE = 'three:9092';

class Stage {
  readonly time = new SimulatedTime();
  readonly brokers: SimulatedBrokers;
  readonly cluster: Cluster;

  constructor(bootstrapServers: readonly string[] = [ONE, TWO], autoCreate?: number) {
    this.brokers = new SimulatedBrokers(this.time, autoCreate === undefined ? {} : { autoCreate });
    this.brokers.add(ONE, TWO, THREE).create(TOPIC, [1, 2, 3]);
    this.cluster = new Cluster({ bootstrapServers }, this.brokers);
  }

  /** The result of a promise, and the milliseconds that it takes. */
  async timed<Result>(promise: Promise<Result>): Promise<{ readonly result: Result; readonly ms: number }> {
    const isSettled = Symbol('settled');
    let state: unknown;
    const watched = promise.finally(() => (state = isSettled));
    watched.catch(() => undefined);
    const ms = await this.time.until(() => state === isSettled);
    return { result: await watched, ms };
  }

  async refresh(...topics: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return (await this.timed(this.cluster.refresh(topics.length > 0 ? topics : [TOPIC]))).result;
  }

  /** The brokers that were asked for metadata, in the order of the questions. */
  get asked(): string[] {
    return this.brokers.requests
      .map((line) => line.split(' '))
      .filter(([, kind]) => kind === 'metadata')
      .map(([, , address = '']) => address);
  }
}

suite('the cluster', () => {
  test('knows leaders and brokers after a refresh, and nothing before', async () => {
    const stage = new Stage();
    assert.deepEqual([stage.cluster.topic(TOPIC), stage.cluster.hasBroker(1)], [undefined, false]);
    await stage.refresh();
    assert.deepEqual(stage.cluster.topic(TOPIC)?.leaders, [1, 2, 3]);
    assert.equal(stage.cluster.hasBroker(1), true);
  });

  test('asks another broker when the first is silent or refuses', async () => {
    for (const [state, ms] of [
      ['silent', 3010],
      ['refusing', 10],
    ] as const) {
      const stage = new Stage();
      stage.brokers.set(ONE, state);
      const answer = await stage.timed(stage.cluster.refresh([TOPIC]));
      assert.deepEqual([...answer.result], []);
      assert.equal(answer.ms, ms, state);
      assert.deepEqual(stage.asked, [ONE, TWO]);
      assert.deepEqual(stage.cluster.topic(TOPIC)?.leaders, [1, 2, 3]);
    }
  });

  test('asks first the broker that answered last', async () => {
    const stage = new Stage();
    await stage.refresh();
    stage.brokers.set(ONE, 'silent');
    await stage.refresh();
    await stage.refresh();
    assert.deepEqual(stage.asked, [ONE, ONE, TWO, TWO]);
  });

  test('asks brokers known from metadata only, when all bootstrap servers are dead', async () => {
    const stage = new Stage([ONE]);
    await stage.refresh();
    stage.brokers.set(ONE, 'refusing');
    stage.brokers.set(TWO, 'refusing');
    stage.brokers.lead(TOPIC, 0, 3);
    await stage.refresh();
    assert.deepEqual(stage.cluster.topic(TOPIC)?.leaders, [3, 2, 3]);
    assert.equal(stage.asked.at(-1), THREE);
  });

  test('names every failed broker once, when none answers', async () => {
    const stage = new Stage();
    await stage.refresh();
    stage.brokers.setAll('refusing');
    await assert.rejects(stage.refresh(), (error) => {
      assert.ok(error instanceof BrokerError);
      const parts = error.message.split('; ');
      assert.deepEqual(
        parts.toSorted(),
        [ONE, TWO, THREE].map((address) => `${address}: connect ECONNREFUSED ${address}`).toSorted(),
      );
      assert.equal(error.problem, undefined);
      return true;
    });
    assert.deepEqual(stage.cluster.topic(TOPIC)?.leaders, [1, 2, 3], 'the last answer stands');
  });

  test('says that no broker is configured', async () => {
    const stage = new Stage([]);
    await assert.rejects(
      stage.refresh(),
      (error) =>
        error instanceof BrokerError && error.problem === 'no Kafka is configured (kafka.bootstrap_servers)',
    );
  });

  test('does not use a suspect broker before the next answer', async () => {
    const stage = new Stage();
    await stage.refresh();
    assert.deepEqual([stage.cluster.hasBroker(1), stage.cluster.hasBroker(4)], [true, false]);
    stage.cluster.suspect(1);
    assert.equal(stage.cluster.hasBroker(1), false);
    await stage.refresh();
    assert.equal(stage.cluster.hasBroker(1), true);
  });

  test('keeps a broker suspect if it failed while the question was in flight', async () => {
    const stage = new Stage();
    await stage.refresh();
    const refreshed = stage.cluster.refresh([TOPIC]);
    stage.cluster.suspect(2);
    await stage.timed(refreshed);
    assert.equal(stage.cluster.hasBroker(2), false);
  });

  test("uses Kafka's limits, then the topic's own, and keeps the last known ones", async () => {
    const stage = new Stage();
    stage.brokers.showsConfigs = false;
    await stage.refresh();
    const limits = () => {
      const { maxMessageBytes, maxAheadMs, maxBehindMs } = stage.cluster.topic(TOPIC) ?? {};
      return [maxMessageBytes, maxAheadMs, maxBehindMs];
    };
    assert.deepEqual(limits(), [1_048_588, 3_600_000, Number.MAX_SAFE_INTEGER]);
    stage.brokers.showsConfigs = true;
    const { configs } = stage.brokers.topic(TOPIC);
    configs.set('max.message.bytes', '5000');
    configs.set('message.timestamp.before.max.ms', '9223372036854775807');
    configs.set('message.timestamp.after.max.ms', 'no number');
    await stage.refresh();
    assert.deepEqual(limits(), [5000, 3_600_000, 2 ** 63]);
    stage.brokers.showsConfigs = false;
    await stage.refresh();
    assert.deepEqual(limits(), [5000, 3_600_000, 2 ** 63]);
  });

  test('returns the problem of each topic by its name', async () => {
    const stage = new Stage();
    stage.brokers.create('secret', [1]).create('leaderless', [-1, -1]).create('half', [-1, 2]);
    stage.brokers.topic('secret').errorCode = 29;
    const problems = await stage.refresh(TOPIC, 'secret', 'leaderless', 'half', 'missing');
    assert.deepEqual([...problems.keys()], ['secret', 'leaderless', 'missing']);
    assert.match(problems.get('secret') ?? '', /^TOPIC_AUTHORIZATION_FAILED: .*ACLs/);
    assert.equal(problems.get('leaderless'), 'LEADER_NOT_AVAILABLE');
    assert.equal(problems.get('missing'), 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.deepEqual(stage.cluster.topic('half')?.leaders, [-1, 2]);
    assert.equal(stage.cluster.topic('secret'), undefined);
  });

  test('forgets a topic that was deleted', async () => {
    const stage = new Stage();
    await stage.refresh();
    stage.brokers.topics.delete(TOPIC);
    await stage.refresh();
    assert.equal(stage.cluster.topic(TOPIC), undefined);
  });

  test('makes the brokers create a missing topic, and finds it with the next question', async () => {
    const stage = new Stage([ONE], 2);
    assert.deepEqual([...(await stage.refresh('new'))], [['new', 'LEADER_NOT_AVAILABLE']]);
    assert.deepEqual([...(await stage.refresh('new'))], []);
    assert.equal(stage.cluster.topic('new')?.leaders.length, 2);
  });

  test('gets a producer id from any broker', async () => {
    const stage = new Stage();
    stage.brokers.set(ONE, 'refusing');
    assert.deepEqual((await stage.timed(stage.cluster.allocateProducerId())).result, { id: 1n, epoch: 0 });
    assert.deepEqual((await stage.timed(stage.cluster.allocateProducerId())).result, { id: 2n, epoch: 0 });
  });

  test('connects to the address of a known node, and to no unknown node', async () => {
    const stage = new Stage();
    await assert.rejects(async () => stage.cluster.connect(3), /broker 3 is not in the cluster/);
    await stage.refresh();
    await stage.timed(Promise.resolve(stage.cluster.connect(3)));
    assert.match(stage.brokers.requests.at(-1) ?? '', / connect three:9092 /);
  });
});
