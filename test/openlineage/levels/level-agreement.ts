import assert from 'node:assert/strict';
import { checkEvent } from '../../../src/openlineage/check.ts';
import { parseEvent, parseInSlices } from '../../../src/openlineage/levels/event-value.ts';
import { checkLevels, demandOf } from '../../../src/openlineage/levels/level.ts';
import type { Objection } from '../../../src/openlineage/levels/search.ts';
import { NamingSearch } from '../../../src/openlineage/naming/naming-search.ts';
import type { Random } from '../random.ts';

/**
 * Holds the levels against each other, for any bytes: a level refuses what `core` refuses, and finds the same in slices
 * of any size as at once. @throws {AssertionError} if they differ.
 */
export function assertLevelsAgree(bytes: Buffer, random: Random): void {
  const isValid = checkEvent(bytes, 'core').event !== undefined;
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
    const inSlices = objectionsInSlices(bytes, demand, random);
    assert.deepEqual(inSlices, atOnce.objections, level);
  }
  const naming = new NamingSearch(isValid ? parseEvent(bytes) : undefined);
  while (!naming.advance(1 + random.below(3)));
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
