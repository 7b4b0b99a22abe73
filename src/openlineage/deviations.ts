/**
 * How an event that is valid at level `core` still deviates from the specification. A refusal would lose the event, so
 * the proxy only counts each deviation. The metrics show an operator which deviations the clients have.
 */
import { parseEventTime } from './event-time.ts';
import { member } from './json.ts';

export const deviationKinds = {
  schema_url_missing: 'no `schemaURL` (openlineage-python 0.20)',
  schema_url_not_uri: '`schemaURL` that is not a URI',
  producer_not_uri: '`producer` that is not a URI (StarRocks, SQLMesh, the tutorials of OpenLineage)',
  event_time_without_zone: '`eventTime` without a zone, taken as UTC (Python given `datetime.now()`)',
  event_time_form: '`eventTime` in an ISO 8601 form that is not RFC 3339',
  event_time_zone_id:
    '`eventTime` with the id of a zone behind its offset, which decides (Java `ZonedDateTime`)',
  run_id_form: '`runId` without dashes or in upper case',
  facet_base_missing: 'a facet without `_producer` or `_schemaURL` (Spark with the debug facet)',
  null_member: 'a member that may be absent is `null`, taken as absent (Marquez, pydantic)',
} as const;

export type Deviation = keyof typeof deviationKinds;

/** All of them, in their order. */
export const deviations: readonly Deviation[] = Object.keys(deviationKinds).filter(isDeviation);

function isDeviation(name: string): name is Deviation {
  return Object.hasOwn(deviationKinds, name);
}

const CANONICAL_UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A scheme and one character or more (RFC 3986 §3); no white space, no control characters. */
const URI = /^[a-z][a-z0-9+.-]*:[^\s\u0000-\u001f\u007f]+$/i;

/** The deviations of a valid event; each kind at most once. */
export function findDeviations(event: unknown): readonly Deviation[] {
  const found: Deviation[] = [];
  const schemaUrl = member(event, 'schemaURL');
  if (schemaUrl === undefined || schemaUrl === null) found.push('schema_url_missing');
  if (typeof schemaUrl === 'string' && !URI.test(schemaUrl)) found.push('schema_url_not_uri');
  const producer = member(event, 'producer');
  if (typeof producer === 'string' && !URI.test(producer)) found.push('producer_not_uri');
  const time = member(event, 'eventTime');
  const parsed = typeof time === 'string' ? parseEventTime(time) : undefined;
  if (parsed && !parsed.hasZone) found.push('event_time_without_zone');
  if (parsed && !parsed.isRfc3339) found.push('event_time_form');
  if (parsed?.hasZoneId) found.push('event_time_zone_id');
  const run = member(event, 'run');
  const runId = member(run, 'runId');
  if (typeof runId === 'string' && !CANONICAL_UUID.test(runId)) found.push('run_id_form');
  if (anyFacets(event, hasBareFacet)) found.push('facet_base_missing');
  if (hasNullMember(event)) found.push('null_member');
  return found;
}

/** True when the test is true of the facets of any part of the event. Facets may be undefined, or of any type. */
function anyFacets(event: unknown, test: (facets: unknown) => boolean): boolean {
  for (const part of ['run', 'job', 'dataset']) {
    if (test(member(member(event, part), 'facets'))) return true;
  }
  for (const side of ['inputs', 'outputs']) {
    const datasets = member(event, side);
    if (!Array.isArray(datasets)) continue;
    if (datasets.some((dataset) => anyFacetsOf(dataset, test))) return true;
  }
  return false;
}

function anyFacetsOf(dataset: unknown, test: (facets: unknown) => boolean): boolean {
  return ['facets', 'inputFacets', 'outputFacets'].some((facets) => test(member(dataset, facets)));
}

/** The deviations that an event has because of a dataset in its `inputs` or `outputs`. */
export function deviationsOfDataset(dataset: unknown): readonly Deviation[] {
  const found: Deviation[] = [];
  if (anyFacetsOf(dataset, hasBareFacet)) found.push('facet_base_missing');
  if (anyFacetsOf(dataset, areNull)) found.push('null_member');
  return found;
}

function hasBareFacet(facets: unknown): boolean {
  if (typeof facets !== 'object' || facets === null) return false;
  return Object.values(facets).some(
    (facet) =>
      facet !== null &&
      (typeof member(facet, '_producer') !== 'string' || typeof member(facet, '_schemaURL') !== 'string'),
  );
}

/** The members of an event that an event of some kind may leave out. */
const OPTIONAL = ['eventType', 'schemaURL', 'inputs', 'outputs', 'run', 'job', 'dataset'];

/** Of the contents of facets, only the root of the parent matters, because the key depends on it. */
function hasNullMember(event: unknown): boolean {
  if (OPTIONAL.some((name) => member(event, name) === null) || anyFacets(event, areNull)) return true;
  const parent = member(member(member(event, 'run'), 'facets'), 'parent');
  return member(parent, 'root') === null;
}

/** True when the facets are null, or one of them is. */
function areNull(facets: unknown): boolean {
  return facets === null || (typeof facets === 'object' && Object.values(facets).includes(null));
}
