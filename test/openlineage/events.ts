import { checkEvent } from '../../src/openlineage/check.ts';
import type { CheckLevel } from '../../src/openlineage/levels/level.ts';
import type { ValidationError } from '../../src/openlineage/validation-error.ts';
import { textsOf } from '../../src/openlineage/scanner.ts';
import type { CheckedEvent, EventTexts } from '../../src/openlineage/verdict.ts';

type Members = Readonly<Record<string, unknown>>;

const base = {
  eventTime: '2026-11-22T10:15:30.123Z',
  producer: 'https://example.com/producer',
  schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
};

/** A valid run event without a deviation. The given members are added or replace its own; undefined removes one. */
export function runEvent(members: Members = {}): Members {
  return {
    eventType: 'START',
    ...base,
    run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c' },
    job: { namespace: 'jobs', name: 'own' },
    ...members,
  };
}

export function jobEvent(members: Members = {}): Members {
  return { ...base, job: { namespace: 'jobs', name: 'own' }, ...members };
}

export function datasetEvent(members: Members = {}): Members {
  return { ...base, dataset: { namespace: 'data', name: 'set' }, ...members };
}

/** A run with these facets. */
export function runWith(facets: unknown): Members {
  return { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c', facets };
}

/** The validation errors of an event, given as bytes, as text or as a value; none when it is valid. */
export function errorsOf(
  event: Buffer | string | Members,
  level: CheckLevel = 'core',
): readonly ValidationError[] {
  return checkEvent(bytesOf(event), level).errors ?? [];
}

/** A checked event, with its texts in place of where they are. */
export type TakenEvent = Omit<CheckedEvent, Place | 'texts'> & { readonly texts: EventTexts };
type Place = 'nameAt' | 'nameEnd' | 'nameHasEscape' | 'runIdAt' | 'producerAt' | 'producerEnd';

/** The result of the check of an event; throws when the event is not valid. */
export function taken(event: Buffer | string | Members, level: CheckLevel = 'core'): TakenEvent {
  const bytes = bytesOf(event);
  const verdict = checkEvent(bytes, level);
  if (!verdict.event) throw new Error(JSON.stringify(verdict.errors));
  return withTexts(bytes, verdict.event);
}

/** What both ways of the check agree on: only the fast path knows where the texts are. */
export function withTexts(bytes: Buffer, event: CheckedEvent): TakenEvent {
  const { kind, key, namespace, time, deviations, type } = event;
  return { kind, key, namespace, time, deviations, type, texts: textsOf(bytes, event) };
}

function bytesOf(event: Buffer | string | Members): Buffer {
  if (Buffer.isBuffer(event)) return event;
  return Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
}
