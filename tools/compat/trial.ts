/** What a thing that `make compat` tries is: a consumer, a client, a load balancer, a test tool. */
import type { Stage } from './stage.ts';

export const GROUPS = [
  'brokers',
  'consumers',
  'clients',
  'mistakes',
  'load-balancers',
  'schemathesis',
  'data-rentgen',
  'profiles',
] as const;
export type Group = (typeof GROUPS)[number];

export interface Trial {
  /** For `--only`. */
  readonly name: string;
  readonly group: Group;
  /** On the page. */
  readonly label: string;
  readonly version: () => string | Promise<string>;
  /** Installs it, once. @throws {NotHere} when it cannot be had on this machine. */
  readonly install: () => Promise<unknown>;
  readonly run: (stage: Stage) => Promise<Outcome>;
}

/** What a trial has shown. */
export interface Outcome {
  /** True when everything was as the documentation says. */
  readonly ok: boolean;
  /** The cells of its row, by the names of the columns of its group (page.ts). */
  readonly cells: Readonly<Record<string, string>>;
  /** What went wrong, for the terminal. */
  readonly problems: readonly string[];
}

/** The thing cannot be had on this machine. The page says so, and the run does not fail. */
export class NotHere extends Error {}
