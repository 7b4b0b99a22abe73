/** When the sender of an event gets its answer, and which answer. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryStage, kindOf, heldOf, sizeOf, TOPIC } from './delivery-stage.ts';

/** A little more than the milliseconds between two checks of the delivery. */
const POLL_MS = 60;

suite('the answer to an event', () => {
  test('is "acknowledged" when Kafka acknowledges first, and the disk is not used', async () => {
    const stage = await DeliveryStage.open();
    const { changes } = stage.disk.operations;
    const sent = await stage.post(1);
    assert.equal(kindOf(sent), 'none');
    await stage.time.advance(stage.producer.latencyMs);
    assert.deepEqual(
      [sent.outcome, sent.waitedMs],
      [{ kind: 'acknowledged', partition: 0, offset: 0 }, stage.producer.latencyMs],
    );
    await stage.emptied();
    assert.equal(stage.disk.operations.changes, changes);
  });

  test('is "spooled" after spool.after when Kafka is silent, and the event is written once', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 700 });
    stage.producer.set(TOPIC, 'silent');
    const sent = await stage.post(1);
    await stage.time.until(() => sent.outcome !== undefined);
    assert.equal(kindOf(sent), 'spooled');
    assert.ok(sent.waitedMs >= 700 && sent.waitedMs < 700 + POLL_MS, `${sent.waitedMs} ms`);
    assert.equal(stage.state(), 'spooling');
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('is "spooled" at once while Kafka is known to be unavailable', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(TOPIC, 'unavailable');
    const sent = await stage.post(1);
    assert.deepEqual([sent.outcome, sent.waitedMs], [{ kind: 'spooled' }, 0]);
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('is "spooled" soon when Kafka becomes unavailable while the event waits', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 600_000 });
    stage.producer.set(TOPIC, 'silent');
    const sent = await stage.post(1);
    stage.producer.set(TOPIC, 'unavailable');
    await stage.time.advance(POLL_MS);
    assert.equal(kindOf(sent), 'spooled');
  });

  test('is "acknowledged" when Kafka is available again while the disk hangs, and nothing is written twice', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(TOPIC, 'unavailable');
    const { promise, resolve } = Promise.withResolvers<undefined>();
    stage.disk.operations.hangs = promise;
    const sent = await stage.post(1);
    await stage.time.advance(300);
    assert.equal(kindOf(sent), 'none');
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(stage.producer.latencyMs);
    assert.equal(kindOf(sent), 'acknowledged');
    stage.disk.operations.hangs = undefined;
    resolve(undefined);
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('names the limit of the topic when the record is too large, and the event is not kept', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.limit(TOPIC, 500);
    const [large, small] = [stage.send(1, { size: 900 }), stage.send(2)];
    await stage.time.advance(stage.producer.latencyMs);
    assert.deepEqual(large.outcome, {
      kind: 'too-large',
      topic: TOPIC,
      size: sizeOf(900),
      limit: 500,
      event: 900,
    });
    assert.equal(kindOf(small), 'acknowledged');
    await stage.emptied();
    stage.assertKeptOnceInOrder();
  });

  test('names the reason when Kafka never takes the record', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.refuse(TOPIC, 'INVALID_RECORD');
    const sent = stage.send(1);
    await stage.time.advance(stage.producer.latencyMs);
    assert.deepEqual(sent.outcome, { kind: 'permanent', reason: 'INVALID_RECORD' });
    await stage.emptied();
  });

  test('is "retriable" at once when the memory for events is full, and the memory is free afterwards', async () => {
    const stage = await DeliveryStage.open({ maxBytes: 10 * heldOf(100) });
    stage.producer.set(TOPIC, 'silent');
    const taken = Array.from({ length: 10 }, (_, n) => stage.send(n));
    const tooMany = await stage.post(10);
    const reason = 'too many events are waiting in memory';
    assert.deepEqual([tooMany.outcome, tooMany.waitedMs], [{ kind: 'retriable', reason }, 0]);
    assert.equal(stage.delivery.statusOf(TOPIC).problem, reason);
    assert.equal(stage.delivery.statusOf('not in use').problem, reason);
    await stage.time.advance(POLL_MS);
    assert.equal(stage.lines(`events cannot be kept: ${reason}`).length, 1);
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(100);
    assert.ok(taken.every((sent) => kindOf(sent) === 'acknowledged'));
    assert.equal(stage.delivery.statusOf(TOPIC).problem, undefined);
    const next = stage.send(11);
    await stage.emptied();
    assert.equal(kindOf(next), 'acknowledged');
    stage.assertKeptOnceInOrder();
    const over = 'events can be kept again';
    await stage.time.advance(4000);
    assert.equal(stage.lines(over).length, 0, 'a full memory may have room now and then');
    await stage.time.advance(2000);
    assert.equal(stage.lines(over).length, 1);
  });

  test('of one topic does not depend on the Kafka of another', async () => {
    const stage = await DeliveryStage.open({ topics: ['a', 'b'] });
    stage.producer.set('a', 'unavailable');
    const [a, b] = [stage.send(1, { topic: 'a' }), stage.send(2, { topic: 'b' })];
    await stage.time.advance(stage.producer.latencyMs);
    assert.deepEqual([kindOf(a), kindOf(b)], ['spooled', 'acknowledged']);
    const states = stage.delivery.topics.map(({ topic, state, spooledEvents }) => [
      topic,
      state,
      spooledEvents,
    ]);
    assert.deepEqual(states, [
      ['a', 'spooling', 1],
      ['b', 'straight', 0],
    ]);
    assert.equal(stage.delivery.statusOf('a').kafkaProblem, 'no broker answers');
    assert.equal(stage.delivery.statusOf('a').problem, undefined);
  });
});
