/** Simulated days in `make test`: the same ones each time, and new ones. `make simulate` runs as many as there is time for. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runDay } from './day.ts';
import { planOf } from './plan.ts';
import { everything, selected, type Selection } from './shrink.ts';

/** Days of the selection, unless they take longer than this: about a minute on two busy cores with the new days. */
const SELECTED = 40;
const SELECTION_MS = 20_000;
const NEW_MS = 20_000;

/** Days that once failed, with the faults and senders that this needs. New kinds of faults do not change them. */
const FOUND: readonly (Selection & { readonly seed: number; readonly was: string })[] = [
  {
    seed: 100_127,
    faults: ['producers-forgotten-in-flight', 'limit-lowered'],
    senders: ['sender-1'],
    was: 'a read of the spool gives more events than a small memory has room for',
  },
  {
    seed: 700_051,
    faults: ['power-cut-in-outage-2'],
    senders: ['sender-1', 'sender-2', 'sender-3'],
    was: 'an event that the full spool has refused is on disk behind a later one',
  },
  {
    seed: 10_700_024,
    faults: ['clock-steps-2', 'network-cut-2', 'all-down-2'],
    senders: ['sender-1', 'sender-2', 'sender-4'],
    was: 'a clock that is set back a day hides possible duplicates',
  },
];

async function assertGood(
  seed: number,
  selection = everything(planOf(seed)),
  which: 'violations' | 'broken' = 'violations',
): Promise<void> {
  const { trace, ...found } = await runDay(selected(planOf(seed), selection));
  const { faults, senders } = selection;
  const repeat = `node test/simulation/main.ts --seed ${seed} --faults '${faults.join()}' --senders ${senders.join()}`;
  assert.deepEqual(found[which], [], `Repeat with: ${repeat}\n${trace.join('\n')}`);
}

suite('in simulated days', () => {
  for (const { was, seed, ...selection } of FOUND)
    test(`it is not so that ${was}`, () => assertGood(seed, selection));

  test('nothing is lost, doubled or reordered: a selection', async () => {
    const end = performance.now() + SELECTION_MS;
    for (let seed = 100_000; seed < 100_000 + SELECTED && performance.now() < end; seed++)
      await assertGood(seed);
  });

  // What the proxy says of itself on a new day is judged by `make simulate` alone, where a person reads the finding.
  test('nothing is lost, doubled or reordered: new days', async () => {
    const end = performance.now() + NEW_MS;
    for (let seed = Math.floor(Math.random() * 2 ** 30); performance.now() < end; seed++)
      await assertGood(seed, everything(planOf(seed)), 'broken');
  });

  test('a seed gives the same day again', async () => {
    const days = [await runDay(planOf(7)), await runDay(planOf(7))];
    assert.deepEqual(days[0], days[1]);
  });
});
