/** The age limit of the spool, spool.max_age, applies to each topic separately. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryStage, kindOf } from './delivery-stage.ts';

const HOUR_MS = 3_600_000;
const MAX_AGE_MS = 60_000;
const TOO_OLD = 'the oldest event in the spool is older than spool.max_age';

/** Two topics without Kafka. Only one has an event, and the event is now too old. */
async function withOldEvent(old: string): Promise<DeliveryStage> {
  const stage = await DeliveryStage.open({ topics: ['main', 'other'], spoolMaxAgeMs: MAX_AGE_MS });
  for (const topic of ['main', 'other']) stage.producer.set(topic, 'unavailable');
  assert.equal(kindOf(await stage.post(1, { topic: old })), 'spooled');
  await stage.time.advance(MAX_AGE_MS + 100);
  return stage;
}

suite('an event in the spool that is too old', () => {
  for (const [old, young] of [
    ['main', 'other'],
    ['other', 'main'],
  ] as const) {
    test(`of the topic "${old}" makes the proxy refuse events of it, and none of "${young}"`, async () => {
      const stage = await withOldEvent(old);
      const refused = await stage.post(2, { topic: old });
      assert.deepEqual(refused.outcome, { kind: 'retriable', reason: TOO_OLD });
      assert.equal(kindOf(await stage.post(3, { topic: young })), 'spooled');
      assert.equal(stage.delivery.statusOf(old).problem, `Kafka is unavailable and ${TOO_OLD}`);
      assert.equal(stage.delivery.statusOf(young).problem, undefined);
      await stage.time.advance(10_000);
      for (const text of [TOO_OLD, 'events of a topic cannot be kept']) {
        const lines = stage.lines(text).filter(({ msg }) => msg.startsWith(text));
        assert.deepEqual(
          lines.map(({ topic }) => topic),
          [old],
        );
      }
    });
  }

  test('causes no refusal when Kafka is available again, and is delivered', async () => {
    const stage = await withOldEvent('main');
    stage.producer.set('main', 'up');
    // Until Kafka acknowledges the old event, it counts as unavailable.
    await stage.time.advance(50);
    assert.notEqual(kindOf(await stage.post(2, { topic: 'main' })), 'retriable');
    stage.producer.set('other', 'up');
    await stage.emptied();
    assert.deepEqual(stage.written('main'), [1, 2]);
    stage.producer.set('main', 'unavailable');
    assert.equal(kindOf(await stage.post(3, { topic: 'main' })), 'spooled');
  });

  test("is too old by the monotonic clock: the machine's clock may step back or forward", async () => {
    const stage = await DeliveryStage.open({ topics: ['main'], spoolMaxAgeMs: MAX_AGE_MS });
    stage.producer.set('main', 'unavailable');
    await stage.post(1, { topic: 'main' });
    const arrivedAt = stage.time.wall.now();
    stage.time.stepWall(HOUR_MS);
    await stage.time.advance(MAX_AGE_MS - 200);
    assert.equal(kindOf(await stage.post(2, { topic: 'main' })), 'spooled');
    assert.equal(await oldestSeconds(stage), (MAX_AGE_MS - 200) / 1000);
    stage.time.stepWall(-2 * HOUR_MS);
    await stage.time.advance(400);
    assert.equal(kindOf(await stage.post(3, { topic: 'main' })), 'retriable');
    assert.equal(await oldestSeconds(stage), (MAX_AGE_MS + 200) / 1000);
    assert.equal(stage.delivery.statusOf('main').oldestSpooledAt, arrivedAt);
  });

  test('of an earlier process has its age of the start, and never less than 0', async () => {
    const stage = await DeliveryStage.open({ topics: ['main'], spoolMaxAgeMs: MAX_AGE_MS });
    stage.producer.set('main', 'unavailable');
    await stage.post(1, { topic: 'main' });
    await stage.stop();
    stage.time.stepWall(MAX_AGE_MS / 2);
    await stage.start('unavailable');
    assert.ok((await oldestSeconds(stage)) >= MAX_AGE_MS / 2000);
    stage.time.stepWall(-HOUR_MS);
    await stage.time.advance(1000);
    assert.ok((await oldestSeconds(stage)) >= MAX_AGE_MS / 2000 + 1);
    await stage.stop();
    // The event is now from the future.
    await stage.start('unavailable');
    assert.ok((await oldestSeconds(stage)) < 1);
    await stage.time.advance(MAX_AGE_MS + 100);
    assert.equal(kindOf(await stage.post(2, { topic: 'main' })), 'retriable');
  });

  test('counts also if an earlier process wrote it', async () => {
    const stage = await withOldEvent('other');
    await stage.stop();
    await stage.start('unavailable');
    assert.equal(kindOf(await stage.post(2, { topic: 'other' })), 'retriable');
  });
});

/** The gauge of the age of the oldest event on disk, of the topic "main". */
async function oldestSeconds({ delivery, metrics }: DeliveryStage): Promise<number> {
  delivery.measure();
  const { values } = await metrics.spoolOldestSeconds.get();
  return values.find(({ labels }) => labels['topic'] === 'main')?.value ?? Number.NaN;
}
