/** Events to hold the profiles of consumers against the consumers' own code: real ones, one with all that the consumers read, and mutations of them. */
import type { Random } from '../../../test/openlineage/random.ts';

const RUN = '019867d4-a411-75a5-8514-c46733ce4a42';
const TIME = '2026-01-01T00:00:00Z';
const job = { namespace: 'jobs', name: 'job' };
const dagRun = {
  run_id: 'r',
  run_type: 'manual',
  data_interval_start: TIME,
  data_interval_end: 1_700_000_000,
};
const tags = { tags: [{ key: 'k', value: 'v', source: 's' }] };

/** A run event with every member that Data.Rentgen's models name. */
export const fullEvent = {
  eventTime: TIME,
  eventType: 'START',
  producer: 'https://example.org/producer',
  schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
  run: {
    runId: RUN,
    facets: {
      parent: { job, run: { runId: RUN }, root: { job, run: { runId: RUN } } },
      processing_engine: { name: 'Spark', version: '3.5.1', openlineageAdapterVersion: '1.2' },
      tags,
      nominalTime: { nominalStartTime: TIME, nominalEndTime: '2026-01-01' },
      jobDependencies: {
        upstream: [{ job, run: { runId: RUN }, dependency_type: 'd', status_trigger_rule: 's' }],
        downstream: [{ job, sequence_trigger_rule: 's' }],
        trigger_rule: 't',
      },
      dataRentgen_run: { external_id: 'e', attempt: '1', start_reason: 'MANUAL', started_by_user: 'u' },
      dataRentgen_operation: { name: 'n', description: 'd', group: 'g', position: 1 },
      spark_applicationDetails: {
        ...{ master: 'm', appName: 'a', applicationId: 'i', deployMode: 'client', driverHost: 'h' },
        ...{ userName: 'u', uiWebUrl: 'w', proxyUrl: null, historyUrl: 'h' },
      },
      spark_jobDetails: { jobId: 1, jobDescription: 'd', jobGroup: 'g', jobCallSite: 'c' },
      airflow: {
        dag: { dag_id: 'd', owner: 'o', tags: ['t'] },
        dagRun,
        task: {
          ...{ task_id: 't', operator_class: 'o', task_group: { group_id: 'g' } },
          ...{ downstream_task_ids: "['a', 'b']", upstream_task_ids: [] },
        },
        taskInstance: { try_number: 1, map_index: -1, log_url: 'l' },
      },
      airflowDagRun: { dag: { dag_id: 'd', tags: '[]' }, dagRun },
      dbt_run: { invocation_id: 'i' },
      flink_job: { jobId: 'j' },
      hive_query: { queryId: 'q', operationName: 'o' },
      hive_session: { username: 'u', clientIp: 'i', sessionId: 's', creationTime: TIME },
      starrocks_session: { user: 'u', clientIp: 'i', sessionId: RUN },
    },
  },
  job: {
    ...job,
    facets: {
      documentation: { description: 'd' },
      jobType: { processingType: 'BATCH', integration: 'SPARK', jobType: 'j' },
      sql: { query: 'q' },
      tags,
    },
  },
  inputs: [
    {
      namespace: 'n',
      name: 'n',
      facets: {
        documentation: { description: 'd' },
        lifecycleStateChange: {
          lifecycleStateChange: 'DROP',
          previousIdentifier: { namespace: 'n', name: 'n' },
        },
        schema: {
          fields: [{ name: 'n', type: 't', description: 'd', fields: [{ name: 'n', fields: [] }] }],
        },
        symlinks: { identifiers: [{ namespace: 'n', name: 'n', type: 'TABLE' }] },
        tags: { tags: [{ key: 'k', value: 'v', field: 'f' }] },
      },
      inputFacets: { inputStatistics: { rowCount: 1, size: '2', fileCount: 3 } },
    },
  ],
  outputs: [
    {
      namespace: 'n',
      name: 'n',
      facets: {
        columnLineage: {
          fields: {
            a: {
              inputFields: [
                {
                  ...{ namespace: 'n', name: 'n', field: 'f' },
                  transformations: [{ type: 'DIRECT', subtype: 's', description: 'd', masking: true }],
                },
              ],
              transformationDescription: 'd',
              transformationType: 't',
            },
          },
          dataset: [{ namespace: 'n', name: 'n', field: 'f' }],
        },
      },
      outputFacets: { outputStatistics: { rowCount: 1 } },
    },
  ],
};

/** Values that pydantic converts, and values that it does not take. */
const strange: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 1.5, 1e30, -1e19, [], {}, ['a'], [1], [null], [{}], [[]], { a: 1 }],
  ...['', 'x', '1', ' 1 ', '1_000', '1.0', '-1', 'true', 'On', '\ud800', 'é'],
  ...['2026-01-01', TIME, '2026-01-01 00:00', '2026-01-01T00:00:00.5+0200', '1700000000', 1_700_000_000],
  ...[
    '2026-02-30',
    '0000-01-01T00:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00Z[Europe/Paris]',
    1e15,
  ],
  ...[RUN, '019867D4A41175A58514C46733CE4A42', `{${RUN}}`, `urn:uuid:${RUN}`],
  ...['019867d4-a411-45a5-8514-c46733ce4a42', '019867d4-a411-75a5-c514-c46733ce4a42'],
  ...['START', 'FAIL', 'DONE', 'MANUAL', 'manual', 'TABLE', 'client', 'NONE', 'RENAME'],
  ...['3.5.1-amzn-0', '3.5-SNAPSHOT', '476', 'v1.0rc1', '1.0+local.2', '1..0'],
  ...["['a']", '["a", \'b\']', '[]', '', 'daily', 'a b', 'a,b', "('a',)", '[1]', 'None', "{'a'}", "['a'"],
];

/** A copy with one to three members removed or given another value. */
export function mutated(event: unknown, random: Random): unknown {
  const copy: unknown = structuredClone(event);
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const container = random.of(containersOf(copy));
    const names = Object.keys(container);
    const name = names.length > 0 ? random.of(names) : 'facets';
    if (random.below(4) === 0 && !Array.isArray(container)) Reflect.deleteProperty(container, name);
    else Reflect.set(container, name, structuredClone(random.of(strange)));
  }
  return copy;
}

function containersOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(containersOf)];
}
