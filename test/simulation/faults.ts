/** What can go wrong in a day. */
import { brokerFaults } from './faults/broker-faults.ts';
import type { Fault, FaultTimes } from './faults/fault.ts';
import { parkedFaults } from './faults/parked-faults.ts';
import { placeFaults } from './faults/place-faults.ts';
import { diskFaults, processFaults } from './faults/process-faults.ts';
import { topicFaults } from './faults/topic-faults.ts';

const table = {
  ...brokerFaults,
  ...topicFaults,
  ...parkedFaults,
  ...processFaults,
  ...diskFaults,
  ...placeFaults,
};

export type FaultKind = keyof typeof table;

/** A fault in the plan of a day. */
export interface FaultPlan extends FaultTimes {
  readonly kind: FaultKind;
  /** Its kind, with a number if it is not the first of its kind. */
  readonly name: string;
}

export const faults: Readonly<Record<FaultKind, Fault>> = table;

export const faultKinds = Object.keys(table).filter((name): name is FaultKind => name in table);

/** Faults of the disk or of the spool's space: a refusal is right while one lasts, and a little later. */
export const DISK_FAULTS: ReadonlySet<FaultKind> = new Set(faultKinds.filter((kind) => kind in diskFaults));
