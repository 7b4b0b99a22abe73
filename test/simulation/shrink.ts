/** Shrinks the plan of a day that fails to the faults and senders that the failure needs. */
import { runDay, type DayResult } from './day.ts';
import type { DayPlan } from './plan.ts';

/** Which faults and senders of a seed's plan remain, by their names. Kinds that are added later do not change it. */
export interface Selection {
  readonly faults: readonly string[];
  readonly senders: readonly string[];
}

export function everything({ faults, senders }: DayPlan): Selection {
  return { faults: faults.map(({ name }) => name), senders: senders.map(({ name }) => name) };
}

/** The part of a plan that a selection keeps. */
export function selected(plan: DayPlan, selection: Selection): DayPlan {
  return {
    ...plan,
    faults: plan.faults.filter(({ name }) => selection.faults.includes(name)),
    senders: plan.senders.filter(({ name }) => selection.senders.includes(name)),
  };
}
/**
 * Leaves out one fault or sender after the other, as long as the day fails in the same way. Runs at most as many days
 * as the plan has faults and senders, twice.
 */
export async function shrink(plan: DayPlan, failed: DayResult): Promise<[Selection, DayResult]> {
  let selection = everything(plan);
  let result = failed;
  const kind = kindOf(failed);
  for (const part of ['faults', 'senders', 'faults'] as const) {
    for (const at of selection[part]) {
      const fewer = { ...selection, [part]: selection[part].filter((one) => one !== at) };
      const tried = await runDay(selected(plan, fewer));
      if (tried.violations.length === 0 || kindOf(tried) !== kind) continue;
      selection = fewer;
      result = tried;
    }
  }
  return [selection, result];
}

/** A violation without its names and numbers. */
function kindOf({ violations }: DayResult): string {
  return (violations[0] ?? '').replaceAll(/sender-[\d-]+|\d+/g, '').slice(0, 60);
}
