import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { timeLimits, type TimeLimits } from '../simulated-refusals.ts';
import { SimulatedProducer, TOPIC } from '../simulated-producer.ts';

const HOUR = 3_600_000;

/** A producer for a topic with one partition, which refuses times. The producer cannot read the limits. */
async function producerWith(t: TestContext, limits: TimeLimits) {
  const it = new SimulatedProducer(t);
  it.brokers.add('one:9092').create(TOPIC, [1]);
  it.brokers.showsConfigs = false;
  it.brokers.topic(TOPIC).judge = timeLimits(it.time, limits);
  await it.start();
  return it;
}

/** Sends records of these ages, in milliseconds: their own time and their arrival. */
function sendAged(it: SimulatedProducer, ages: readonly (readonly [own: number, arrival: number])[]): void {
  const now = it.time.wall.now();
  for (const [own, arrival] of ages) it.send('a', { timestamp: now - own, arrivedAt: now - arrival });
}

const SAYS = ['range', 'places', 'nothing'] as const;

suite('a time that the broker refuses gives way', () => {
  for (const says of SAYS) {
    test(`to the time of sending, after an outage longer than the limit; the broker says ${says}`, async (t) => {
      const it = await producerWith(t, { beforeMs: HOUR, afterMs: HOUR, says });
      const now = it.time.wall.now();
      sendAged(
        it,
        Array.from({ length: 50 }, (_, i) => [((50 - i) * HOUR) / 10, ((50 - i) * HOUR) / 10] as const),
      );
      await it.settled();
      assert.deepEqual(new Set(it.kinds), new Set(['written']));
      it.assertOnceAndInOrder();
      const times = it.brokers.log(TOPIC, 0).map(({ timestamp }) => now - timestamp);
      assert.ok(
        times.every((age) => age <= HOUR),
        times.join(),
      );
      // The last one is six minutes old, and keeps its time.
      assert.equal(times.at(-1), HOUR / 10);
      assert.ok(it.brokers.count('produce') <= 6, String(it.brokers.count('produce')));
    });

    test(`to the time of arrival where that is taken; the broker says ${says}`, async (t) => {
      const it = await producerWith(t, { beforeMs: HOUR, afterMs: HOUR, says });
      const now = it.time.wall.now();
      sendAged(it, [
        [0, 0],
        [30 * HOUR, 5],
        [-2 * HOUR, 10],
        [10, 10],
      ]);
      await it.settled();
      assert.deepEqual(
        it.brokers.log(TOPIC, 0).map(({ timestamp }) => now - timestamp),
        [0, 5, 10, 10],
      );
    });

    test(`to the time of the broker, or to none, when the proxy's clock is two hours ahead; the broker says ${says}`, async (t) => {
      const it = await producerWith(t, { afterMs: HOUR, clockAheadMs: -2 * HOUR, says });
      sendAged(it, [
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
      await it.settled();
      const brokersNow = it.time.wall.now() - 2 * HOUR;
      for (const { timestamp } of it.brokers.log(TOPIC, 0)) {
        if (says === 'range')
          assert.ok(Math.abs(timestamp - brokersNow) < 1000, String(timestamp - brokersNow));
        else assert.equal(timestamp, -1);
      }
      assert.equal(it.brokers.log(TOPIC, 0).length, 3);
    });

    test(`when the proxy's clock is far behind; the broker says ${says}`, async (t) => {
      const it = await producerWith(t, { beforeMs: HOUR, clockAheadMs: 50 * HOUR, says });
      sendAged(it, [
        [0, 0],
        [HOUR, 0],
      ]);
      await it.settled();
      assert.deepEqual(it.kinds, ['written', 'written']);
      it.assertOnceAndInOrder();
    });
  }

  test("once for each clock: the broker's clock is remembered, and the log names the difference once", async (t) => {
    const it = await producerWith(t, { afterMs: HOUR, clockAheadMs: -2 * HOUR });
    for (let i = 0; i < 10; i++) {
      it.send('a');
      await it.settled();
    }
    assert.ok(it.brokers.count('produce') <= 12, String(it.brokers.count('produce')));
    const lines = it.lines.filter(({ msg }) => msg.includes('clock of the broker'));
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['the clock of the broker is 7200 s behind that of the proxy: records get the time of the broker'],
    );
  });

  test("and the own time comes back after the proxy's clock is set right", async (t) => {
    const it = await producerWith(t, { afterMs: HOUR, clockAheadMs: 0 });
    it.time.stepWall(2 * HOUR);
    const limits = { afterMs: HOUR, clockAheadMs: -2 * HOUR };
    it.brokers.topic(TOPIC).judge = timeLimits(it.time, limits);
    it.send('a');
    await it.settled();
    it.time.stepWall(-2 * HOUR);
    limits.clockAheadMs = 0;
    const { value } = it.send('a');
    await it.settled();
    const record = it.brokers.log(TOPIC, 0).find((one) => one.value === value);
    assert.ok(it.time.wall.now() - (record?.timestamp ?? 0) < 1000);
  });

  test('and stays in the queue while the broker takes no time at all: the topic says why, and takes it later', async (t) => {
    const limits: { takesNone: boolean; beforeMs?: number; afterMs?: number; says: 'places' } = {
      takesNone: false,
      beforeMs: -1,
      afterMs: -1,
      says: 'places',
    };
    const it = await producerWith(t, limits);
    const sent = it.send('a');
    await it.time.advance(60_000);
    assert.deepEqual(sent.outcomes, []);
    assert.match(it.producer.problemOf(TOPIC) ?? '', /INVALID_TIMESTAMP: the broker takes no time.*clocks/);
    // At most a walk through all times each second.
    assert.ok(it.brokers.count('produce') < 400, String(it.brokers.count('produce')));
    limits.beforeMs = HOUR;
    limits.afterMs = HOUR;
    await it.settled();
    assert.deepEqual(it.kinds, ['written']);
    assert.equal(it.producer.problemOf(TOPIC), undefined);
  });

  test('as the same batch, with the same sequence, when the batch may be written', async (t) => {
    const it = await producerWith(t, { beforeMs: HOUR });
    it.brokers.script(TOPIC, 0, { breaks: 'after' });
    sendAged(it, [
      [0, 0],
      [0, 0],
    ]);
    await it.time.until(() => it.brokers.attempts.length === 1);
    it.brokers.setAll('refusing');
    it.send('a');
    await it.time.advance(2 * HOUR);
    it.brokers.setAll('alive');
    it.send('a');
    await it.settled();
    // The first batch is in the topic already, and the broker recognises it in spite of its new times.
    it.assertOnceAndInOrder();
    assert.ok(it.brokers.attempts.some(({ result }) => result === 'duplicate'));
    assert.equal(await it.metric(it.metrics.duplicatesPossible), 0);
  });

  test('and is read from the old name of the limit: Kafka before 3.6', async (t) => {
    const it = new SimulatedProducer(t);
    const configs = { 'message.timestamp.difference.max.ms': String(HOUR) };
    it.brokers.add('one:9092').create(TOPIC, [1], configs);
    it.brokers.topic(TOPIC).judge = timeLimits(it.time, { beforeMs: HOUR, afterMs: HOUR });
    await it.start();
    sendAged(it, [
      [2 * HOUR, 2 * HOUR],
      [-2 * HOUR, 0],
      [HOUR / 2, 0],
    ]);
    await it.settled();
    assert.equal(it.brokers.count('produce'), 1, 'no time was refused');
    assert.equal(it.brokers.log(TOPIC, 0).length, 3);
  });

  for (const [what, newName, old, age, isOwn] of [
    ['the old limit where the new one is unset', '9223372036854775807', String(HOUR), 2 * HOUR, false],
    ['the new limit where both are set', String(3 * HOUR), String(HOUR), 2 * HOUR, true],
    ['no limit where none is set', '9223372036854775807', '9223372036854775807', 9000 * HOUR, true],
  ] as const) {
    test(`by ${what}: Kafka 3.6 to 3.9`, async (t) => {
      const it = new SimulatedProducer(t);
      it.brokers.add('one:9092').create(TOPIC, [1], {
        'message.timestamp.before.max.ms': newName,
        'message.timestamp.after.max.ms': newName,
        'message.timestamp.difference.max.ms': old,
      });
      await it.start();
      const now = it.time.wall.now();
      sendAged(it, [[age, 0]]);
      await it.settled();
      assert.equal(it.brokers.log(TOPIC, 0)[0]?.timestamp === now - age, isOwn);
    });
  }
});
