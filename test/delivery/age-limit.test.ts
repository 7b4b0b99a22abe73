/** The age limit of the spool, spool.max_age, applies to each topic separately. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryStage, kindOf } from './delivery-stage.ts';

const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
const TOO_OLD = 'the oldest event in the spool is older than spool.max_age';

/** Two topics without Kafka. Only one has an event, and the event is now too old. */
async function withOldEvent(old: string): Promise<DeliveryStage> {
  const stage = await DeliveryStage.open({ topics: ['main', 'other'], spoolMaxAgeMs: DAY_MS });
  for (const topic of ['main', 'other']) stage.producer.set(topic, 'unavailable');
  assert.equal(kindOf(await stage.post(1, { topic: old })), 'spooled');
  stage.time.stepWall(DAY_MS + HOUR_MS);
  await stage.time.advance(100);
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
    assert.notEqual(kindOf(await stage.post(2, { topic: 'main' })), 'retriable');
    stage.producer.set('other', 'up');
    await stage.emptied();
    assert.deepEqual(stage.written('main'), [1, 2]);
    stage.producer.set('main', 'unavailable');
    assert.equal(kindOf(await stage.post(3, { topic: 'main' })), 'spooled');
  });

  test('is too old by the wall clock only, which gives its time of arrival', async () => {
    const stage = await DeliveryStage.open({ topics: ['main'], spoolMaxAgeMs: HOUR_MS });
    stage.producer.set('main', 'unavailable');
    await stage.post(1, { topic: 'main' });
    assert.equal(stage.delivery.statusOf('main').oldestSpooledAt, stage.time.wall.now());
    await stage.time.advance(HOUR_MS - 200);
    assert.equal(kindOf(await stage.post(2, { topic: 'main' })), 'spooled');
    await stage.time.advance(400);
    assert.equal(kindOf(await stage.post(3, { topic: 'main' })), 'retriable');
    stage.time.stepWall(-HOUR_MS / 2);
    await stage.time.advance(100);
    assert.equal(kindOf(await stage.post(4, { topic: 'main' })), 'spooled');
  });

  test('counts also if an earlier process wrote it', async () => {
    const stage = await withOldEvent('other');
    await stage.stop();
    await stage.start('unavailable');
    assert.equal(kindOf(await stage.post(2, { topic: 'other' })), 'retriable');
  });
});
