import assert from 'node:assert/strict';
import { checkEvent } from '../../../src/openlineage/check.ts';
import { parseEvent, parseInSlices } from '../../../src/openlineage/levels/event-value.ts';
import { consumers, type Consumer } from '../../../src/openlineage/consumers/consumer.ts';
import { SLICE_BYTES } from '../../../src/openlineage/full-check.ts';
import { member } from '../../../src/openlineage/json.ts';
import { checkLevels, demandOf } from '../../../src/openlineage/levels/level.ts';
import type { Objection } from '../../../src/openlineage/levels/search.ts';
import { namingDeviationOf, NamingSearch } from '../../../src/openlineage/naming/naming-search.ts';
import { Foresight } from '../../../src/pipeline/foresight.ts';
import { Turns } from '../../../src/support/turns.ts';
import type { Random } from '../random.ts';

const NAMES: readonly Consumer[] = ['data-rentgen', 'openmetadata'];

/** They have time for every event. */
const foresights = (['routing', 'core'] as const).map((checkLevel) => {
  const turns = new Turns({ setImmediate });
  return { checkLevel, foresight: new Foresight({ checkLevel, consumers: NAMES }, turns, { now: () => 0 }) };
});

/**
 * Holds the levels against each other, for any bytes: a level refuses what `core` refuses, and takes all else with the
 * same key, time and kind. It finds the same in slices of any size as at once. What is counted of an event is what the
 * levels and the consumers say. @throws {AssertionError} if they differ.
 */
export function assertLevelsAgree(bytes: Buffer, random: Random): void {
  const core = checkEvent(bytes, 'core').event;
  const isValid = core !== undefined;
  for (const level of checkLevels) {
    const demand = demandOf(level);
    if (!demand) continue;
    const verdict = checkEvent(bytes, level);
    if (!isValid) {
      assert.ok(verdict.errors, `${level} accepts what core refuses`);
      continue;
    }
    const atOnce = demand.search(parseEvent(bytes), bytes);
    while (!atOnce.advance(Number.POSITIVE_INFINITY));
    assert.equal(verdict.event === undefined, atOnce.objections.length > 0);
    if (verdict.event) assert.deepEqual(verdict.event, core, level);
    const inSlices = objectionsInSlices(bytes, demand, random);
    assert.deepEqual(inSlices, atOnce.objections, level);
  }
  const event: unknown = isValid ? parseEvent(bytes) : undefined;
  const naming = new NamingSearch(event);
  while (!naming.advance(1 + random.below(3)));
  assert.deepEqual(new Set(naming.found.keys()), namingOf(event));
  if (bytes.length <= SLICE_BYTES) assertForeseen(bytes);
}

/** What the proxy counts of an event that it takes is what each level and consumer would do with it. */
function assertForeseen(bytes: Buffer): void {
  for (const { checkLevel, foresight } of foresights) {
    if (!checkEvent(bytes, checkLevel).event) continue;
    const foreseen = foresight.examine(bytes);
    assert.ok(foreseen && !(foreseen instanceof Promise) && foreseen.forLevels);
    const refusing = checkLevels.filter((level) => checkEvent(bytes, level).errors);
    assert.deepEqual(foreseen.refusing, refusing, `counted at ${checkLevel}`);
    const value = parseEvent(bytes);
    const drops = NAMES.flatMap((consumer) => {
      const search = consumers[consumer].search(value, bytes);
      while (!search.advance(Number.POSITIVE_INFINITY));
      const [first] = search.objections;
      return first ? [{ consumer, reason: first.reason }] : [];
    });
    assert.deepEqual(foreseen.drops, drops);
  }
}

function namingOf(event: unknown): ReadonlySet<unknown> {
  const datasets = ['inputs', 'outputs'].flatMap((list) => {
    const items = member(event, list);
    return Array.isArray(items) ? Array.from<unknown>(items) : [];
  });
  const deviations = [...datasets, member(event, 'dataset')].map(namingDeviationOf);
  return new Set(deviations.filter((deviation) => deviation !== undefined));
}

function objectionsInSlices(
  bytes: Buffer,
  demand: NonNullable<ReturnType<typeof demandOf>>,
  random: Random,
): readonly Objection[] {
  const reading = parseInSlices(bytes, 1 + random.below(2000));
  let read = reading.next();
  while (read.done !== true) read = reading.next();
  const search = demand.search(read.value, bytes);
  while (!search.advance(1 + random.below(100)));
  return search.objections;
}
