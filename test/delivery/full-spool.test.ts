/** The work that events cost while the spool takes none of them: it must not grow with the square of their number. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryStage, kindOf, TOPIC, type Sent } from './delivery-stage.ts';

/** Senders post at once, and each posts again when it has its answer. Returns how often the spool is asked per event. */
async function asksPerEvent(senders: number, spoolBytes: number): Promise<{ asks: number; sent: Sent[] }> {
  const stage = await DeliveryStage.open({ spoolBytes, maxBytes: 1 << 28 });
  stage.producer.set(TOPIC, 'unavailable');
  const log = stage.spool.log(TOPIC);
  const append = log.append.bind(log);
  let asks = 0;
  log.append = (item) => {
    asks += 1;
    append(item);
  };
  const sent: Sent[] = [];
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < senders; i++) {
      sent.push(stage.send(sent.length));
      if (i % 100 === 0) await stage.time.advance(1);
    }
    await stage.time.advance(1200);
  }
  await stage.stop();
  return { asks: asks / sent.length, sent };
}

suite('a full spool', () => {
  for (const [what, spoolBytes] of [
    ['with no room at all', 10],
    ['with room for some events', 20_000],
  ] as const) {
    test(`${what} is asked as often per event for 2,000 senders as for 500`, async () => {
      const few = await asksPerEvent(500, spoolBytes);
      const many = await asksPerEvent(2000, spoolBytes);
      assert.ok(many.asks <= Math.max(few.asks, 5), `${few.asks} and ${many.asks} per event`);
      for (const { sent } of [few, many]) {
        for (const event of sent) {
          assert.ok(['retriable', 'spooled'].includes(kindOf(event)), kindOf(event));
          assert.ok(event.waitedMs <= 1200, `${event.waitedMs} ms`);
        }
      }
    });
  }

  test('takes the next event at once after it has room again', async () => {
    const stage = await DeliveryStage.open({ spoolBytes: 3000 });
    stage.producer.set(TOPIC, 'unavailable');
    for (let i = 0; i < 30; i++) stage.send(i);
    await stage.time.advance(1200);
    assert.ok(stage.sent.some((event) => kindOf(event) === 'retriable'));
    stage.producer.set(TOPIC, 'up');
    await stage.time.until(() => stage.state() === 'straight');
    stage.producer.set(TOPIC, 'unavailable');
    await stage.time.advance(100);
    assert.equal(kindOf(await stage.post(100)), 'spooled');
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    stage.assertKeptOnceInOrder();
    await stage.stop();
  });

  test('is a problem of the topic between two refusals, until Kafka acknowledges an event', async () => {
    const stage = await DeliveryStage.open({ spoolBytes: 10 });
    const problem = () => stage.delivery.statusOf(TOPIC).problem;
    stage.producer.set(TOPIC, 'silent');
    const refused = await stage.post(0);
    await stage.time.advance(1200);
    assert.equal(kindOf(refused), 'retriable');
    assert.equal(problem(), 'Kafka is unavailable and the spool is full');
    await stage.time.advance(5000);
    assert.equal(problem(), undefined, 'no event has come since: another one may tell');

    stage.send(1);
    await stage.time.advance(1200);
    assert.equal(problem(), 'Kafka is unavailable and the spool is full');
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(100);
    assert.equal(kindOf(await stage.post(2)), 'none');
    await stage.time.advance(100);
    assert.equal(problem(), undefined);
    await stage.stop();
  });
});
