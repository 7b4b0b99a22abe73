/**
 * What the OpenLineage connector of OpenMetadata drops. Taken from `openmetadata-ingestion` 2.0.7,
 * `metadata/ingestion/source/pipeline/openlineage/`: `message_to_open_lineage_event` of `utils.py`, which raises for an
 * event without some members, and `_filter_event_by_types` of `metadata.py`.
 */
import { member } from '../json.ts';
import { excerpt } from '../validation-error.ts';
import { SettledSearch, type Objection, type Search } from '../levels/search.ts';

const reasons = [
  'event_type',
  'event_type_missing',
  'inputs_missing',
  'job',
  'outputs_missing',
  'run_missing',
] as const;

type Reason = (typeof reasons)[number];

/** The members that must be there, whatever they are: also null. */
const MEMBERS: readonly (readonly [reason: Reason, ...path: string[]])[] = [
  ['inputs_missing', 'inputs'],
  ['outputs_missing', 'outputs'],
  ['event_type_missing', 'eventType'],
  ['job', 'job', 'name'],
  ['job', 'job', 'namespace'],
  ['run_missing', 'run'],
];

const EVENT_TYPES: readonly unknown[] = ['COMPLETE', 'RUNNING', 'START'];
const EXPECTED = "'START', 'RUNNING' or 'COMPLETE'";

export const openMetadata = {
  name: 'openmetadata',
  label: 'OpenMetadata 2.0.7',
  reasons,
  search,
};

function search(event: unknown): Search {
  const objections: Objection[] = MEMBERS.filter(([, ...path]) => !has(event, path)).map(
    ([reason, ...path]) => ({
      reason,
      location: ['body', ...path],
      message: 'Field required',
      code: 'missing',
      context: {},
      input: excerpt(event),
    }),
  );
  const eventType = member(event, 'eventType');
  if (eventType !== undefined && !EVENT_TYPES.includes(eventType)) {
    objections.push({
      reason: 'event_type',
      location: ['body', 'eventType'],
      message: `Input should be ${EXPECTED}`,
      code: 'enum',
      context: { expected: EXPECTED },
      input: excerpt(eventType),
    });
  }
  return new SettledSearch(objections);
}

function has(event: unknown, path: readonly string[]): boolean {
  let value = event;
  for (const name of path) {
    value = member(value, name);
    if (value === undefined) return false;
  }
  return true;
}
