/** The end of a process, and the start of the next one on the same disk. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEAD_LETTERS, DeliveryStage, kindOf, TOPIC } from './delivery-stage.ts';

/** A little more than the milliseconds between two checks of the delivery. */
const POLL_MS = 60;

suite('a delivery that stops', () => {
  test('lets events wait for Kafka one second at most, also events of new topics', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 600_000 });
    for (const topic of [TOPIC, 'new']) stage.producer.set(topic, 'silent');
    const before = await stage.post(1);
    await stage.time.advance(30_000);
    assert.equal(kindOf(before), 'none');
    stage.delivery.hurry();
    await stage.time.advance(POLL_MS);
    assert.equal(kindOf(before), 'spooled');
    for (const topic of [TOPIC, 'new']) {
      const sent = await stage.post(2, { topic });
      await stage.time.advance(1000 + POLL_MS);
      assert.equal(kindOf(sent), 'spooled');
    }
  });

  test('does not make events wait longer than spool.after', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 200 });
    stage.producer.set(TOPIC, 'silent');
    stage.delivery.hurry();
    const sent = await stage.post(1);
    await stage.time.advance(200 + POLL_MS);
    assert.equal(kindOf(sent), 'spooled');
  });

  test('spools unacknowledged events at once, refuses new events, and leaves no timer', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 600_000 });
    stage.producer.set(TOPIC, 'silent');
    const waiting = Array.from({ length: 20 }, (_, n) => stage.send(n));
    const stopped = stage.delivery.stop();
    const late = await stage.post(20);
    assert.deepEqual(late.outcome, { kind: 'retriable', reason: 'the proxy is stopping' });
    assert.equal(stage.delivery.statusOf(TOPIC).problem, 'the proxy is stopping');
    await stage.passUntil(stopped);
    assert.ok(waiting.every((sent) => kindOf(sent) === 'spooled' && sent.waitedMs === 0));
    await stage.time.advance(100);
    assert.equal(stage.time.timers, 0);
  });

  test('waits for an answer to each event, and answers also when the disk is full', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 600_000 });
    stage.producer.set(TOPIC, 'silent');
    const sent = await stage.post(1);
    stage.disk.capacity = 0;
    stage.delivery.hurry();
    await stage.passUntil(stage.delivery.stop());
    assert.equal(kindOf(sent), 'retriable');
    assert.ok(sent.waitedMs >= 1000 && sent.waitedMs < 1000 + 2 * POLL_MS, `${sent.waitedMs} ms`);
  });

  test('answers "retriable" when the producer closes first, and the next process sends the spooled events', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 600_000 });
    stage.producer.set(TOPIC, 'unavailable');
    const spooled = await stage.post(0);
    stage.producer.set(TOPIC, 'silent');
    const waiting = await stage.post(1);
    assert.deepEqual([kindOf(spooled), kindOf(waiting)], ['spooled', 'none']);
    stage.producer.close();
    await stage.time.settle();
    assert.deepEqual(waiting.outcome, { kind: 'retriable', reason: 'the proxy is stopping' });
    assert.equal(await stage.sample('queueBytes'), 0);
    await stage.stop();

    await stage.start();
    await stage.emptied();
    assert.deepEqual(stage.written(), [0]);
  });

  test('counts an event in flight when the producer closes first: its sender posts it again', async () => {
    const stage = await DeliveryStage.open({ spoolAfterMs: 600_000 });
    stage.producer.set(TOPIC, 'silent');
    const sent = await stage.post(0);
    const waiting = await stage.post(1);
    stage.producer.close();
    await stage.time.settle();
    assert.deepEqual([kindOf(sent), kindOf(waiting)], ['retriable', 'retriable']);
    assert.equal(await stage.sample('duplicatesPossible'), 1);
    await stage.stop();
  });

  for (const [state, unanswered] of [
    ['silent', 10],
    ['unavailable', 0],
  ] as const) {
    test(`counts ${unanswered} possible duplicates in the next process when Kafka is ${state}`, async () => {
      const stage = await DeliveryStage.open();
      stage.producer.set(TOPIC, state);
      for (let n = 0; n < 30; n++) stage.send(n);
      await stage.time.advance(1100);
      assert.ok(stage.sent.every((sent) => kindOf(sent) === 'spooled'));
      await stage.restart();
      assert.equal(await stage.sample('duplicatesPossible'), unanswered);
      const told = stage.lines('sent by the last process and never answered');
      assert.deepEqual(
        told.map(({ topic, events }) => [topic, events]),
        unanswered === 0 ? [] : [[TOPIC, unanswered]],
      );
      await stage.emptied();
      stage.assertKeptOnceInOrder();
    });
  }

  test('counts no possible duplicates when Kafka has answered that it has not written them', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(TOPIC, 'silent');
    await stage.post(1);
    await stage.time.advance(1100);
    stage.producer.putBack(TOPIC);
    await stage.restart();
    assert.equal(await stage.sample('duplicatesPossible'), 0);
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('sends no event after the stop when its read from the spool is unfinished', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(TOPIC, 'unavailable');
    await stage.post(1);
    await stage.stop();
    let reads = 0;
    stage.disk.operations.ended = (operation, path) => {
      // The first two reads are for the version and the header, when the spool is opened.
      if (operation === 'read' && path.endsWith('.log') && (reads += 1) === 3) void stage.delivery.stop();
    };
    await stage.start();
    await stage.time.advance(1000);
    assert.equal(stage.producer.handedOver.get(TOPIC), undefined);
    assert.equal(stage.delivery.spooledEvents, 1);
    await stage.restart();
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('leaves no topic in use that has no event in the spool', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set('drained', 'unavailable');
    await stage.post(1, { topic: 'drained' });
    stage.producer.set('drained', 'up');
    await stage.emptied();
    stage.producer.set('held', 'unavailable');
    await stage.post(2, { topic: 'held' });
    await stage.restart();
    assert.deepEqual(
      stage.delivery.topics.map(({ topic }) => topic),
      [TOPIC, 'held'],
    );
  });

  test('has Kafka asked for each topic in the spool, also if none of its events is left to send', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set('held', 'unavailable');
    await stage.post(1, { topic: 'held' });
    await stage.restart();
    assert.ok(stage.producer.watched.includes('held'));
  });

  for (const [what, state, capacity] of [
    ['the dead-letter topic is unavailable', 'unavailable', 1000],
    ['the disk is full', 'up', 0],
  ] as const) {
    test(`holds no memory and no timer for events that no topic takes when ${what}`, async () => {
      const stage = await DeliveryStage.open();
      stage.producer.set(TOPIC, 'unavailable');
      await stage.post(1);
      await stage.post(2, { topic: DEAD_LETTERS });
      stage.producer.set(DEAD_LETTERS, state);
      stage.disk.capacity = stage.disk.bytesUsed + capacity;
      for (const topic of [TOPIC, DEAD_LETTERS]) stage.producer.refuse(topic, 'INVALID_RECORD');
      stage.producer.set(TOPIC, 'up');
      await stage.time.advance(2 * POLL_MS);
      await stage.stop();
      assert.equal(await stage.sample('queueBytes'), 0);
      assert.equal(stage.time.timers, 0);
    });
  }
});
