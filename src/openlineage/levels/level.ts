/** The levels of the check, and what each demands beyond the schemas of `event-schema.ts`. */
import { consumers, type ConsumerProfile } from '../consumers/consumer.ts';
import type { SchemaLevel } from '../event-schema.ts';
import { strictSearch } from '../strict/strict-search.ts';

/** From the weakest on. The last ones demand what `core` does and more, each in its own way. */
export const checkLevels = ['routing', 'core', 'openmetadata', 'data-rentgen', 'strict'] as const;

export type CheckLevel = (typeof checkLevels)[number];

/** What a level demands of an event that is valid at `core`. */
export type Demand = Pick<ConsumerProfile, 'search'>;

const demands: Readonly<Record<CheckLevel, Demand | undefined>> = {
  routing: undefined,
  core: undefined,
  ...consumers,
  strict: { search: strictSearch },
};

/** What the level demands beyond its schema; undefined if that is all. */
export function demandOf(level: CheckLevel): Demand | undefined {
  return demands[level];
}

/** The schema that an event must fit at the level. */
export function schemaLevelOf(level: CheckLevel): SchemaLevel {
  return level === 'routing' ? 'routing' : 'core';
}

/** The levels that may refuse an event that this one accepts. */
export function levelsBeyond(level: CheckLevel): readonly CheckLevel[] {
  return checkLevels.filter(
    (other) => other !== level && other !== 'routing' && !(other === 'core' && level !== 'routing'),
  );
}
