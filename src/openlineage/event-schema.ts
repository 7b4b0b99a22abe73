/**
 * OpenLineage's core events (specification 2-0-2, `OpenLineage.json`) as level `core` demands them: required fields,
 * types and formats of event, run, job and datasets, and facets that are objects. The check, the list of errors and the
 * OpenAPI document all come from this description. It accepts some deviations from the specification, because real
 * clients send them. `deviations.ts` counts them.
 */
import { Type, type TSchema } from 'typebox';
import Format from 'typebox/format';
import { parseEventTime } from './event-time.ts';

/** Any version, upper or lower case, with or without dashes. Trino sends version 3, old Python clients 4, others 7. */
const UUID = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

// TypeBox finds formats by their names in JSON Schema, so the OpenAPI document has the names of the specification.
Format.Set('uuid', (text) => UUID.test(text));
Format.Set('date-time', (text) => parseEventTime(text) !== undefined);
// UTF-8 cannot encode a lone surrogate. The record's key could not hold it. Some parsers of consumers refuse a text with
// it, and some replace it. So the check refuses it in each text that the schema names.
Format.Set('unicode', (text) => text.isWellFormed());

const text = (description: string, example: string) =>
  Type.String({ format: 'unicode', description, examples: [example] });

/**
 * A member that may be absent. `null` is accepted and means the same, because Marquez and dumps of pydantic models have
 * it. The specification has no `null`, so `deviations.ts` counts it.
 */
const optional = <Schema extends TSchema>(schema: Schema, description: string) =>
  Type.Optional(Type.Union([schema, Type.Null()], { description }));

const Facet = Type.Object({}, { description: 'A facet: an object with `_producer` and `_schemaURL`.' });

const facets = (of: string) =>
  optional(
    Type.Object({}, { additionalProperties: Type.Union([Facet, Type.Null()]) }),
    `Facets of the ${of}.`,
  );

const Run = Type.Object(
  {
    runId: Type.String({
      format: 'uuid',
      description: 'The globally unique id of the run.',
      examples: ['01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c'],
    }),
    facets: facets('run'),
  },
  { description: 'A run of a job.' },
);

const Job = Type.Object(
  {
    namespace: text('The namespace that the job belongs to.', 'my-scheduler'),
    name: text('The name of the job, unique within its namespace.', 'daily.orders'),
    facets: facets('job'),
  },
  { description: 'A job.' },
);

const dataset = {
  namespace: text('The namespace that the dataset belongs to.', 'postgres://db:5432'),
  name: text('The name of the dataset, unique within its namespace.', 'shop.public.orders'),
  facets: facets('dataset'),
};
const Dataset = Type.Object(dataset, { description: 'A dataset.' });
export const InputDataset = Type.Object(
  { ...dataset, inputFacets: facets('input') },
  { description: 'A dataset read.' },
);
export const OutputDataset = Type.Object(
  { ...dataset, outputFacets: facets('output') },
  { description: 'A dataset written.' },
);

const base = {
  eventTime: Type.String({
    format: 'date-time',
    description:
      'When the event happened. Without a zone it is taken as UTC. The id of a zone, such as `[Europe/Paris]`, may follow the offset.',
    examples: ['2026-11-22T10:15:30.123Z'],
  }),
  producer: text(
    'The code that made the event. It should be a URI; any text is accepted.',
    'https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python',
  ),
  schemaURL: optional(
    Type.String({
      format: 'unicode',
      examples: ['https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent'],
    }),
    'The version of the specification that the event follows. It should be a URI; any text is accepted.',
  ),
};
const datasets = {
  inputs: optional(Type.Array(InputDataset), 'The datasets read.'),
  outputs: optional(Type.Array(OutputDataset), 'The datasets written.'),
};

/** What may have happened to a run. */
export const eventTypes = ['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER'] as const;

export type EventType = (typeof eventTypes)[number];

export const RunEvent = Type.Object(
  {
    ...base,
    eventType: optional(Type.Enum(eventTypes), 'What happened to the run.'),
    run: Run,
    job: Job,
    ...datasets,
  },
  { description: 'A run event: a run started, goes on, or ended.' },
);
export const JobEvent = Type.Object(
  { ...base, job: Job, ...datasets },
  { description: 'A job event: what a job is, apart from any run.' },
);
export const DatasetEvent = Type.Object(
  { ...base, dataset: Dataset },
  { description: 'A dataset event: what a dataset is, apart from any run.' },
);

/** What level `routing` demands of an event: the fields that the timestamp and the key are made of. */
const { namespace, name } = Job.properties;
const Named = Type.Object({ namespace, name });
const RoutedJobEvent = Type.Object({ eventTime: base.eventTime, job: Named });
const RoutedDatasetEvent = Type.Object({ eventTime: base.eventTime, dataset: Named });

export type EventKind = 'run' | 'job' | 'dataset';
/** The levels that are a schema. `levels/level.ts` has all levels. */
export type SchemaLevel = 'routing' | 'core';

/** What each of these levels demands of each kind of event. */
export const eventSchemas = {
  core: { run: RunEvent, job: JobEvent, dataset: DatasetEvent },
  routing: { run: RoutedJobEvent, job: RoutedJobEvent, dataset: RoutedDatasetEvent },
} as const;
