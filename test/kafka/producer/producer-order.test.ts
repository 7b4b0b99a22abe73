import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { recordSize } from '../../../src/kafka/record.ts';
import { Random } from '../../openlineage/random.ts';
import { NOT_ENOUGH_REPLICAS, NOT_LEADER, OUT_OF_ORDER, UNKNOWN_PRODUCER } from '../simulated-brokers.ts';
import { SimulatedProducer, TOPIC } from '../simulated-producer.ts';

/** Kafka's error code that does not say whether the batch is written. */
const REQUEST_TIMED_OUT = 7;

suite('the producer writes each record once, and keeps the order of each key', () => {
  test('fills batches while a request is in flight', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a');
    await it.time.advance(7);
    for (let i = 0; i < 10; i++) it.send('a');
    await it.settled();
    const sizes = it.brokers.attempts.map(({ records, sequence }) => [sequence, records.length]);
    assert.deepEqual(sizes, [
      [0, 1],
      [1, 10],
    ]);
    it.assertOnceAndInOrder();
  });

  test('puts the records of a burst into one request, while each turn of the loop brings some', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    // From outside the loop of the simulated time, a record at a time arrives in each turn.
    let left = 5;
    const arrive = () => {
      it.send('a');
      left -= 1;
      if (left > 0) it.time.setImmediate(arrive);
    };
    it.time.setImmediate(arrive);
    await it.settled();
    const counts = it.brokers.attempts.map(({ records }) => records.length);
    // Three turns at most: a burst without an end must not hold up its first record.
    assert.deepEqual(counts, [3, 2]);
    it.assertOnceAndInOrder();
  });

  for (const senders of [1, 2]) {
    test(`waits a turn for the senders of a written batch: ${senders}`, async (t) => {
      const it = new SimulatedProducer(t);
      it.brokers.add('one:9092').create(TOPIC, [1]);
      await it.start();
      const now = it.time.wall.now();
      const record = {
        topic: TOPIC,
        key: null,
        value: Buffer.from('b'),
        headers: [],
        timestamp: now,
        arrivedAt: now,
      };
      // Each posts again in the turn after its answer.
      const settled = () => it.time.setImmediate(() => void it.send('a'));
      for (let i = 0; i < senders; i++) {
        it.producer.send(record, recordSize(record), { sent: () => undefined, settled });
      }
      await it.time.settle();
      it.send('a');
      await it.time.advance(1000);
      const counts = it.brokers.attempts.map(({ records }) => records.length);
      assert.deepEqual(counts, [senders, senders + 1]);
    });
  }

  test('does not wait for more when much waits already', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a', { value: Buffer.alloc(300_000, 'x') });
    it.time.setImmediate(() => it.time.setImmediate(() => it.send('a')));
    await it.settled();
    assert.deepEqual(
      it.brokers.attempts.map(({ records }) => records.length),
      [1, 1],
    );
  });

  test('sends the batches of all partitions of one leader in one request', async (t) => {
    const it = new SimulatedProducer(t, { bootstrapServers: ['one:9092', 'two:9092'] });
    it.brokers.add('one:9092', 'two:9092').create(TOPIC, [1, 2, 1, 2]);
    await it.start();
    for (let i = 0; i < 100; i++) it.send(`key ${i}`);
    await it.settled();
    assert.equal(it.brokers.count('produce'), 2);
    assert.equal(new Set(it.brokers.attempts.map(({ partition }) => partition)).size, 4);
    it.assertOnceAndInOrder();
  });

  test('repeats a batch of unknown outcome byte for byte, and the broker recognises the duplicate', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { breaks: 'after' }, { answersInstead: REQUEST_TIMED_OUT });
    const first = it.send('a');
    await it.time.advance(50);
    it.send('a');
    await it.settled();
    const [lost, unclear, known, next] = it.brokers.attempts;
    assert.deepEqual([lost?.result, unclear?.result, known?.result], ['written', 'duplicate', 'duplicate']);
    assert.ok(lost && unclear && known);
    assert.ok(unclear.bytes.equals(lost.bytes) && known.bytes.equals(lost.bytes));
    assert.deepEqual([next?.sequence, next?.records.length], [1, 1]);
    assert.equal(first.sent, 3);
    it.assertOnceAndInOrder();
  });

  test('adds newer records to a batch that is certainly not written', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { errorCode: NOT_ENOUGH_REPLICAS });
    it.send('a');
    await it.time.advance(50);
    it.send('a');
    await it.settled();
    const attempts = it.brokers.attempts.map(({ result, records }) => [result, records.length]);
    assert.deepEqual(attempts, [
      [NOT_ENOUGH_REPLICAS, 1],
      ['written', 2],
    ]);
    it.assertOnceAndInOrder();
  });

  test('does not write a withdrawn record, unless it is already in a batch', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    const inFlight = it.send('a');
    await it.time.settle();
    const waiting = it.send('a');
    assert.deepEqual(
      [it.producer.withdraw(inFlight.pending), it.producer.withdraw(waiting.pending)],
      [false, true],
    );
    await it.time.advance(1000);
    assert.deepEqual(it.brokers.values(TOPIC), [inFlight.value]);
    assert.deepEqual(it.kinds, ['', '']);
  });

  test('leaves a withdrawn record out of the next batch after the first was refused', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { errorCode: NOT_ENOUGH_REPLICAS });
    const [first, second, third] = [it.send('a'), it.send('a'), it.send('a')];
    await it.time.advance(20);
    assert.equal(it.producer.withdraw(second.pending), true);
    await it.settled();
    assert.deepEqual(it.brokers.values(TOPIC), [first.value, third.value]);
  });

  test('sends the batch to the new leader after a change of leader', async (t) => {
    const it = new SimulatedProducer(t, { bootstrapServers: ['one:9092', 'two:9092'] });
    it.brokers.add('one:9092', 'two:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a');
    await it.settled();
    it.brokers.lead(TOPIC, 0, 2);
    it.send('a');
    await it.settled();
    const attempts = it.brokers.attempts.map(({ address, result }) => [address, result]);
    assert.deepEqual(attempts, [
      ['one:9092', 'written'],
      ['one:9092', NOT_LEADER],
      ['two:9092', 'written'],
    ]);
    it.assertOnceAndInOrder();
  });

  test('replaces a lost producer id by a new one, with a new sequence', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a');
    await it.settled();
    it.brokers.forgetProducers();
    it.send('a');
    it.send('a');
    await it.settled();
    const attempts = it.brokers.attempts.map(({ producerId, sequence, result }) => [
      producerId,
      sequence,
      result,
    ]);
    assert.deepEqual(attempts, [
      [1n, 0, 'written'],
      [1n, 1, UNKNOWN_PRODUCER],
      [2n, 0, 'written'],
    ]);
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 0);
    assert.ok(it.lines.some(({ msg }) => msg === 'producer id lost'));
    it.assertOnceAndInOrder();
  });

  test('counts possible duplicates when the id is lost of a batch that may be written', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.send('a');
    await it.settled();
    it.brokers.script(TOPIC, 0, { breaks: 'after' }, { errorCode: OUT_OF_ORDER });
    it.send('a');
    it.send('a');
    await it.settled();
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 2);
    assert.equal(it.brokers.log(TOPIC, 0).length, 5);
  });

  test('counts possible duplicates when a batch is repeated after a day', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.brokers.script(TOPIC, 0, { breaks: 'after' });
    it.send('a');
    await it.time.advance(8);
    it.brokers.set('one:9092', 'refusing');
    // The wall clock decides: the broker counts from the records' times.
    it.time.stepWall(24 * 3_600_000);
    await it.time.advance(1000);
    it.brokers.set('one:9092', 'alive');
    await it.settled();
    // Each attempt but the last may have written the record.
    const unknown = it.brokers.attempts.length - 1;
    assert.equal(unknown, 2);
    assert.equal(await it.metric(it.metrics.duplicatesPossible), unknown);
  });

  test('counts them for each attempt that may have written old records again', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.time.stepWall(-24 * 3_600_000);
    it.brokers.script(TOPIC, 0, { breaks: 'after' }, { breaks: 'after' }, { breaks: 'after' });
    it.send('a');
    await it.time.advance(5000);
    await it.settled();
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 3);
  });

  test('counts them before an answer comes: the process may be killed first', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.time.stepWall(-24 * 3_600_000);
    it.brokers.script(TOPIC, 0, { breaks: 'after' }, { breaks: 'after' });
    it.send('a');
    await it.time.until(() => it.brokers.attempts.length === 2);
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 1);
    await it.settled();
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 2);
  });

  test('counts them also when the clock was set back a day before: the records are old for the broker', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092').create(TOPIC, [1]);
    await it.start();
    it.time.stepWall(-24 * 3_600_000);
    it.brokers.script(TOPIC, 0, { breaks: 'after' });
    it.send('a');
    await it.time.advance(1000);
    await it.settled();
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 1);
  });

  test('keeps the order of each key when partitions are added under load', async (t) => {
    const it = new SimulatedProducer(t);
    it.brokers.add('one:9092', 'two:9092').create(TOPIC, [1, 1]);
    await it.start();
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    const load = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        for (const key of keys) it.send(key);
        await it.time.advance(3);
      }
    };
    await load(10);
    it.brokers.addPartition(TOPIC, 1);
    it.brokers.addPartition(TOPIC, 2);
    // An error makes the producer ask for metadata.
    it.brokers.script(TOPIC, 0, { errorCode: NOT_ENOUGH_REPLICAS });
    await load(100);
    await it.settled();
    assert.ok(it.brokers.log(TOPIC, 2).length > 0 && it.brokers.log(TOPIC, 3).length > 0);
    assertWrittenInOrder(it, keys);
    assert.equal(it.brokers.values(TOPIC).length, it.sent.length);
  });

  test('does so when a topic comes back with fewer partitions, while records wait for one that stays', async (t) => {
    const keys = Array.from({ length: 16 }, (_, number) => `key ${number}`);
    const it = new SimulatedProducer(t, { metadataMaxAgeMs: 500 });
    it.brokers.add('one:9092').create(TOPIC, [1, 1, 1]);
    await it.start();
    const load = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        for (const key of keys) it.send(key);
        await it.time.advance(3);
      }
    };
    await load(10);
    await it.settled();
    // The leader of the first partition takes nothing for a while. Most of its keys have another one later.
    for (let i = 0; i < 5; i++) it.brokers.script(TOPIC, 0, { errorCode: NOT_ENOUGH_REPLICAS });
    await load(5);
    it.brokers.topic(TOPIC).partitions.splice(2);
    await it.time.advance(600);
    await load(20);
    await it.settled();
    assert.ok(it.kinds.every((kind) => kind === 'written'));
    assertWrittenInOrder(it, keys);
  });

  test('does so through random retries, dead brokers and changes of leaders', async (t) => {
    const random = new Random();
    t.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const addresses = ['one:9092', 'two:9092', 'three:9092'];
    const it = new SimulatedProducer(t, {
      bootstrapServers: addresses,
      maxBatchBytes: 2000,
      latencyMs: () => 1 + random.below(20),
    });
    it.brokers.add(...addresses).create(TOPIC, [1, 2, 3, 1]);
    await it.start();
    for (let round = 0; round < 300; round++) {
      for (let i = random.below(5); i > 0; i--) it.send(`key ${random.below(12)}`);
      const partition = random.below(4);
      switch (random.below(12)) {
        case 0:
          it.brokers.lead(TOPIC, partition, 1 + random.below(3));
          break;
        case 1:
          it.brokers.set(random.of(addresses), 'refusing');
          break;
        case 2:
          it.brokers.set(random.of(addresses), 'silent');
          break;
        case 3:
          it.brokers.script(TOPIC, partition, { breaks: random.of(['before', 'after'] as const) });
          break;
        case 4:
          it.brokers.script(TOPIC, partition, {
            answersInstead: random.of([REQUEST_TIMED_OUT, NOT_LEADER, 20]),
          });
          break;
        case 5:
          it.brokers.script(TOPIC, partition, { errorCode: random.of([NOT_ENOUGH_REPLICAS, 2, 5]) });
          break;
        default:
          for (const address of addresses) it.brokers.set(address, 'alive');
      }
      await it.time.advance(random.below(200));
    }
    it.brokers.setAll('alive');
    await it.settled();
    assert.deepEqual([...new Set(it.kinds)], ['written']);
    it.assertOnceAndInOrder();
    assert.ok(it.brokers.attempts.some(({ result }) => result === 'duplicate'));
  });

  test('loses no record when a broker tells of fewer partitions for a moment', async (t) => {
    // A broker that has not heard of new partitions yet answers so.
    const it = new SimulatedProducer(t, { random: () => 0.99, metadataMaxAgeMs: 1000 });
    it.brokers.add('one:9092').create(TOPIC, [1, 1]);
    await it.start();
    it.send(null);
    await it.settled();
    const { partitions } = it.brokers.topic(TOPIC);
    const last = partitions.splice(1);
    await it.time.advance(1500);
    partitions.push(...last);
    await it.time.advance(1500);
    it.send(null);
    await it.settled();
    assert.deepEqual(it.kinds, ['written', 'written']);
    assert.equal(it.brokers.log(TOPIC, 1).length, 2);
  });
});

/** Checks the order of each key over all partitions, as brokers have written it. */
function assertWrittenInOrder(it: SimulatedProducer, keys: readonly string[]): void {
  for (const key of keys) {
    const own = it.sent.filter(({ value }) => value.split('#')[0] === key);
    const places = own.map(({ value }) =>
      it.brokers.attempts.findIndex(
        ({ result, records }) => result === 'written' && records.some((one) => one.value === value),
      ),
    );
    assert.ok(
      places.every((place, index) => place >= (places[index - 1] ?? 0)),
      `${key}: ${places.join()}`,
    );
  }
}
