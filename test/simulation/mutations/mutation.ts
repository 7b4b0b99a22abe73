/** A way to break the core: a mistake that someone could make, or a defect that was mended. */

import type { FaultKind } from '../faults.ts';

export interface Edit {
  readonly file: string;
  /** Text of the file, found once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Days without a fault of this kind cannot show it, and are left out. */
  readonly needs?: FaultKind;
}

/** A mutation in one place. */
export function mutation(
  name: string,
  file: string,
  find: string,
  replace: string,
  needs?: FaultKind,
): Mutation {
  return { name, edits: [{ file, find, replace }], ...(needs && { needs }) };
}

/** The files that mutations change most. */
export const queue = 'src/delivery/topic-queue.ts';
export const partition = 'src/kafka/producer/partition-queue.ts';
export const segment = 'src/spool/segment.ts';
export const requests = 'src/kafka/producer/leader-requests.ts';
export const errorCodes = 'src/kafka/error-code.ts';
export const watch = 'src/kafka/cluster/cluster-watch.ts';
export const ingest = 'src/pipeline/ingest.ts';
export const routing = 'src/routing/routing.ts';
export const producer = 'src/kafka/producer/producer.ts';

/** The source with the mutation in it. Throws if a text is not there, or is there twice. */
export function edited(source: string, { file, find, replace }: Edit): string {
  if (source.split(find).length !== 2) throw new Error(`${file} does not contain once: ${find}`);
  return source.replace(find, () => replace);
}
