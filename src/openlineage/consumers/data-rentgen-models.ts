/**
 * The models of Data.Rentgen 0.7.2 (`data_rentgen/openlineage/`), which its consumer validates each message with. Only
 * what they name is here: the consumer passes over all other members.
 */
import {
  defaulted,
  dictOf,
  listOf,
  model,
  optional,
  recursiveModel,
  required,
  type PydanticType,
} from './pydantic-search.ts';
import { time } from './pydantic-time.ts';
import { boolean, integer, nonNegativeInteger, oneOf, text, uuid7 } from './pydantic-values.ts';
import { literalTexts } from './python/literal.ts';
import { pythonVersion } from './python/version.ts';

const texts = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, required(text)]));
const optionalTexts = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, optional(text)]));

const named = model(texts('namespace', 'name'));
const runId = model({ runId: required(uuid7) });
const description = model(texts('description'));

const tags = (...further: readonly string[]) =>
  model({
    tags: defaulted(listOf(model({ ...texts('key', 'value'), ...optionalTexts('source', ...further) }))),
  });

const fieldRef = model({
  ...texts('namespace', 'name', 'field'),
  transformations: defaulted(
    listOf(
      model({
        ...texts('type'),
        ...optionalTexts('subtype', 'description'),
        masking: defaulted(boolean),
      }),
    ),
  ),
});
const columnLineage = model({
  fields: defaulted(
    dictOf(
      model({
        inputFields: defaulted(listOf(fieldRef)),
        ...optionalTexts('transformationDescription', 'transformationType'),
      }),
    ),
  ),
  dataset: defaulted(listOf(fieldRef)),
});
const schemaField = recursiveModel((self) => ({
  ...texts('name'),
  ...optionalTexts('type', 'description'),
  fields: optional(listOf(self)),
}));
const datasetFacets = model({
  documentation: optional(description),
  lifecycleStateChange: optional(
    model({
      lifecycleStateChange: required(oneOf(['ALTER', 'CREATE', 'DROP', 'OVERWRITE', 'RENAME', 'TRUNCATE'])),
      previousIdentifier: optional(named),
    }),
  ),
  schema: optional(model({ fields: required(listOf(schemaField)) })),
  symlinks: optional(
    model({
      identifiers: required(
        listOf(model({ ...texts('namespace', 'name'), type: required(oneOf(['TABLE', 'LOCATION'])) })),
      ),
    }),
  ),
  columnLineage: optional(columnLineage),
  tags: optional(tags('field')),
});

const statistics = model(
  Object.fromEntries(['rowCount', 'size', 'fileCount'].map((name) => [name, optional(nonNegativeInteger)])),
);
const dataset = (facets: string, statisticsFacet: string) =>
  model({
    ...texts('namespace', 'name'),
    facets: defaulted(datasetFacets, 'dataset_facet'),
    [facets]: defaulted(model({ [statisticsFacet]: optional(statistics) }), 'dataset_facet'),
  });

const jobFacets = model({
  documentation: optional(description),
  jobType: optional(
    model({
      processingType: required(oneOf(['BATCH', 'STREAMING', 'NONE'])),
      ...texts('integration'),
      ...optionalTexts('jobType'),
    }),
  ),
  sql: optional(model(texts('query'))),
  tags: optional(tags()),
});

const dependencies = listOf(
  model({
    job: required(named),
    run: optional(runId),
    ...optionalTexts('dependency_type', 'sequence_trigger_rule', 'status_trigger_rule'),
  }),
);
const dag = model({ ...texts('dag_id'), ...optionalTexts('owner'), tags: defaulted(literalTexts) });
const dagRun = model({
  ...texts('run_id'),
  run_type: required(oneOf(['backfill', 'scheduled', 'manual', 'dataset_triggered'])),
  data_interval_start: required(time),
  data_interval_end: required(time),
});
const runFacets = model({
  parent: optional(
    model({
      job: required(named),
      run: required(runId),
      root: optional(model({ job: required(named), run: required(runId) })),
    }),
    'parent',
  ),
  processing_engine: optional(
    model({
      ...texts('name'),
      version: required(pythonVersion),
      openlineageAdapterVersion: optional(pythonVersion),
    }),
  ),
  tags: optional(tags()),
  nominalTime: optional(model({ nominalStartTime: optional(time), nominalEndTime: optional(time) })),
  jobDependencies: optional(
    model({
      upstream: defaulted(dependencies),
      downstream: defaulted(dependencies),
      ...optionalTexts('trigger_rule'),
    }),
  ),
  dataRentgen_run: optional(
    model({
      ...optionalTexts('external_id', 'attempt', 'running_log_url', 'persistent_log_url', 'started_by_user'),
      start_reason: optional(oneOf(['AUTOMATIC', 'MANUAL'], 'literal_error')),
    }),
  ),
  dataRentgen_operation: optional(
    model({ ...optionalTexts('name', 'description', 'group'), position: optional(integer) }),
  ),
  spark_applicationDetails: optional(
    model({
      ...texts('master', 'appName', 'applicationId', 'driverHost', 'userName'),
      deployMode: required(oneOf(['client', 'cluster'])),
      ...optionalTexts('uiWebUrl', 'proxyUrl', 'historyUrl'),
    }),
  ),
  spark_jobDetails: optional(
    model({ jobId: required(integer), ...optionalTexts('jobDescription', 'jobGroup', 'jobCallSite') }),
  ),
  airflow: optional(
    model({
      dag: required(dag),
      dagRun: required(dagRun),
      task: required(
        model({
          ...texts('task_id'),
          ...optionalTexts('operator_class'),
          task_group: optional(model(texts('group_id'))),
          downstream_task_ids: defaulted(literalTexts),
          upstream_task_ids: defaulted(literalTexts),
        }),
      ),
      taskInstance: required(
        model({
          try_number: required(integer),
          map_index: optional(integer),
          ...optionalTexts('log_url'),
        }),
      ),
    }),
  ),
  airflowDagRun: optional(model({ dag: required(dag), dagRun: required(dagRun) })),
  dbt_run: optional(model(texts('invocation_id'))),
  flink_job: optional(model(texts('jobId'))),
  hive_query: optional(model(texts('queryId', 'operationName'))),
  hive_session: optional(
    model({ ...texts('username', 'clientIp', 'sessionId'), creationTime: required(time) }),
  ),
  starrocks_session: optional(model({ ...texts('user', 'clientIp'), sessionId: required(uuid7) })),
});

const eventTypes = ['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER'];

/** `OpenLineageRunEvent`, the only kind of event that the consumer takes. */
export const runEvent: PydanticType = model({
  eventTime: required(time, 'event_time'),
  eventType: required(oneOf(eventTypes), 'event_type'),
  run: required(
    model({ runId: required(uuid7, 'run_id'), facets: defaulted(runFacets, 'run_facet') }),
    'run',
  ),
  job: required(model({ ...texts('namespace', 'name'), facets: defaulted(jobFacets, 'job_facet') }), 'job'),
  inputs: defaulted(listOf(dataset('inputFacets', 'inputStatistics')), 'dataset'),
  outputs: defaulted(listOf(dataset('outputFacets', 'outputStatistics')), 'dataset'),
});
