import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Random } from '../../openlineage/random.ts';
import { NOT_ENOUGH_REPLICAS } from '../simulated-brokers.ts';
import { SimulatedProducer, TOPIC } from '../simulated-producer.ts';

const HOUR_MS = 3_600_000;
const OTHER = 'other.runs';

suite('the producer during an outage', () => {
  test('of hours: asks at most once a second, logs the outage, and recovers by itself', async (t) => {
    const addresses = ['one:9092', 'two:9092', 'three:9092'];
    const it = new SimulatedProducer(t, { bootstrapServers: addresses });
    it.brokers.add(...addresses).create(TOPIC, [1, 2, 3]);
    await it.start();
    for (let i = 0; i < 30; i++) it.send(`key ${i}`);
    it.brokers.setAll('refusing');
    const asked = it.brokers.count('metadata');
    await it.time.advance(2 * HOUR_MS);
    const rounds = (it.brokers.count('metadata') - asked) / (2 * addresses.length);
    assert.ok(rounds > 7000 && rounds <= 2 * 3600 + 10, `${rounds} rounds of questions`);
    assert.ok(it.brokers.count('connect') < 30, `${it.brokers.count('connect')} connections`);
    assert.deepEqual(
      it.lines.filter(({ level }) => level > 20).map(({ msg }) => msg),
      [
        'Kafka can be written to',
        'Kafka is unavailable: topic input.runs: its broker does not answer',
        'Kafka is unavailable: no broker answers',
      ],
    );
    it.brokers.setAll('alive');
    assert.ok((await it.settled()) <= 2100, 'within two pauses');
    await it.time.advance(10);
    it.assertOnceAndInOrder();
    assert.equal(it.lines.findLast(({ level }) => level > 20)?.msg, 'Kafka can be written to');
    assert.equal(it.producer.problemOf(TOPIC), undefined);
  });

  test('doubles the pauses between attempts, up to a second', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(
      TOPIC,
      0,
      ...new Array<{ errorCode: number }>(8).fill({ errorCode: NOT_ENOUGH_REPLICAS }),
    );
    it.send('a');
    await it.settled();
    const moments = it.brokers.attempts.map(({ at }) => at);
    const pauses = moments.slice(1).map((at, i) => at - (moments[i] ?? 0) - 5);
    assert.deepEqual(pauses, [100, 200, 400, 800, 1000, 1000, 1000, 1000]);
  });

  test('pauses independently of the wall clock', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { errorCode: NOT_ENOUGH_REPLICAS }, { errorCode: NOT_ENOUGH_REPLICAS });
    it.send('a');
    await it.time.advance(50);
    it.time.stepWall(-HOUR_MS);
    assert.ok((await it.settled()) < 400);
  });

  test('writes records that were sent before the first broker answered', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1, 1]);
    it.brokers.setAll('refusing');
    void it.producer.start();
    for (let i = 0; i < 10; i++) it.send(`key ${i}`);
    await it.time.advance(HOUR_MS);
    assert.equal(it.producer.knows(TOPIC), false);
    assert.equal(it.producer.problemOf(TOPIC), 'no broker answers');
    it.brokers.setAll('alive');
    await it.settled();
    it.assertOnceAndInOrder();
  });

  test('of one silent leader: asks other brokers, and sends the batch to the next leader', async (t) => {
    const it = new SimulatedProducer(t, { bootstrapServers: ['one:9092', 'two:9092'] });
    it.brokers.add('one:9092', 'two:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a');
    await it.settled();
    it.brokers.set('one:9092', 'silent');
    it.send('a');
    await it.time.advance(10_000);
    it.brokers.lead(TOPIC, 0, 2);
    await it.settled();
    const attempts = it.brokers.attempts.map(({ address, result }) => [address, result]);
    assert.deepEqual(attempts.slice(1), [
      ['one:9092', 'unanswered'],
      ['two:9092', 'written'],
    ]);
    const [, silent, written] = it.brokers.attempts;
    assert.ok(silent && written && silent.bytes.equals(written.bytes));
    it.assertOnceAndInOrder();
  });

  test('of one partition: does not delay the others', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1, -1]);
    await it.start();
    for (let i = 0; i < 20; i++) it.send(`key ${i}`);
    await it.time.advance(60_000);
    assert.ok(it.brokers.log(TOPIC, 0).length > 5);
    assert.equal(it.brokers.log(TOPIC, 1).length, 0);
    assert.ok(it.sent.filter(({ outcomes }) => outcomes.length === 0).length > 5);
    it.brokers.lead(TOPIC, 1, 1);
    await it.settled();
    it.assertOnceAndInOrder();
  });

  test('of one topic: reports the problem of this topic only, in words, log and metric', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]).create(OTHER, [1]);
    await it.start();
    it.send('a');
    it.send('a', { topic: OTHER });
    await it.settled();
    const scripts = new Array<{ errorCode: number }>(20).fill({ errorCode: NOT_ENOUGH_REPLICAS });
    it.brokers.script(OTHER, 0, ...scripts);
    it.send('a');
    it.send('a', { topic: OTHER });
    await it.time.advance(5000);
    const problem = `topic ${OTHER}: NOT_ENOUGH_REPLICAS`;
    assert.equal(it.producer.problemOf(TOPIC), undefined);
    assert.equal(it.producer.problemOf(OTHER), problem);
    assert.deepEqual([...it.producer.problems], [[OTHER, problem]]);
    assert.equal(it.producer.detailOf(OTHER), 'partition 0');
    const up = async () => [
      await it.metric(it.metrics.kafkaUp, { topic: TOPIC }),
      await it.metric(it.metrics.kafkaUp, { topic: OTHER }),
    ];
    assert.deepEqual(await up(), [1, 0]);
    await it.settled();
    await it.time.advance(10);
    assert.deepEqual(await up(), [1, 1]);
    assert.deepEqual(
      it.lines.filter(({ level }) => level > 20).map(({ topic, msg }) => [topic, msg]),
      [
        [TOPIC, 'Kafka can be written to'],
        [OTHER, 'Kafka can be written to'],
        [OTHER, `Kafka is unavailable: ${problem}`],
        [OTHER, 'Kafka can be written to'],
      ],
    );
  });

  test('writes to a topic that the brokers have just created', async (t) => {
    const it = new SimulatedProducer(t, { autoCreate: 2 });
    it.brokers.add('one:9092');
    void it.producer.start();
    it.send('a', { topic: OTHER });
    assert.ok((await it.settled()) < 1000);
    assert.deepEqual(
      it.brokers.values(OTHER),
      it.sent.map(({ value }) => value),
    );
    assert.deepEqual(
      it.lines.filter(({ level }) => level > 30),
      [],
    );
  });

  test('sends the same requests with the same seed, and others with another seed', async (t) => {
    const run = async (seed: number): Promise<readonly string[]> => {
      const random = new Random(seed);
      const addresses = ['one:9092', 'two:9092'];
      const it = new SimulatedProducer(t, {
        bootstrapServers: addresses,
        latencyMs: () => 1 + random.below(30),
        random: () => random.below(1000) / 1000,
      });
      it.brokers.add(...addresses).create(TOPIC, [1, 2, 1]);
      await it.start();
      for (let round = 0; round < 100; round++) {
        it.send(random.below(2) ? null : `key ${random.below(5)}`);
        if (random.below(10) === 0) it.brokers.set(random.of(addresses), 'refusing');
        if (random.below(5) === 0) it.brokers.setAll('alive');
        if (random.below(10) === 0) it.brokers.script(TOPIC, random.below(3), { breaks: 'after' });
        await it.time.advance(random.below(300));
      }
      it.brokers.setAll('alive');
      await it.settled();
      return it.brokers.requests;
    };
    const first = await run(7);
    assert.ok(first.length > 200);
    assert.deepEqual(await run(7), first);
    assert.notDeepEqual(await run(8), first);
  });
});

