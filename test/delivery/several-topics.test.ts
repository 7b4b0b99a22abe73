/** An event for several topics: its answer, and what becomes of it when the topics differ. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RECORD_OVERHEAD_BYTES } from '../../src/delivery/held-record.ts';
import { DEAD_LETTERS, DeliveryStage, heldOf, isKept, kindOf, numberOf, TOPIC } from './delivery-stage.ts';

const OTHER = 'others';
const BOTH = [TOPIC, OTHER] as const;

/** A little more than the milliseconds between two checks of the delivery. */
const POLL_MS = 60;

/** Milliseconds in which every event has its answer. */
const ANSWER_MS = 3000 + POLL_MS;

suite('an event for several topics', () => {
  test('is "acknowledged" when the last topic has acknowledged it, and the disk is not used', async () => {
    const stage = await DeliveryStage.open();
    const { changes } = stage.disk.operations;
    const sent = await stage.postToAll(1, BOTH);
    await stage.time.advance(stage.producer.latencyMs);
    assert.deepEqual(
      [sent.outcome, sent.waitedMs],
      [{ kind: 'acknowledged', partition: -1, offset: -1 }, stage.producer.latencyMs],
    );
    await stage.emptied();
    for (const topic of BOTH) stage.assertKeptOnceInOrder(topic);
    assert.equal(stage.disk.operations.changes, changes);
  });

  test('is written once to a topic that is named twice, and needs a topic', async () => {
    const stage = await DeliveryStage.open();
    stage.sendToAll(1, [TOPIC, TOPIC]);
    stage.sendToAll(2, [TOPIC, OTHER, TOPIC]);
    await stage.emptied();
    assert.deepEqual([stage.written(), stage.written(OTHER)], [[1, 2], [2]]);
    assert.throws(() => stage.sendToAll(3, []), RangeError);
  });

  test('is "spooled" when one topic has it and the disk has it for the other', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(OTHER, 'unavailable');
    const sent = await stage.postToAll(1, BOTH);
    assert.equal(kindOf(sent), 'none', 'the first topic has not acknowledged it');
    await stage.time.advance(stage.producer.latencyMs);
    assert.equal(kindOf(sent), 'spooled');
    assert.deepEqual([stage.written(), stage.written(OTHER)], [[1], []]);
    stage.producer.set(OTHER, 'up');
    await stage.emptied();
    for (const topic of BOTH) stage.assertKeptOnceInOrder(topic);
  });

  test('waits for the slowest topic, and no longer than another event', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(OTHER, 'silent');
    const sent = await stage.postToAll(1, BOTH);
    await stage.time.until(() => sent.outcome !== undefined);
    assert.equal(kindOf(sent), 'spooled');
    assert.ok(sent.waitedMs >= 1000 && sent.waitedMs < 1000 + POLL_MS, `${sent.waitedMs} ms`);
    stage.producer.set(OTHER, 'up');
    await stage.emptied();
    for (const topic of BOTH) stage.assertKeptOnceInOrder(topic);
  });

  test('is in memory once, and on disk once', async () => {
    const stage = await DeliveryStage.open();
    for (const topic of BOTH) stage.producer.set(topic, 'silent');
    const size = 50_000;
    for (const n of [1, 2]) await stage.postToAll(n, BOTH, size);
    assert.equal(await stage.sample('queueBytes'), 2 * (heldOf(size) + RECORD_OVERHEAD_BYTES));
    await stage.time.advance(1000 + POLL_MS);
    assert.ok(stage.sent.every((sent) => kindOf(sent) === 'spooled'));
    const onDisk = [...stage.disk.contents().values()].reduce((sum, { length }) => sum + length, 0);
    assert.ok(onDisk > 2 * size && onDisk < 2.1 * size, `${onDisk} bytes`);
    for (const topic of BOTH) stage.producer.set(topic, 'up');
    await stage.emptied();
    for (const topic of BOTH) stage.assertKeptOnceInOrder(topic);
  });

  test('is written in few groups, also when events name the topics in another order', async () => {
    const stage = await DeliveryStage.open();
    for (const topic of BOTH) stage.producer.set(topic, 'unavailable');
    const { changes } = stage.disk.operations;
    for (let n = 0; n < 40; n++) stage.sendToAll(n, n % 2 === 0 ? BOTH : BOTH.toReversed());
    await stage.time.advance(ANSWER_MS);
    assert.ok(stage.sent.every((sent) => kindOf(sent) === 'spooled'));
    const used = stage.disk.operations.changes - changes;
    assert.ok(used < 40, `${used} changes of the disk for 40 events`);
    for (const topic of BOTH) stage.producer.set(topic, 'up');
    await stage.emptied();
    for (const topic of BOTH) stage.assertKeptOnceInOrder(topic);
  });

  test('keeps its order with the events for one topic, in both, across an outage and a restart', async () => {
    const stage = await DeliveryStage.open();
    const written = new Map<string, number[]>(BOTH.map((topic) => [topic, []]));
    for (let n = 0; n < 60; n++) {
      if (n === 10) stage.producer.set(OTHER, 'unavailable');
      if (n === 20) stage.producer.set(TOPIC, 'silent');
      if (n === 40) {
        for (const topic of BOTH) written.get(topic)?.push(...stage.written(topic));
        await stage.restart();
      }
      if (n % 3 === 0) stage.sendToAll(n, BOTH);
      else stage.send(n, { topic: n % 3 === 1 ? TOPIC : OTHER });
      await stage.time.advance(100);
    }
    await stage.emptied();
    assert.ok(stage.sent.every((sent) => isKept(sent.outcome)));
    for (const topic of BOTH) {
      const numbers = stage.sent
        .filter(({ topics }) => topics.includes(topic))
        .map(({ record }) => numberOf(record));
      assert.deepEqual([...(written.get(topic) ?? []), ...stage.written(topic)], numbers);
    }
  });
});

