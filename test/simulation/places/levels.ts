/** Which events the levels take. Written down once more, so that a mistake in the program is not one here. */
import type { Consumer } from '../../../src/openlineage/consumers/consumer.ts';
import type { CheckLevel } from '../../../src/openlineage/levels/level.ts';
import type { EventContent, EventShape } from '../event-maker.ts';

interface Written {
  readonly shape: EventShape;
  readonly content: EventContent;
}

/** Levels that a day may have, beside `core`. */
export const LEVELS = ['routing', 'openmetadata', 'data-rentgen', 'strict'] as const;

/** Consumers that a day may foresee. */
export const CONSUMERS: readonly (readonly Consumer[])[] = [
  [],
  ['data-rentgen'],
  ['openmetadata', 'data-rentgen'],
];

/** Is an event valid at the level? */
export function isTaken({ shape, content }: Written, level: CheckLevel): boolean {
  if (shape === 'invalid') return false;
  const isRun = shape === 'run' || shape === 'child-run';
  switch (level) {
    case 'routing':
    case 'core':
      return true;
    case 'openmetadata':
      return isRun && content !== 'plain' && content !== 'untyped';
    case 'data-rentgen':
      return isRun && content !== 'untyped';
    case 'strict':
      return content !== 'bare-facet';
  }
}
