/**
 * OpenLineage's naming rules for datasets: for each kind of store, the form of the namespace and of the name. Taken from
 * "Naming Conventions" of its documentation (November 2026). Forms are expressions without `^` and `$`.
 */

export interface StoreRule {
  readonly namespace: RegExp;
  readonly name: RegExp;
}

const HOST = '[^/:@\\s]+';
const HOST_AND_PORT = `${HOST}:\\d+`;

/** So many parts or more, with dots between: a name may have dots of its own. */
const parts = (count: number) => `[^.]+(?:\\.[^.]+){${count - 1},}`;
const ANY = '[^]+';

const rule = (namespace: string, name: string): StoreRule => ({
  namespace: new RegExp(`^${namespace}$`),
  name: new RegExp(`^${name}$`),
});
const server = (scheme: string, count: number) => rule(`${scheme}://${HOST_AND_PORT}`, parts(count));

/** By the scheme of the namespace: what is before its first colon, or all of it. */
export const storeRules: ReadonlyMap<string, StoreRule> = new Map([
  ['abfss', rule(`abfss://[^/@\\s]+@${HOST}\\.dfs\\.core\\.windows\\.net`, ANY)],
  ['arn', rule('arn:aws:glue:[a-z0-9-]+:\\d+', 'table/[^/]+/[^/]+')],
  ['awsathena', rule('awsathena://athena\\.[a-z0-9-]+\\.amazonaws\\.com', parts(3))],
  ['azurecosmos', rule(`azurecosmos://${HOST}/dbs/[^/]+`, 'colls/.+')],
  ['azurekusto', rule(`azurekusto://${HOST}\\.kusto\\.windows\\.net`, '[^/]+/[^/]+')],
  ['bigquery', rule('bigquery', parts(3))],
  ['box', rule(`box://${HOST_AND_PORT}/.+`, ANY)],
  ['cassandra', server('cassandra', 2)],
  ['crate', server('crate', 3)],
  ['db2', server('db2', 3)],
  ['dbfs', rule('dbfs://[^/\\s]+', ANY)],
  ['fabric-warehouse', rule(`fabric-warehouse://${HOST}(?::\\d+)?`, parts(3))],
  ['file', rule(`file(?:://${HOST})?`, ANY)],
  ['filenet', rule(`filenet://${HOST_AND_PORT}/.+`, ANY)],
  ['gs', rule('gs://[^/\\s]+', ANY)],
  ['hdfs', rule(`hdfs://${HOST_AND_PORT}`, ANY)],
  ['hive', server('hive', 2)],
  ['inmemory', rule('inmemory://', ANY)],
  ['kafka', rule(`kafka://${HOST_AND_PORT}`, ANY)],
  ['milvus', server('milvus', 2)],
  ['mssharepoint', rule(`mssharepoint://${HOST_AND_PORT}/.+`, ANY)],
  ['mssql', server('mssql', 3)],
  ['mysql', server('mysql', 2)],
  ['oceanbase', server('oceanbase', 2)],
  ['oracle', server('oracle', 3)],
  ['postgres', server('postgres', 3)],
  ['pubsub', rule('pubsub', '(?:topic|subscription):[^:]+:[^:]+')],
  ['redshift', rule(`redshift://[^/:.\\s]+\\.[^/:\\s]+:\\d+`, parts(3))],
  ['s3', rule('s3://[^/\\s]+', ANY)],
  ['snowflake', rule('snowflake://[^/:\\s]+', parts(3))],
  ['spanner', rule('spanner://[^/:\\s]+:[^/:\\s]+', parts(3))],
  ['sqlserver', server('sqlserver', 2)],
  ['teradata', server('teradata', 2)],
  ['trino', server('trino', 3)],
  ['unitycatalog', rule(`unitycatalog://${HOST}(?::\\d+)?`, parts(3))],
  ['wasbs', rule(`wasbs://[^/@\\s]+@${HOST}\\.dfs\\.core\\.windows\\.net`, ANY)],
]);
