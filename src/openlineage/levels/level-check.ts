/** Holds an event that fits its schema to what a level demands beyond it. */
import { jobNamesOf, SLICE_BYTES } from '../full-check.ts';
import type { CheckedEvent, Verdict } from '../verdict.ts';
import { parseEvent, parseInSlices } from './event-value.ts';
import type { Demand } from './level.ts';
import { errorOf, type Search } from './search.ts';

/** Values that are searched before others have their turn: about two milliseconds. */
export const VALUES_A_SLICE = 8 * 1024;

/** Searches all of the event at once. */
export function judge(event: CheckedEvent, bytes: Buffer, demand: Demand): Verdict {
  const value = parseEvent(bytes);
  return verdictOf(event, value, searchAtOnce(demand.search(value, bytes)));
}

/** The same for an event of any size, in slices. */
export async function judgeInSlices(
  event: CheckedEvent,
  bytes: Buffer,
  demand: Demand,
  pause: () => Promise<void>,
): Promise<Verdict> {
  const value = await valueInSlices(bytes, pause);
  return verdictOf(event, value, await searchInSlices(demand.search(value, bytes), pause));
}

/** The value of a text of any size. */
export async function valueInSlices(bytes: Buffer, pause: () => Promise<void>): Promise<unknown> {
  const reading = parseInSlices(bytes, SLICE_BYTES);
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return value;
    await pause();
  }
}

export function searchAtOnce(search: Search): Search {
  while (!search.advance(VALUES_A_SLICE));
  return search;
}

export async function searchInSlices(search: Search, pause: () => Promise<void>): Promise<Search> {
  while (!search.advance(VALUES_A_SLICE)) await pause();
  return search;
}

function verdictOf(event: CheckedEvent, value: unknown, { objections }: Search): Verdict {
  if (objections.length === 0) return { path: 'full_check', event };
  return { path: 'full_check', kind: event.kind, errors: objections.map(errorOf), job: jobNamesOf(value) };
}