suite('what one of several topics never takes', () => {
  test('goes to the dead-letter topic with its reason once another topic has it', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.refuse(OTHER, 'INVALID_RECORD');
    const sent = stage.sendToAll(1, BOTH);
    await stage.emptied();
    assert.deepEqual(sent.outcome, { kind: 'spooled' }, 'the letter does not wait for Kafka');
    assert.deepEqual([stage.written(), stage.written(OTHER), stage.written(DEAD_LETTERS)], [[1], [], [1]]);
    const letter = stage.producer.written.find(({ topic }) => topic === DEAD_LETTERS);
    const headers = letter?.headers.map(({ name, value }) => [name.toString(), value.toString()]);
    assert.deepEqual(headers, [
      ['content-type', 'application/json'],
      ['dead-letter-topic', OTHER],
      ['dead-letter-reason', `topic ${OTHER} does not take it: INVALID_RECORD`],
    ]);
    assert.equal(stage.lines('one of several topics does not take an event').length, 1);
  });

  test('is on disk when the sender has its answer, although the dead-letter topic is silent', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.limit(OTHER, 50);
    stage.producer.set(DEAD_LETTERS, 'silent');
    stage.producer.latencyMs = 900;
    const sent = stage.sendToAll(1, BOTH);
    await stage.time.advance(900);
    assert.equal(kindOf(sent), 'spooled');
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(DEAD_LETTERS), [1]);
  });

  test('is parked when the dead-letter topic does not take it either', async () => {
    const stage = await DeliveryStage.open();
    for (const topic of [OTHER, DEAD_LETTERS]) stage.producer.limit(topic, 50);
    const [sent, letter] = [stage.sendToAll(1, BOTH), stage.sendToAll(2, [TOPIC, DEAD_LETTERS])];
    await stage.time.advance(20);
    assert.deepEqual([kindOf(sent), kindOf(letter)], ['spooled', 'spooled']);
    assert.deepEqual(
      stage.delivery.parked.map(({ topic, events }) => [topic, events]),
      [[DEAD_LETTERS, 2]],
    );
    assert.deepEqual(stage.written(), [1, 2]);
  });

  test('is parked, and counted as spooled, when the dead-letter topic refuses it before the disk has it', async () => {
    const stage = await DeliveryStage.open();
    for (const topic of [OTHER, DEAD_LETTERS]) stage.producer.limit(topic, 50);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    stage.disk.operations.hangs = promise;
    const sent = stage.sendToAll(1, BOTH);
    await stage.time.advance(3 * stage.producer.latencyMs);
    assert.equal(kindOf(sent), 'none');
    stage.disk.operations.hangs = undefined;
    resolve(undefined);
    await stage.time.settle();
    assert.equal(kindOf(sent), 'spooled');
    assert.deepEqual(
      stage.delivery.parked.map(({ topic, events }) => [topic, events]),
      [[OTHER, 1]],
    );
    assert.equal(await stage.sample('spooled'), 2, 'the letter that was on its way, and the parked event');
  });

  test('is refused when no topic takes it, and no dead letter is written', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.limit(OTHER, 50);
    stage.producer.refuse(TOPIC, 'INVALID_RECORD');
    const sent = stage.sendToAll(1, [OTHER, TOPIC]);
    await stage.emptied();
    assert.equal(sent.outcome?.kind, 'too-large');
    assert.deepEqual(stage.producer.written, []);
  });
});

suite('what cannot be kept now for one of several topics', () => {
  test('is not written to the others while the problem is known', async () => {
    const stage = await DeliveryStage.open({ spoolBytes: 1000 });
    stage.producer.set(OTHER, 'unavailable');
    const reason = 'Kafka is unavailable and the spool is full';
    const sent = await stage.postToAll(1, BOTH);
    assert.deepEqual([sent.outcome, sent.waitedMs], [{ kind: 'retriable', reason }, 0]);
    stage.producer.set(OTHER, 'up');
    await stage.emptied();
    assert.deepEqual(stage.producer.written, []);
    assert.equal(await stage.sample('duplicatesPossible'), 0);
  });

  test('is refused with the names of the topics that have it, and counts as a possible duplicate', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(OTHER, 'silent');
    const sent = await stage.postToAll(1, BOTH);
    stage.disk.capacity = 0;
    await stage.time.advance(ANSWER_MS);
    const reason = `Kafka is unavailable, and the disk is full; it is kept for ${TOPIC} already`;
    assert.deepEqual(sent.outcome, { kind: 'retriable', reason });
    assert.equal(await stage.sample('duplicatesPossible'), 2, 'one for each topic that may have it');
  });

  test('is refused as a whole while the memory is full', async () => {
    const stage = await DeliveryStage.open({ maxBytes: 5000 });
    stage.producer.set(TOPIC, 'silent');
    stage.send(1);
    const sent = await stage.postToAll(2, BOTH);
    const reason = 'too many events are waiting in memory';
    assert.deepEqual(sent.outcome, { kind: 'retriable', reason });
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(OTHER), []);
  });

  test('is answered before a stop ends, and is delivered by the next process', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(OTHER, 'silent');
    stage.producer.set(DEAD_LETTERS, 'silent');
    stage.producer.refuse(TOPIC, 'INVALID_RECORD');
    const sent = stage.sendToAll(1, BOTH);
    await stage.time.advance(stage.producer.latencyMs);
    await stage.restart();
    assert.equal(kindOf(sent), 'spooled');
    await stage.emptied();
    assert.deepEqual([stage.written(OTHER), stage.written(DEAD_LETTERS)], [[1], [1]]);
  });
});
