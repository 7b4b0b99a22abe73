/**
 * The record's key, as OpenLineage's own KafkaTransport makes it (`getMessageKey` in its Java client, contract section
 * 3): the job that is at the root of a run, so that all events of one pipeline run keep their order.
 */
import type { EventKind } from './event-schema.ts';
import { member } from './validation-error.ts';

export interface KeyParts {
  readonly kind: EventKind;
  readonly namespace: string;
  readonly name: string;
}

/** Those of the event's own job or dataset. */
export function ownPartsOf(kind: EventKind, event: unknown): KeyParts | undefined {
  return named(kind, member(event, kind === 'dataset' ? 'dataset' : 'job'));
}

/** The key parts of an event that has passed the check; `own` are those of its own job or dataset. */
export function keyPartsOf(kind: EventKind, event: unknown, own: KeyParts): KeyParts {
  if (kind !== 'run') return own;
  const parent = member(member(member(event, 'run'), 'facets'), 'parent');
  if (parent === undefined) return own;
  return named(kind, member(member(parent, 'root'), 'job')) ?? named(kind, member(parent, 'job')) ?? own;
}

/** `run:namespace/name`, `job:namespace/name`, `dataset:namespace/name`. */
export function formatKey({ kind, namespace, name }: KeyParts): string {
  return `${kind}:${namespace}/${name}`;
}

/** Level `core` does not look inside facets, so a parent without a usable job is passed over. */
function named(kind: EventKind, thing: unknown): KeyParts | undefined {
  const namespace = member(thing, 'namespace');
  const name = member(thing, 'name');
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
  return namespace.isWellFormed() && name.isWellFormed() ? { kind, namespace, name } : undefined;
}
