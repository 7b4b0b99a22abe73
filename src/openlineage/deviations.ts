/**
 * How an event that is valid at level `core` still deviates from the specification. A refusal would lose the event, so
 * the proxy only counts each deviation. The metrics show an operator which deviations the clients have.
 */
import { parseEventTime } from './event-time.ts';
import { member } from './json.ts';

export const deviationKinds = {
  schema_url_missing: 'no `schemaURL` (openlineage-python 0.20)',
  event_time_without_zone: '`eventTime` without a zone, taken as UTC (Python given `datetime.now()`)',
  event_time_form: '`eventTime` in an ISO 8601 form that is not RFC 3339',
  run_id_form: '`runId` without dashes or in upper case',
  facet_base_missing: 'a facet without `_producer` or `_schemaURL` (Spark with the debug facet)',
} as const;

export type Deviation = keyof typeof deviationKinds;

const CANONICAL_UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The deviations of a valid event; each kind at most once. */
export function findDeviations(event: unknown): readonly Deviation[] {
  const found: Deviation[] = [];
  if (member(event, 'schemaURL') === undefined) found.push('schema_url_missing');
  const time = member(event, 'eventTime');
  const parsed = typeof time === 'string' ? parseEventTime(time) : undefined;
  if (parsed && !parsed.hasZone) found.push('event_time_without_zone');
  if (parsed && !parsed.isRfc3339) found.push('event_time_form');
  const run = member(event, 'run');
  const runId = member(run, 'runId');
  if (typeof runId === 'string' && !CANONICAL_UUID.test(runId)) found.push('run_id_form');
  if (hasBareFacet(event)) found.push('facet_base_missing');
  return found;
}

function hasBareFacet(event: unknown): boolean {
  for (const part of ['run', 'job', 'dataset']) {
    if (anyBare(member(member(event, part), 'facets'))) return true;
  }
  for (const side of ['inputs', 'outputs']) {
    const datasets = member(event, side);
    if (!Array.isArray(datasets)) continue;
    for (const dataset of datasets) {
      for (const facets of ['facets', 'inputFacets', 'outputFacets']) {
        if (anyBare(member(dataset, facets))) return true;
      }
    }
  }
  return false;
}

function anyBare(facets: unknown): boolean {
  if (typeof facets !== 'object' || facets === null) return false;
  return Object.values(facets).some(
    (facet) =>
      typeof member(facet, '_producer') !== 'string' || typeof member(facet, '_schemaURL') !== 'string',
  );
}
