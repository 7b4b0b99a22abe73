/** The order of events: in the window, after it, on disk, and while the spool drains. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryStage, kindOf, heldOf, TOPIC } from './delivery-stage.ts';

/** The window takes half of the memory: ten events. */
const WINDOW = 10;
const SMALL = { maxBytes: 4 * WINDOW * heldOf(100) };

const numbers = (to: number) => Array.from({ length: to }, (_, n) => n);

/** A stage with `count` events on disk, and Kafka unavailable. */
async function spooled(count: number): Promise<DeliveryStage> {
  const stage = await DeliveryStage.open(SMALL);
  stage.producer.set(TOPIC, 'unavailable');
  for (let n = 0; n < count; n++) {
    const sent = await stage.post(n);
    assert.deepEqual([kindOf(sent), sent.waitedMs], ['spooled', 0]);
  }
  await stage.time.advance(60);
  return stage;
}

suite('the order of events', () => {
  test('is the order of arrival after an outage, and only the window stays in memory meanwhile', async () => {
    const stage = await spooled(200);
    assert.equal(stage.delivery.spooledEvents, 200);
    assert.equal(await stage.sample('queueEvents'), WINDOW);
    assert.equal(stage.producer.handedOver.get(TOPIC)?.length, WINDOW);
    stage.producer.set(TOPIC, 'up');
    await stage.time.settle();
    assert.equal(stage.state(), 'draining');
    await stage.emptied();
    assert.deepEqual(stage.written(), numbers(200));
    assert.deepEqual(
      stage.log.map(({ msg }) => msg),
      [
        'events go to the spool',
        'the spool is being drained',
        'the spool is empty: events go straight to Kafka',
      ],
    );
  });

  test('is kept when new events arrive while the spool drains', async () => {
    const stage = await spooled(300);
    stage.producer.set(TOPIC, 'up');
    for (let n = 300; n < 600; n++) {
      stage.send(n);
      await stage.time.advance(n % 5);
    }
    await stage.emptied();
    const kinds = new Set(stage.sent.slice(300).map(kindOf));
    assert.deepEqual(kinds, new Set(['spooled', 'acknowledged']));
    stage.assertKeptOnceInOrder();
    assert.deepEqual(stage.written(), numbers(600));
  });

  test('is kept when Kafka is available only at times while the spool drains', async () => {
    const stage = await spooled(100);
    for (let n = 100; n < 400; n++) {
      if (n % 20 === 0)
        stage.producer.set(TOPIC, (['up', 'silent', 'up', 'unavailable'] as const)[(n / 20) % 4] ?? 'up');
      stage.send(n);
      await stage.time.advance((n * 7) % 30);
    }
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    // While Kafka is silent but not yet late, the memory for twenty events may be full.
    const kinds = stage.sent.map(kindOf);
    for (const kind of ['spooled', 'acknowledged'] as const) assert.ok(kinds.includes(kind));
    stage.assertKeptOnceInOrder();
    assert.ok(stage.written().length > 380);
  });

  test('is kept when Kafka is available again while events are on their way to a slow disk', async () => {
    const stage = await spooled(30);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    stage.disk.operations.hangs = promise;
    for (let n = 30; n < 40; n++) stage.send(n);
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(200);
    assert.deepEqual(stage.written(), numbers(WINDOW), 'those on disk come first, and cannot be read');
    stage.disk.operations.hangs = undefined;
    resolve(undefined);
    await stage.emptied();
    assert.deepEqual(stage.written(), numbers(40));
  });

  test('is kept when an event arrives just as Kafka returns and others are on their way to the disk', async () => {
    const stage = await spooled(WINDOW);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    stage.disk.operations.hangs = promise;
    await stage.post(WINDOW);
    stage.producer.set(TOPIC, 'up');
    await stage.post(WINDOW + 1);
    stage.disk.operations.hangs = undefined;
    resolve(undefined);
    await stage.emptied();
    assert.deepEqual(stage.written(), numbers(WINDOW + 2));
  });

  test('is kept when an event arrives just as others are read from the disk', async () => {
    for (let ticks = 0; ticks < 20; ticks++) {
      const stage = await spooled(1);
      await stage.stop();
      const sendLater = async (): Promise<void> => {
        for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
        stage.send(1);
      };
      let reads = 0;
      stage.disk.operations.ended = (operation, path) => {
        // The first two reads are for the version and the header, when the spool is opened.
        if (operation === 'read' && path.endsWith('.log') && (reads += 1) === 3) void sendLater();
      };
      await stage.start();
      await stage.emptied();
      assert.deepEqual(stage.written(), numbers(2), `after ${ticks} ticks`);
    }
  });

  test('puts new events after the events that an earlier process left', async () => {
    const stage = await spooled(50);
    await stage.restart();
    for (let n = 50; n < 60; n++) stage.send(n);
    await stage.emptied();
    assert.deepEqual(stage.written(), numbers(60));
    assert.equal(await stage.sample('duplicatesPossible'), 0);
  });
});
