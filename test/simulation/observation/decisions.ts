/** What an operator heard of parked events is what has become of them. */
import type { DayPlan } from '../plan.ts';
import type { World } from '../world.ts';
import type { Committed } from './causes.ts';

/** Milliseconds in which a batch that was in flight at a drop, and may be written, is still on its way. */
const IN_FLIGHT_MS = 60_000;

export function judgeDecisions(
  world: World,
  { settings, faults }: DayPlan,
  committed: ReadonlyMap<string, readonly Committed[]>,
): void {
  // Marks are not synced, and a kill may come before they are written.
  const isCrashed = faults.some(({ kind }) => /kill|crash|power-cut|damaged/.test(kind));
  for (const { requestId, outcome, at } of world.decisions) {
    const places = committed.get(requestId) ?? [];
    const isIn = (isLetter: boolean) =>
      places.some(({ topic }) => (topic === settings.deadLetterTopic) === isLetter);
    // A round may take an event before the operator's turn comes.
    if (outcome === 'unknown' && !isCrashed && places.length === 0)
      world.violate(`${requestId} is parked, and an operator hears that it is not`);
    if (outcome === 'kafka' && !isIn(false))
      world.violate(`${requestId} is in its own topic, as an operator heard, and it is not there`);
    if (outcome === 'dead-letter' && !isIn(true))
      world.violate(`${requestId} is a dead letter, as an operator heard, and it is not there`);
    if (outcome === 'dropped' && !isCrashed && places.some((one) => one.at > at + IN_FLIGHT_MS))
      world.violate(`${requestId} is written after an operator has dropped it`);
  }
}
