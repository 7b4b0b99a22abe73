/** Simulated days in `make test`: the same ones each time, and new ones. `make simulate` runs as many as there is time for. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runDay } from './day.ts';
import { planOf } from './plan.ts';

/** Milliseconds of the selection and of the new days: about a minute on two busy cores. */
const SELECTION_MS = 20_000;
const NEW_MS = 20_000;

async function assertGood(seed: number): Promise<void> {
  const { violations, trace } = await runDay(planOf(seed));
  const repeat = `node test/simulation/main.ts --seed ${seed}`;
  assert.deepEqual(violations, [], `Repeat with: ${repeat}\n${trace.join('\n')}`);
}

suite('in simulated days', () => {
  test('nothing is lost, doubled or reordered: a selection', async () => {
    const end = performance.now() + SELECTION_MS;
    for (let seed = 100_000; performance.now() < end; seed++) await assertGood(seed);
  });

  test('nothing is lost, doubled or reordered: new days', async () => {
    const end = performance.now() + NEW_MS;
    for (let seed = Math.floor(Math.random() * 2 ** 30); performance.now() < end; seed++)
      await assertGood(seed);
  });

  test('a seed gives the same day again', async () => {
    const days = [await runDay(planOf(7)), await runDay(planOf(7))];
    assert.deepEqual(days[0], days[1]);
  });
});
