import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runEvent } from '../openlineage/events.ts';
import { created } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';

/** Memory of bodies that is given back is overwritten. */
const POISONED = { NODE_DEBUG: 'http2kafka-memory' };

const SIZES = [15_000, 17_000, 66_000, 150_000, 400_000, 900_000];
const ROUNDS = 10;

/** Each event has its own number all over, so that bytes of another event show. */
function event(number: number, size: number): string {
  return JSON.stringify(runEvent({ padding: `<${number}>`.repeat(size).slice(0, size) }));
}

suite('large events', { timeout: 120_000 }, () => {
  const stage = useStage();

  test('that arrive together, again and again, are in Kafka byte for byte', async () => {
    const proxy = await stage.proxy({ environment: POISONED, topic: 'large' });
    const bodies = Array.from({ length: ROUNDS * SIZES.length }, (_, number) =>
      event(number, SIZES[number % SIZES.length] ?? 0),
    );
    for (const answer of await proxy.postAll(bodies, 12)) created(answer);
    const values = (await proxy.records()).map(({ value }) => value?.toString());
    assert.deepEqual(
      values.map((value) => bodies.indexOf(value ?? '')).sort((a, b) => a - b),
      bodies.map((_, index) => index),
    );
  });

  test('of batches are in Kafka byte for byte', async () => {
    const proxy = await stage.proxy({ environment: POISONED, topic: 'batches' });
    const bodies = Array.from({ length: 200 }, (_, number) => event(number, (number % 7) * 5000));
    const batches = Array.from({ length: 20 }, (_, batch) => bodies.slice(batch * 10, batch * 10 + 10));
    const posts = batches.map((elements) =>
      proxy.post(`[${elements.join(' , ')}]`, { path: '/api/v1/lineage/batch' }),
    );
    for (const answer of await Promise.all(posts)) assert.match(answer.text, /"failed":0/);
    const values = (await proxy.records()).map(({ value }) => value?.toString());
    assert.deepEqual(values.sort(), bodies.sort());
  });
});
