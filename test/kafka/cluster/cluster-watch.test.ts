import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { Cluster } from '../../../src/kafka/cluster/cluster.ts';
import { ClusterWatch } from '../../../src/kafka/cluster/cluster-watch.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';
import { SimulatedBrokers } from '../simulated-brokers.ts';
import { simulatedLog } from '../simulated-producer.ts';

const TOPIC = 'input.runs';
const OTHER = 'other.runs';
const ONE = 'one:9092';

class Stage {
  readonly time = new SimulatedTime();
  readonly brokers = new SimulatedBrokers(this.time);
  readonly metrics = createMetrics();
  readonly watch: ClusterWatch;
  fresh = 0;
  readonly #lines;

  constructor(
    t: TestContext,
    topics: readonly string[] = [TOPIC],
    bootstrapServers: readonly string[] = [ONE],
  ) {
    this.brokers.add(ONE).create(TOPIC, [1]).create(OTHER, [1]);
    const { log, lines } = simulatedLog();
    this.#lines = lines;
    this.watch = new ClusterWatch(
      { topics, retryBackoffMs: 100, metadataMaxAgeMs: 300_000 },
      new Cluster({ bootstrapServers }, this.brokers),
      () => (this.fresh += 1),
      { time: this.time, metrics: this.metrics, log },
    );
    t.after(async () => {
      this.watch.close();
      await this.time.advance(10_000);
      assert.equal(this.time.timers, 0, 'no timer is left');
    });
  }

  /** The log lines so far that an operator sees by default. */
  get told(): (readonly [topic: string | undefined, line: string])[] {
    return this.#lines.filter(({ level }) => level > 20).map(({ topic, msg }) => [topic, msg] as const);
  }

  /**
   * The times of the questions for metadata, in milliseconds since the start. A failing broker is asked by both of
   * its names.
   */
  get asked(): number[] {
    const moments = this.brokers.requests
      .map((line) => line.split(' '))
      .filter(([, kind]) => kind === 'metadata')
      .map(([moment]) => Number(moment) - 1000);
    return [...new Set(moments)];
  }

  async up(): Promise<Readonly<Record<string, number>>> {
    const { values } = await this.metrics.kafkaUp.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels['topic']), value]));
  }
}

