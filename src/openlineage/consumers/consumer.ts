/** The consumers that the proxy can foresee: what they do not take of the events that they read. */
import type { Search } from '../levels/search.ts';
import { dataRentgen } from './data-rentgen.ts';
import { openMetadata } from './openmetadata.ts';

/** What a consumer does not take, learned from its own source. */
export interface ConsumerProfile {
  /** Its name in settings and metrics. */
  readonly name: string;
  /** Its name for people, with the version that the profile is taken from. */
  readonly label: string;
  /** Why it does not take an event: the values of the label `reason`. */
  readonly reasons: readonly string[];
  /** Searches the value of a valid event for what the consumer objects to. `bytes` are its text. */
  search(event: unknown, bytes: Buffer): Search;
}

export const consumers = {
  'data-rentgen': dataRentgen,
  openmetadata: openMetadata,
} as const satisfies Readonly<Record<string, ConsumerProfile>>;

export type Consumer = keyof typeof consumers;

export const consumerNames: readonly Consumer[] = ['data-rentgen', 'openmetadata'];
