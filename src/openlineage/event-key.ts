/**
 * The record's key, the same as that of OpenLineage's KafkaTransport (`getMessageKey` in its Java client). It names the
 * job at the root of a run, so that all events of one pipeline run keep their order.
 */
import type { EventKind } from './event-schema.ts';
import { member } from './json.ts';

export interface KeyParts {
  readonly kind: EventKind;
  readonly namespace: string;
  readonly name: string;
}

/** The key parts of the event's own job or dataset; undefined when they are not usable. */
export function ownPartsOf(kind: EventKind, event: unknown): KeyParts | undefined {
  return named(kind, member(event, kind === 'dataset' ? 'dataset' : 'job'));
}

/** The key parts of a valid event; `own` are those of its own job or dataset. */
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

/** Level `core` does not check the contents of facets, so a parent may have no usable job. Then it has no key parts. */
function named(kind: EventKind, thing: unknown): KeyParts | undefined {
  const namespace = member(thing, 'namespace');
  const name = member(thing, 'name');
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
  return namespace.isWellFormed() && name.isWellFormed() ? { kind, namespace, name } : undefined;
}
