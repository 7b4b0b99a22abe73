import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { CheckLevel } from '../../src/openlineage/levels/level.ts';
import { Foresight, type ForesightSettings } from '../../src/pipeline/foresight.ts';
import { BytePool } from '../../src/support/memory/byte-pool.ts';
import { Turns } from '../../src/support/turns.ts';
import { jobEvent, runEvent } from '../openlineage/events.ts';

const lists = { inputs: [], outputs: [] };
const bytesOf = (event: object) => Buffer.from(JSON.stringify(event));

/** A clock that goes on by `stepMs` at each reading. */
function clockOf(stepMs: number) {
  let now = 0;
  return { now: () => (now += stepMs) };
}

function foresightOf(settings: Partial<ForesightSettings> = {}, clock = clockOf(0)): Foresight {
  return new Foresight(
    { checkLevel: 'core', consumers: [], ...settings },
    new Turns({ setImmediate }),
    clock,
  );
}

suite('what is foreseen of events', () => {
  test('names each consumer that drops the event, with its first reason', async () => {
    const foresight = foresightOf({ consumers: ['data-rentgen', 'openmetadata'] });
    const found = await foresight.examine(bytesOf(jobEvent(lists)));
    assert.deepEqual(found?.drops, [
      { consumer: 'data-rentgen', reason: 'job_event' },
      { consumer: 'openmetadata', reason: 'event_type_missing' },
    ]);
    assert.deepEqual((await foresight.examine(bytesOf(runEvent(lists))))?.drops, []);
  });

  test('names the levels that would refuse the event', async () => {
    const refusing = async (checkLevel: CheckLevel, event: object) =>
      (await foresightOf({ checkLevel }).examine(bytesOf(event)))?.refusing;
    assert.deepEqual(await refusing('core', runEvent()), ['openmetadata']);
    assert.deepEqual(await refusing('data-rentgen', runEvent()), ['openmetadata']);
    assert.deepEqual(await refusing('core', runEvent(lists)), []);
    const broken = { eventTime: '2026-11-22T10:15:30Z', job: { namespace: 'a', name: 'b' } };
    assert.deepEqual((await refusing('routing', broken))?.slice(0, 3), [
      'core',
      'openmetadata',
      'data-rentgen',
    ]);
  });

  test('examines a large event in turns, and keeps its memory until then', async () => {
    const event = runEvent({ eventType: undefined, padding: 'x'.repeat(100_000) });
    const text = bytesOf(event);
    const pool = new BytePool(new ArrayBuffer(1024 * 1024), 0, 1024 * 1024, true);
    const block = pool.take(text.length);
    const body = block?.view(text.length);
    assert.ok(block && body);
    text.copy(body);
    const found = foresightOf({ consumers: ['data-rentgen'] }).examine(body);
    assert.ok(found instanceof Promise);
    // The event is answered.
    block.unpin();
    assert.deepEqual((await found).drops, [{ consumer: 'data-rentgen', reason: 'event_type' }]);
    assert.equal(pool.taken, 0);
  });

  test('examines for other levels only in a small share of the time, and for named consumers always', async () => {
    // An examination reads the clock three times, so it takes two thirds of the time.
    const foresight = foresightOf({ consumers: ['data-rentgen'] }, clockOf(10));
    let forLevels = 0;
    for (let count = 0; count < 2000; count++) {
      const found = await foresight.examine(bytesOf(runEvent()));
      assert.deepEqual(found?.consumers, ['data-rentgen']);
      if (found.forLevels) forLevels += 1;
    }
    assert.ok(forLevels > 2 && forLevels < 40, `${forLevels}`);
    const alone = foresightOf({}, clockOf(10));
    let skipped = 0;
    for (let count = 0; count < 2000; count++) if (!alone.examine(bytesOf(runEvent()))) skipped += 1;
    assert.ok(skipped > 1900 && skipped < 2000, `${skipped}`);
  });
});
