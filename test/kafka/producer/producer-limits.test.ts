import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { INVALID_RECORD, INVALID_TIMESTAMP, TOO_LARGE, type Script } from '../simulated-brokers.ts';
import { SimulatedProducer, TOPIC } from '../simulated-producer.ts';

const GZIP = 1;

suite('the producer fits batches to the limits of the topic', () => {
  test('splits a batch that is too large', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    // So the producer assumes Kafka's default of 1 MiB.
    it.brokers.showsConfigs = false;
    await it.start();
    for (let i = 0; i < 20; i++) it.send('a', { value: Buffer.from(`a#${i} ${'x'.repeat(500)}`) });
    await it.settled();
    const results = it.brokers.attempts.map(({ result }) => result);
    assert.equal(results[0], TOO_LARGE);
    assert.ok(results.filter((result) => result === TOO_LARGE).length <= 3, results.join());
    assert.deepEqual([...new Set(it.kinds)], ['written']);
    it.assertOnceAndInOrder();
  });

  test('keeps a limit that it can read from the start', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    await it.start();
    for (let i = 0; i < 20; i++) it.send('a', { value: Buffer.from(`a#${i} ${'x'.repeat(500)}`) });
    await it.settled();
    assert.deepEqual([...new Set(it.brokers.attempts.map(({ result }) => result))], ['written']);
    it.assertOnceAndInOrder();
  });

  test('compresses a record that alone is too large', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    await it.start();
    it.send('a', { value: Buffer.from(`a#0 ${'x'.repeat(50_000)}`) });
    it.send('a', { value: Buffer.from('a#1') });
    await it.settled();
    const attempts = it.brokers.attempts.map(({ compression, records }) => [compression, records.length]);
    assert.deepEqual(attempts, [
      [GZIP, 1],
      [0, 1],
    ]);
    it.assertOnceAndInOrder();
  });

  test('settles a record that is still too large with its size and the limit', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    await it.start();
    const large = it.send('a', { value: randomBytes(6000) });
    const small = it.send('a');
    await it.settled();
    const [outcome] = large.outcomes;
    assert.ok(outcome?.kind === 'too-large' && outcome.limit === 4000 && outcome.size > 6000);
    assert.deepEqual(it.brokers.values(TOPIC), [small.value]);
  });

  test('settles a record that only the broker knows to be too large, after it tried gzip', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    it.brokers.showsConfigs = false;
    await it.start();
    const large = it.send('a', { value: Buffer.from(randomBytes(5000).toString('hex')) });
    const small = it.send('a');
    await it.settled();
    const alone = it.brokers.attempts.filter(({ records }) => records.length === 1);
    assert.deepEqual(
      alone.map(({ result, compression }) => [result, compression]),
      [
        [TOO_LARGE, 0],
        [TOO_LARGE, GZIP],
        ['written', 0],
      ],
    );
    assert.equal(large.outcomes[0]?.kind, 'too-large');
    assert.equal(small.outcomes[0]?.kind, 'written');
  });

  test('sends larger batches again after the limit is raised', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '2000' });
    await it.start();
    it.brokers.topic(TOPIC).configs.set('max.message.bytes', '20000');
    // The next question is due after 5 minutes.
    await it.time.advance(301_000);
    for (let i = 0; i < 10; i++) it.send('a', { value: Buffer.from(`a#${i} ${'x'.repeat(500)}`) });
    await it.settled();
    assert.deepEqual(
      it.brokers.attempts.map(({ records }) => records.length),
      [10],
    );
  });

  test('asks for the limit again soon after it has refused a record for it', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    await it.start();
    it.send('a', { value: randomBytes(6000) });
    await it.settled();
    it.brokers.topic(TOPIC).configs.set('max.message.bytes', '100000');
    await it.time.advance(2000);
    it.send('a', { value: randomBytes(6000) });
    await it.settled();
    assert.deepEqual(it.kinds, ['too-large', 'written']);
    // One question a second, however many records are refused.
    it.brokers.topic(TOPIC).configs.set('max.message.bytes', '4000');
    await it.time.advance(400_000);
    const before = it.brokers.count('metadata');
    for (let i = 0; i < 100; i++) {
      it.send('a', { value: randomBytes(6000) });
      await it.time.advance(10);
    }
    await it.time.advance(2000);
    assert.ok(it.brokers.count('metadata') - before <= 3);
  });

  test('tries a record again, ten seconds after a broker refused its size without a limit that can be read', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '4000' });
    it.brokers.showsConfigs = false;
    await it.start();
    it.send('a', { value: randomBytes(6000) });
    await it.settled();
    it.brokers.topic(TOPIC).configs.set('max.message.bytes', '100000');
    it.send('a', { value: randomBytes(6000) });
    await it.settled();
    await it.time.advance(10_100);
    it.send('a', { value: randomBytes(6000) });
    await it.settled();
    assert.deepEqual(it.kinds, ['too-large', 'too-large', 'written']);
  });

  test('replaces a refused time by the time of arrival, in the refused records only', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { errorCode: INVALID_TIMESTAMP, culprits: [1] });
    const now = it.time.wall.now();
    for (let i = 0; i < 3; i++) it.send('a', { timestamp: now - 1000, arrivedAt: now });
    await it.settled();
    assert.deepEqual(
      it.brokers.log(TOPIC, 0).map(({ timestamp }) => timestamp - now),
      [-1000, 0, -1000],
    );
    it.assertOnceAndInOrder();
  });

  test("never sends a time outside the topic's known range", async (t) => {
    const it = new SimulatedProducer(t);
    const configs = { 'message.timestamp.after.max.ms': '1000', 'message.timestamp.before.max.ms': '5000' };
    it.brokers.add('one:9092').create(TOPIC, [1], configs);
    await it.start();
    const now = it.time.wall.now();
    for (const offset of [1000, 1001, -5000, -5001])
      it.send('a', { timestamp: now + offset, arrivedAt: now });
    await it.settled();
    assert.deepEqual(
      it.brokers.log(TOPIC, 0).map(({ timestamp }) => timestamp - now),
      [1000, 0, -5000, 0],
    );
  });

  test('believes a refusal of the whole batch when it comes twice in a row', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { errorCode: INVALID_RECORD });
    it.send('a');
    await it.settled();
    assert.deepEqual(it.kinds, ['written']);
    it.brokers.script(TOPIC, 0, { errorCode: INVALID_RECORD }, { errorCode: INVALID_RECORD });
    const refused = it.send('a');
    await it.settled();
    assert.deepEqual(refused.outcomes, [{ kind: 'refused', reason: 'INVALID_RECORD' }]);
  });

  test('believes a refusal of single records at once, and sends the others without them', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { errorCode: INVALID_RECORD, culprits: [0, 2] });
    for (let i = 0; i < 3; i++) it.send('a');
    await it.settled();
    assert.deepEqual(it.kinds, ['refused', 'written', 'refused']);
    assert.equal(it.brokers.attempts.length, 2);
  });

  for (const [how, ...refusals] of [
    ['refused', { errorCode: INVALID_RECORD }, { errorCode: INVALID_RECORD }],
    ['refused by its place', { errorCode: INVALID_RECORD, culprits: [0] }],
    ['too large', { errorCode: TOO_LARGE }],
  ] satisfies [string, ...Script[]][]) {
    test(`loses no record after one that may be written was ${how}: the sequence is not used again`, async (t) => {
      const it = new SimulatedProducer(t);
      it.brokers.add('one:9092').create(TOPIC, [1]);
      await it.start();
      // The broker has the batch, and its answer is lost. Meanwhile the topic has come to take it no more.
      it.brokers.script(TOPIC, 0, { breaks: 'after' }, ...refusals);
      it.send('a', { value: randomBytes(500) });
      await it.settled();
      const next = it.send('a');
      await it.settled();
      assert.deepEqual(next.outcomes, [{ kind: 'written', partition: 0, offset: 1 }]);
      assert.equal(it.brokers.values(TOPIC).at(-1), next.value);
      assert.equal(await it.metric(it.metrics.duplicatesPossible), 1);
    });
  }

  test('calls no codec without compression', async (t) => {
    // Every codec but gzip throws here.
    const it = new SimulatedProducer(t, { compression: 'none' });
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a', { value: Buffer.alloc(10_000) });
    await it.settled();
    assert.deepEqual([it.kinds, it.brokers.attempts[0]?.compression], [['written'], 0]);
  });
});

suite('the producer fits requests to the limit of a broker that closes the connection of larger ones', () => {
  for (const partitions of [1, 6]) {
    test(`with ${partitions} partitions: nothing is lost, doubled or reordered`, async (t) => {
      const it = new SimulatedProducer(t, { random: () => Math.random() });
      it.brokers.add('one:9092').create(TOPIC, new Array<number>(partitions).fill(1));
      it.brokers.maxRequestBytes = 300_000;
      await it.start();
      for (let i = 0; i < 400; i++)
        it.send(`key-${i % 20}`, { value: Buffer.from(`key-${i % 20}#${i} ${'x'.repeat(5000)}`) });
      await it.settled();
      it.assertOnceAndInOrder();
      // The limit is remembered: later requests are not lost again.
      const before = it.brokers.attempts.filter(({ result }) => result === 'unanswered').length;
      for (let i = 0; i < 400; i++)
        it.send(`key-${i % 20}`, { value: Buffer.from(`key-${i % 20}#${400 + i} ${'x'.repeat(5000)}`) });
      await it.settled();
      it.assertOnceAndInOrder();
      const after = it.brokers.attempts.filter(({ result }) => result === 'unanswered').length;
      assert.equal(after, before);
    });
  }
});
