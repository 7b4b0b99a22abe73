/** What `check-config` has found, one line for a person, one object for a script. The documentation lists the members. */
import { BrokerError } from '../../kafka/broker-error.ts';
import { errorText } from '../../support/error-text.ts';

/**
 * - `error`: the proxy does not start, or cannot do its work.
 * - `warning`: it works, but perhaps not as the operator expects.
 * - `ok`: this was asked, and it is good.
 */
export type Severity = 'error' | 'warning' | 'ok';

export interface Finding {
  readonly severity: Severity;
  /** The setting that is concerned, or the place of a wrong value. */
  readonly place: string;
  readonly message: string;
  /** What to do about it; undefined if the message says it. */
  readonly advice?: string | undefined;
}

export type Report = (finding: Finding) => void;

/** `error: kafka.bootstrap_servers: … What to do.` */
export function lineOf({ severity, place, message, advice }: Finding): string {
  return `${severity}: ${place}: ${message}${advice === undefined ? '' : `${message.endsWith('.') ? '' : '.'} ${advice}`}`;
}

/** What is wrong with brokers or tokens, for an operator: with addresses, and each text once. */
export function reasonOf(error: unknown): string {
  const text = errorText(error);
  const problem = error instanceof BrokerError ? error.problem : undefined;
  return problem === undefined || text.includes(problem) ? text : `${problem} (${text})`;
}
