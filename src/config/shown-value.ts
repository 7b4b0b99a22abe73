import { inspect } from 'node:util';

/** Characters of a value that a message repeats. */
const LONGEST_SHOWN = 120;

/** A value that a user wrote, for a message. */
export function shownValue(value: unknown): string {
  const whole = inspect(value, { breakLength: Infinity, depth: 2 });
  return whole.length > LONGEST_SHOWN ? `${whole.slice(0, LONGEST_SHOWN)}…` : whole;
}
