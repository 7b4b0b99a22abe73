/** Kafka is unavailable or silent, and the disk is full, fails or hangs. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryStage, kindOf, heldOf, TOPIC } from './delivery-stage.ts';

/** A little more than the milliseconds between two checks of the delivery. */
const POLL_MS = 60;
/** Milliseconds that the disk may need in addition to spool.after. */
const DISK_MS = 2000;

async function withoutKafka(settings: Parameters<typeof DeliveryStage.open>[0] = {}): Promise<DeliveryStage> {
  const stage = await DeliveryStage.open(settings);
  stage.producer.set(TOPIC, 'unavailable');
  return stage;
}

/** Makes all operations of the disk hang. Returns a function that ends this. */
function hang(stage: DeliveryStage): () => void {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  stage.disk.operations.hangs = promise;
  return () => {
    stage.disk.operations.hangs = undefined;
    resolve(undefined);
  };
}

suite('with a full disk', () => {
  test('an event is refused after spool.after, not before, and is never written', async () => {
    const stage = await withoutKafka({ spoolAfterMs: 1000 });
    stage.disk.capacity = 0;
    const sent = await stage.post(1);
    await stage.time.advance(999);
    assert.equal(kindOf(sent), 'none');
    await stage.time.advance(POLL_MS);
    assert.deepEqual(sent.outcome, {
      kind: 'retriable',
      reason: 'Kafka is unavailable, and the disk is full',
    });
    assert.equal(stage.delivery.statusOf(TOPIC).problem, 'Kafka is unavailable and the disk is full');
    const told = stage.lines('events of a topic cannot be kept: Kafka is unavailable and the disk is full');
    assert.deepEqual(
      told.map(({ topic }) => topic),
      [TOPIC],
    );
    assert.deepEqual([await stage.sample('spoolFailures'), await stage.sample('duplicatesPossible')], [1, 0]);
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), []);
  });

  test('an event is acknowledged when Kafka is available again within spool.after', async () => {
    const stage = await withoutKafka({ spoolAfterMs: 1000 });
    stage.disk.capacity = 0;
    const sent = await stage.post(1);
    await stage.time.advance(900);
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(stage.producer.latencyMs);
    assert.deepEqual([kindOf(sent), sent.waitedMs], ['acknowledged', 900 + stage.producer.latencyMs]);
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('an event is spooled when the disk has room again within spool.after', async () => {
    const stage = await withoutKafka({ spoolAfterMs: 1000 });
    stage.disk.capacity = 0;
    const sent = await stage.post(1);
    await stage.time.advance(500);
    stage.disk.capacity = Infinity;
    await stage.time.advance(400);
    assert.equal(kindOf(sent), 'spooled');
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
  });

  test('an event that is already in a batch counts as a possible duplicate when it is refused', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(TOPIC, 'silent');
    stage.disk.capacity = 0;
    const sent = await stage.post(1);
    await stage.time.advance(1000 + POLL_MS);
    assert.equal(kindOf(sent), 'retriable');
    assert.equal(await stage.sample('duplicatesPossible'), 1);
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
  });
});

suite('with a full spool', () => {
  test('an event that needs the disk is refused at once, and its memory is freed', async () => {
    // The window takes five events, and the spool has room for the same five only.
    const stage = await withoutKafka({ maxBytes: 20 * heldOf(100), spoolBytes: 900 });
    const first = Array.from({ length: 5 }, (_, n) => stage.send(n));
    await stage.time.advance(POLL_MS);
    assert.ok(first.every((sent) => kindOf(sent) === 'spooled'));
    assert.equal(await stage.sample('queueBytes'), 5 * heldOf(100));
    for (let n = 5; n < 30; n++) {
      const sent = await stage.post(n);
      assert.deepEqual(sent.outcome, {
        kind: 'retriable',
        reason: 'Kafka is unavailable, and the spool is full',
      });
      assert.equal(sent.waitedMs, 0);
    }
    assert.equal(await stage.sample('queueBytes'), 5 * heldOf(100));
    assert.equal(await stage.sample('spoolFailures'), 25);
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [0, 1, 2, 3, 4]);
    await stage.time.advance(6000);
    assert.equal(stage.lines('events of a topic can be kept again').length, 1);
  });
});

