/**
 * What Data.Rentgen's consumer puts aside: it writes such messages to its own topic for malformed messages. Taken from
 * `data_rentgen/consumer/subscribers.py` of version 0.7.2: each message that is not an `OpenLineageRunEvent`.
 */
import { BODY, SettledSearch, type Search } from '../levels/search.ts';
import { halfPairIn } from '../levels/half-pairs.ts';
import { member } from '../json.ts';
import { runEvent } from './data-rentgen-models.ts';
import { PydanticSearch } from './pydantic-search.ts';

const reasons = [
  'dataset_event',
  'dataset',
  'dataset_facet',
  'event_time',
  'event_type',
  'half_surrogate_pair',
  'job_event',
  'job',
  'job_facet',
  'parent',
  'run',
  'run_facet',
  'run_id',
] as const;

type Reason = (typeof reasons)[number];

export const dataRentgen = {
  name: 'data-rentgen',
  label: 'Data.Rentgen 0.7.2',
  reasons,
  search,
};

function search(event: unknown, bytes: Buffer): Search {
  const half = halfPairIn(bytes);
  if (half !== undefined) {
    return objection('half_surrogate_pair', 'Invalid JSON: half of a surrogate pair', 'json_invalid', {
      offset: half,
    });
  }
  if (member(event, 'run') === undefined) {
    const isDataset = (member(event, 'dataset') ?? null) !== null;
    const kind = isDataset ? 'dataset' : 'job';
    return objection(`${kind}_event`, `Input should be a run event, not a ${kind} event`, 'event_kind', {
      kind,
    });
  }
  return new PydanticSearch(runEvent, event, BODY, 'run' satisfies Reason);
}

function objection(
  reason: Reason,
  message: string,
  code: string,
  context: Readonly<Record<string, unknown>>,
): Search {
  return new SettledSearch([{ reason, location: ['body'], message, code, context, input: null }]);
}
