/** What the faults of a day's plan allow: dead letters, and events that are lost on a damaged disk. */
import { errorCodeOf } from '../../src/kafka/error-code.ts';
import type { FaultPlan } from './faults.ts';
import { isRefusedRecord } from './faults/refused-records.ts';
import { parkedRefuses } from './faults/parked-faults.ts';
import { anyCodeOf } from './faults/topic-faults.ts';
import type { DayPlan } from './plan.ts';
import type { Post } from './sender.ts';
import type { World } from './world.ts';

/** The smallest event has more bytes than this. */
const SMALLEST_BYTES = 300;

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
