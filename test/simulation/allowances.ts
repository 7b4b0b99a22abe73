/** What the faults of a day's plan allow: dead letters, duplicates, events that are lost on a damaged disk. */
import { errorCodeOf } from '../../src/kafka/error-code.ts';
import type { FaultKind, FaultPlan } from './faults.ts';
import { isRefusedRecord } from './faults/refused-records.ts';
import { parkedRefuses } from './faults/parked-faults.ts';
import { anyCodeOf } from './faults/topic-faults.ts';
import type { DayPlan } from './plan.ts';
import type { Post } from './sender.ts';
import type { World } from './world.ts';

/** The smallest event has more bytes than this. */
const SMALLEST_BYTES = 300;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Bytes. A request that is lost with fewer of them is not split (request-sizes.ts). */
export const SPLIT_BYTES = 64 * 1024;

/**
 * Faults after which a batch that is in a topic may be written again: the process is gone, the broker has forgotten the
 * producer or never accepts its batches again, a partition is gone.
 */
const REPEATING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...(['kill', 'power-cut', 'restart', 'kill-in-outage', 'power-cut-in-outage'] as const),
  ...([
    'restart-in-outage',
    'spool-damaged',
    'producers-forgotten',
    'producers-forgotten-in-flight',
  ] as const),
  ...(['topic-deleted', 'letters-deleted', 'letters-parked', 'partitions-added'] as const),
  ...(['operator-retries', 'operator-drops', 'marks-damaged'] as const),
  ...(['crash-at-disk', 'limit-lowered-in-flight', 'broker-behind'] as const),
  ...(['limit-lowered', 'records-refused', 'some-records-refused', 'any-code', 'letters-refused'] as const),
  ...(['codec-refused', 'clock-steps', 'clock-steps-in-outage'] as const),
]);

/** Is there a fault in the plan for which the main topic rightly never takes the event? */
export function mayBeDeadLetter({ faults }: DayPlan, { event, requestId }: Post): boolean {
  return faults.some((fault) => {
    switch (fault.kind) {
      case 'records-refused':
        return true;
      case 'any-code':
        return isFinal(fault);
      case 'limit-lowered':
      case 'limit-lowered-in-flight':
        return event.bytes.length > SMALLEST_BYTES;
      case 'some-records-refused':
        return isRefusedRecord(requestId);
      case 'letters-parked':
      case 'operator-retries':
      case 'operator-drops':
        return parkedRefuses(fault)(requestId);
      default:
        return false;
    }
  });
}

/** Faults with an effect that lasts: parked events are tried again, records keep a time of the day before. */
const LASTING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...(['letters-parked', 'operator-retries', 'operator-drops'] as const),
  ...(['clock-steps', 'clock-steps-in-outage'] as const),
]);

/** Milliseconds from a fault to the moment at which a batch that was in flight is committed, at most. */
const IN_FLIGHT_MS = 60_000;

/**
 * May an event of this sender be written twice, first and last at these moments of the monotonic clock? See the list in
 * docs/delivery.md, Duplicates.
 */
export function mayBeTwice(
  { episodes, processes }: World,
  { senders, settings }: DayPlan,
  sender: string,
  first: number,
  last: number,
): boolean {
  // A broker that becomes the leader does not know the producers of records that are older than a day.
  if (senders.some(({ name, ageMs }) => name === sender && ageMs >= DAY_MS)) return true;
  if (settings.maxBatchBytes >= SPLIT_BYTES && processes.some(({ client }) => client.lostLarge > 0))
    return true;
  return episodes.some(
    ({ kind, from, to }) =>
      REPEATING.has(kind) && from <= last && (LASTING.has(kind) || to >= first - IN_FLIGHT_MS),
  );
}

/**
 * Has a broker forgotten producers between these moments? It takes the first batch of a forgotten one again without a word: no
 * client can know.
 */
export function isForgotten({ episodes }: World, first: number, last: number): boolean {
  return episodes.some(
    ({ kind, from, to }) =>
      kind.startsWith('producers-forgotten') && from <= last && to >= first - IN_FLIGHT_MS,
  );
}

/** Has a fault changed the bytes or the mark of the event on disk, or has an operator dropped it? */
export function mayBeLost({ destroyed, decisions }: World, requestId: string): boolean {
  if (destroyed.includes(requestId)) return true;
  return decisions.some((one) => one.requestId === requestId && one.outcome === 'dropped');
}

/** Does the code of the fault say that the topic never takes a record? */
function isFinal(fault: FaultPlan): boolean {
  const { meaning } = errorCodeOf(anyCodeOf(fault));
  return meaning === 'never' || meaning === 'too-large';
}
