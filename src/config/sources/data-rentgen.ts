/**
 * One `.env` file serves all of Data.Rentgen's programs, so most names under its prefix that are not ours are no
 * business of this program. But Data.Rentgen also takes a whole section as JSON in one variable: one of a section that
 * is ours may ask for protection, and to start without it would be unsafe.
 */
import { dataRentgenPrefix, isSectionName, settingName } from '../catalog.ts';
import type { Fault } from '../configuration-error.ts';
import { sectionMisused, type Variable } from './variables.ts';

/** What is to be done about names that are not ours. */
export interface ForeignVerdict {
  readonly faults: readonly Fault[];
  /** Names that are passed over. */
  readonly passedOver: readonly string[];
}

/** Judges the names under Data.Rentgen's prefix that are no settings of ours; of equal names the first counts. */
export function judgeForeign(variables: readonly Variable[]): ForeignVerdict {
  const byName = new Map<string, Variable>();
  for (const variable of variables) {
    const name = settingName(variable.name, dataRentgenPrefix) ?? variable.name;
    if (!byName.has(name)) byName.set(name, variable);
  }
  const misused = [...byName].filter(([name, { value }]) => isSectionName(name) && value !== '');
  const refused = new Set(misused.map(([, variable]) => variable));
  return {
    faults: misused.map(([name, { place }]) => ({ place, message: sectionMisused(name, dataRentgenPrefix) })),
    passedOver: [...byName.values()].filter((variable) => !refused.has(variable)).map(({ name }) => name),
  };
}

/** The one line that says what was passed over, or none. */
export function passedOverNotice(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return [`passed over, being no settings of http2kafka: ${[...new Set(names)].sort().join(', ')}`];
}
