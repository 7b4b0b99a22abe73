/**
 * A validation error of an event. It has the shape of Data.Rentgen's answers, and its codes are pydantic's, which the
 * users of Data.Rentgen already know.
 */
import { printable } from '../support/printable.ts';

export interface ValidationError {
  /** The path from the body to the value: `["body", "run", "runId"]`. */
  readonly location: readonly (string | number)[];
  readonly message: string;
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** The value found, or the object that lacks the field; shortened when large. */
  readonly input: unknown;
}

/** More errors than these do not help the reader of a log line. */
const MAX_DESCRIBED = 5;

/**
 * The first five errors in one line, with the number of the others: for logs, dead letters and answers to batches. The
 * line has no value of the event, except the names of facets, which the sender chooses.
 */
export function describeErrors(errors: readonly ValidationError[]): string {
  const shown = errors
    .slice(0, MAX_DESCRIBED)
    .map(({ location, message }) => `${printable(location.join('.'))}: ${message}`);
  const more = errors.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
}