suite('with a disk that fails', () => {
  for (const operation of ['write', 'sync', 'create'] as const) {
    test(`at a ${operation}, an event is refused after spool.after, and later ones are kept again`, async () => {
      const stage = await withoutKafka();
      stage.disk.operations.faults = { [operation]: 1000 };
      const refused = await stage.post(1);
      await stage.time.advance(1000 + POLL_MS);
      assert.equal(kindOf(refused), 'retriable');
      stage.disk.operations.faults = {};
      // The disk is tried again after 250 ms.
      await stage.time.advance(300);
      const kept = await stage.post(2);
      assert.equal(kindOf(kept), 'spooled');
      stage.producer.set(TOPIC, 'up');
      await stage.emptied();
      assert.deepEqual(stage.written(), [2]);
    });
  }

  test('at a read, events stay, and are delivered in order when it works again', async () => {
    const stage = await withoutKafka({ maxBytes: 20 * heldOf(100) });
    for (let n = 0; n < 40; n++) await stage.post(n);
    stage.disk.operations.faults = { read: 1000, open: 1000 };
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(10_000);
    assert.equal(stage.state(), 'draining');
    assert.deepEqual(stage.written(), [0, 1, 2, 3, 4]);
    const tries = stage.lines('the spool cannot be read; trying again').length;
    assert.ok(tries >= 9 && tries <= 11, `${tries} tries in ten seconds`);
    stage.disk.operations.faults = {};
    await stage.emptied();
    stage.assertKeptOnceInOrder();
  });
});

suite('with a disk that hangs', () => {
  test('an event is refused two seconds after spool.after at most, and is delivered when the disk works', async () => {
    const stage = await withoutKafka({ spoolAfterMs: 1000 });
    const work = hang(stage);
    const sent = await stage.post(1);
    await stage.time.advance(1000 + DISK_MS - 1);
    assert.equal(kindOf(sent), 'none');
    await stage.time.advance(POLL_MS);
    const reason = 'Kafka is unavailable, and the disk does not answer';
    assert.deepEqual(sent.outcome, { kind: 'retriable', reason });
    work();
    await stage.time.settle();
    assert.equal(stage.delivery.spooledEvents, 1);
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [1]);
    assert.deepEqual([await stage.sample('spoolFailures'), await stage.sample('duplicatesPossible')], [1, 1]);
  });

  test('an event is counted once when the disk finally fails', async () => {
    const stage = await withoutKafka();
    const work = hang(stage);
    await stage.post(1);
    await stage.time.advance(4000);
    stage.disk.operations.faults = { create: 1000, write: 1000 };
    work();
    await stage.time.advance(1000);
    assert.deepEqual([await stage.sample('spoolFailures'), await stage.sample('duplicatesPossible')], [1, 1]);
    stage.disk.operations.faults = {};
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
  });

  test('an event is refused in time when events from the spool precede it', async () => {
    const stage = await withoutKafka();
    await stage.post(1);
    await stage.stop();
    await stage.start('unavailable');
    stage.producer.set(TOPIC, 'silent');
    assert.equal(await stage.sample('queueEvents'), 1);
    const work = hang(stage);
    const sent = await stage.post(2);
    await stage.time.advance(1000 + DISK_MS + POLL_MS);
    assert.equal(kindOf(sent), 'retriable');
    work();
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
  });

  test('events that wait after others are refused in time, too, and later ones at once', async () => {
    const stage = await withoutKafka({ maxBytes: 20 * heldOf(100) });
    for (let n = 0; n < 5; n++) await stage.post(n);
    const work = hang(stage);
    const behind = [await stage.post(5), await stage.post(6)];
    await stage.time.advance(1000 + DISK_MS + POLL_MS);
    for (const sent of behind) {
      assert.equal(kindOf(sent), 'retriable');
      assert.ok(sent.waitedMs <= 1000 + DISK_MS + POLL_MS);
    }
    const later = await stage.post(7);
    assert.deepEqual([kindOf(later), later.waitedMs], ['retriable', 0]);
    work();
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [0, 1, 2, 3, 4, 5, 6]);
  });
});