suite('a producer that closes', () => {
  test('settles unsent records as closed, and certainly not written', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1, -1]);
    await it.start();
    for (let i = 0; i < 10; i++) it.send(`key ${i}`);
    it.send('a', { topic: 'unknown' });
    await it.producer.close(0);
    const closed = { kind: 'closed', mayBeWritten: false };
    for (const { outcomes } of it.sent) assert.deepEqual(outcomes, [closed]);
    assert.equal(it.brokers.attempts.length, 0);
    assert.ok(it.brokers.isClosed);
  });

  test('waits for batches in flight, for the grace period at most', async (t) => {
    const it = new SimulatedProducer(t, { latencyMs: () => 40 });
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    const inFlight = it.send('a');
    await it.time.advance(50);
    const waiting = it.send('a');
    await it.close(1000);
    assert.deepEqual(inFlight.outcomes, [{ kind: 'written', partition: 0, offset: 0 }]);
    assert.deepEqual(waiting.outcomes, [{ kind: 'closed', mayBeWritten: false }]);
  });

  test('tells of a batch that is still in flight at the end that it may be written', async (t) => {
    const it = new SimulatedProducer(t, { latencyMs: () => 40 });
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    const inFlight = it.send('a');
    await it.time.advance(50);
    await it.close(0);
    assert.deepEqual(inFlight.outcomes, [{ kind: 'closed', mayBeWritten: true }]);
  });

  test('repeats a batch of unknown outcome until the outcome is known', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { breaks: 'after' });
    it.send('a');
    await it.time.advance(20);
    await it.close(1000);
    assert.deepEqual(it.kinds, ['written']);
    it.assertOnceAndInOrder();
  });

  test('leaves no timer, in any state', async (t) => {
    for (const state of ['alive', 'refusing'] as const) {
      const it = new SimulatedProducer(t);
      it.brokers.add('one:9092').create(TOPIC, [1]);
      await it.start();
      it.brokers.setAll(state);
      it.send('a');
      await it.time.advance(1234);
      await it.producer.close(0);
      assert.equal(it.time.timers, 0, state);
      const requests = it.brokers.requests.length;
      await it.time.advance(HOUR_MS);
      assert.equal(it.brokers.requests.length, requests, state);
    }
  });

  test('takes no new records', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    await it.producer.close(0);
    const late = it.send('a');
    assert.deepEqual(late.outcomes, [], 'not before the caller has the record in its hands');
    await it.time.settle();
    assert.deepEqual(late.outcomes, [{ kind: 'closed', mayBeWritten: false }]);
  });

  test('settles records during their compression', async (t) => {
    let release: (records: Buffer) => void = () => undefined;
    const slow = { attributes: 1, compress: () => new Promise<Buffer>((resolve) => (release = resolve)) };
    const it = new SimulatedProducer(t, { compression: 'gzip', gzip: slow });
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a');
    await it.time.settle();
    await it.producer.close(0);
    assert.deepEqual(it.kinds, ['closed']);
    release(Buffer.alloc(10));
    await it.time.settle();
    assert.deepEqual([it.kinds, it.brokers.attempts.length], [['closed'], 0]);
  });
});