suite('the watch of the cluster', () => {
  test('asks again when its knowledge has reached the age limit', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(1_000_000);
    // An answer takes 5 ms for metadata, 5 ms for the limits, and the first time 5 ms for the producer id.
    assert.deepEqual(stage.asked, [0, 300_015, 600_025, 900_035]);
    assert.equal(stage.fresh, 4);
    assert.deepEqual(stage.watch.producerId, { id: 1n, epoch: 0 });
  });

  test('doubles the pauses between questions, up to a second, while no broker answers', async (t) => {
    const stage = new Stage(t);
    stage.brokers.setAll('refusing');
    void stage.watch.ask();
    await stage.time.advance(4600);
    assert.deepEqual(stage.asked, [0, 100, 300, 700, 1500, 2500, 3500, 4500]);
    assert.equal(stage.fresh, 0);
  });

  test('asks at once when it is told to, but not during the pause after failures', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(1000);
    stage.watch.soon(50);
    stage.watch.soon(500);
    await stage.time.advance(1000);
    assert.deepEqual(stage.asked, [0, 1050]);
    stage.brokers.setAll('refusing');
    stage.watch.soon(0);
    await stage.time.advance(50);
    stage.watch.soon(0);
    await stage.time.advance(40);
    assert.deepEqual(stage.asked.slice(2), [2001]);
    await stage.time.advance(20);
    assert.deepEqual(stage.asked.slice(3), [2101]);
  });

  test('asks once more when it is told to while a question is in flight', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(2);
    stage.watch.soon(0);
    await stage.time.advance(1000);
    assert.deepEqual(stage.asked, [0, 115]);
  });

  test('asks at once about a new topic', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(1000);
    stage.watch.include(OTHER);
    stage.watch.include(OTHER);
    await stage.time.advance(1000);
    assert.deepEqual(stage.asked, [0, 1001]);
    assert.match(
      stage.brokers.requests.findLast((line) => line.includes('metadata')) ?? '',
      /input.runs,other.runs$/,
    );
  });

  test('logs once of each topic that it can be written to, also of a later topic', async (t) => {
    const stage = new Stage(t);
    assert.deepEqual(await stage.up(), { [TOPIC]: 0 });
    void stage.watch.ask();
    await stage.time.advance(1000);
    assert.deepEqual(stage.told, [[TOPIC, 'Kafka can be written to']]);
    stage.watch.include(OTHER);
    assert.deepEqual(await stage.up(), { [TOPIC]: 1, [OTHER]: 0 });
    // Before there is an answer about it.
    stage.watch.reportSuccess(TOPIC);
    assert.equal(stage.told.length, 1);
    await stage.time.advance(1_000_000);
    assert.deepEqual(stage.told.slice(1), [[OTHER, 'Kafka can be written to']]);
    assert.deepEqual(await stage.up(), { [TOPIC]: 1, [OTHER]: 1 });
  });

  test("logs a topic's first problem only if it lasts, whenever the topic is added", async (t) => {
    const stage = new Stage(t, [TOPIC]);
    void stage.watch.ask();
    await stage.time.advance(1000);
    stage.watch.include('short');
    stage.watch.include('long');
    await stage.time.advance(1500);
    stage.brokers.create('short', [1]);
    await stage.time.advance(2000);
    assert.deepEqual(stage.told.slice(1), [
      ['short', 'Kafka can be written to'],
      ['long', 'Kafka is unavailable: topic long: UNKNOWN_TOPIC_OR_PARTITION'],
    ]);
    assert.deepEqual(await stage.up(), { [TOPIC]: 1, short: 1, long: 0 });
  });

  test('logs the first problem of a working topic at once, and another problem after 10 s', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(1000);
    stage.watch.reportFailure([TOPIC], 'NOT_ENOUGH_REPLICAS', 'partition 0');
    for (let second = 0; second < 12; second++) {
      stage.watch.reportFailure([TOPIC], 'NOT_LEADER_OR_FOLLOWER', 'partition 0');
      await stage.time.advance(1000);
    }
    stage.watch.reportSuccess(TOPIC);
    assert.deepEqual(stage.told.slice(1), [
      [TOPIC, 'Kafka is unavailable: topic input.runs: NOT_ENOUGH_REPLICAS'],
      [TOPIC, 'Kafka is unavailable: topic input.runs: NOT_LEADER_OR_FOLLOWER'],
      [TOPIC, 'Kafka can be written to'],
    ]);
  });

  test('knows the problem of each topic, or one problem of all', async (t) => {
    const stage = new Stage(t, [TOPIC, OTHER]);
    stage.brokers.topic(OTHER).errorCode = 29;
    void stage.watch.ask();
    await stage.time.advance(100);
    assert.equal(stage.watch.problemOf(TOPIC), undefined);
    assert.match(stage.watch.problemOf(OTHER) ?? '', /^topic other.runs: TOPIC_AUTHORIZATION_FAILED/);
    assert.deepEqual([...stage.watch.problems.keys()], [OTHER]);
    stage.brokers.setAll('refusing');
    await stage.time.advance(1000);
    const all = 'no broker answers';
    assert.deepEqual(
      [...stage.watch.problems],
      [
        [TOPIC, all],
        [OTHER, all],
      ],
    );
    assert.equal(stage.watch.detailOf(TOPIC), 'one:9092: connect ECONNREFUSED one:9092');
  });

  test('does not log a problem that a caller has taken', async (t) => {
    const stage = new Stage(t);
    stage.brokers.setAll('refusing');
    void stage.watch.ask();
    await stage.time.advance(1900);
    assert.equal(stage.watch.takeProblem(TOPIC), 'no broker answers');
    await stage.time.advance(3_600_000);
    assert.deepEqual(stage.told, []);
    stage.brokers.setAll('alive');
    await stage.time.advance(2000);
    assert.deepEqual(stage.told, [[TOPIC, 'Kafka can be written to']]);
  });

  test('says that no Kafka is configured, and asks no broker', async (t) => {
    const stage = new Stage(t, [TOPIC], []);
    void stage.watch.ask();
    await stage.time.advance(100);
    const problem = 'no Kafka is configured (kafka.bootstrap_servers)';
    assert.equal(stage.watch.problemOf(TOPIC), problem);
    stage.watch.include(OTHER);
    await stage.time.advance(60_000);
    assert.deepEqual(stage.told, [
      [TOPIC, `Kafka is unavailable: ${problem}`],
      [OTHER, `Kafka is unavailable: ${problem}`],
    ]);
    assert.deepEqual(stage.brokers.requests, []);
  });

  test('reports a missing producer id if that lasts', async (t) => {
    const stage = new Stage(t);
    stage.brokers.givesIds = false;
    void stage.watch.ask();
    await stage.time.advance(50);
    assert.deepEqual([stage.watch.problemOf(TOPIC), stage.watch.producerId], [undefined, undefined]);
    await stage.time.advance(1000);
    assert.equal(stage.watch.problemOf(TOPIC), 'Kafka gives no producer id');
    stage.brokers.givesIds = true;
    await stage.time.advance(1100);
    assert.equal(stage.watch.problemOf(TOPIC), undefined);
    assert.deepEqual(stage.watch.producerId, { id: 1n, epoch: 0 });
  });

  test('gets a new producer id after a queue discards the one it had', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(1000);
    const first = stage.watch.producerId;
    stage.watch.discard({ id: 99n, epoch: 0 });
    assert.equal(stage.watch.producerId, first);
    stage.watch.discard(first);
    assert.equal(stage.watch.producerId, undefined);
    stage.watch.soon(0);
    await stage.time.advance(1000);
    assert.deepEqual(stage.watch.producerId, { id: 2n, epoch: 0 });
  });

  test('is independent of the wall clock', async (t) => {
    const stage = new Stage(t);
    stage.brokers.setAll('refusing');
    void stage.watch.ask();
    await stage.time.advance(50);
    stage.time.stepWall(-86_400_000);
    await stage.time.advance(4550);
    assert.equal(stage.asked.length, 8);
    assert.deepEqual(stage.told, [[TOPIC, 'Kafka is unavailable: no broker answers']]);
  });

  test('asks at once when something is wrong, also after the clock was set forward', async (t) => {
    const stage = new Stage(t);
    void stage.watch.ask();
    await stage.time.advance(1000);
    const before = stage.asked.length;
    stage.time.stepWall(3_600_000);
    stage.watch.soon(0);
    await stage.time.advance(100);
    assert.equal(stage.asked.length, before + 1);
  });
});
