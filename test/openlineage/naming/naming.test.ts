import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { namingDeviationOf, NamingSearch } from '../../../src/openlineage/naming/naming-search.ts';
import { storeRules } from '../../../src/openlineage/naming/stores.ts';
import { datasetEvent, runEvent } from '../events.ts';

const good: readonly (readonly [namespace: string, name: string])[] = [
  ['abfss://c@s.dfs.core.windows.net', '/a/b'],
  ['arn:aws:glue:eu-west-1:123456789012', 'table/db/t'],
  ['awsathena://athena.eu-west-1.amazonaws.com', 'c.d.t'],
  ['azurecosmos://h/dbs/d', 'colls/t'],
  ['azurekusto://h.kusto.windows.net', 'd/t'],
  ['bigquery', 'p.d.t'],
  ['box://h:443/1', 'key'],
  ['cassandra://h:9042', 'k.t'],
  ['crate://h:1', 'd.s.t'],
  ['db2://h:1', 'd.s.t'],
  ['dbfs://workspace', '/a'],
  ['fabric-warehouse://h', 'd.s.t'],
  ['file', '/tmp/a'],
  ['file://host', '/tmp/a'],
  ['filenet://h:1/r', 'key'],
  ['gs://bucket', 'a/b'],
  ['hdfs://n:8020', '/a'],
  ['hive://h:10000', 'd.t'],
  ['inmemory://', 'x'],
  ['kafka://b:9092', 'topic'],
  ['milvus://h:1', 'd.c'],
  ['mssharepoint://h:1/site', 'key'],
  ['mssql://h:1433', 'd.s.t'],
  ['mysql://h:3306', 'd.t'],
  ['oceanbase://h:1', 'd.t'],
  ['oracle://h:1521', 's.s.t'],
  ['postgres://db.example.org:5432', 'shop.public.orders'],
  ['pubsub', 'topic:p:t'],
  ['redshift://c.eu-west-1:5439', 'd.s.t'],
  ['s3://bucket', 'a/b'],
  ['snowflake://org-account', 'D.S.T'],
  ['spanner://p:i', 'd.s.t'],
  ['sqlserver://h:1433', 's.t'],
  ['teradata://h:1', 'd.t'],
  ['trino://h:8080', 'c.s.t'],
  ['unitycatalog://h', 'c.s.t'],
  ['wasbs://c@s.dfs.core.windows.net', 'a'],
];

suite('the naming rules for datasets', () => {
  test('take a good name of each kind of store', () => {
    for (const [namespace, name] of good) {
      assert.equal(namingDeviationOf({ namespace, name }), undefined, namespace);
    }
    const schemes = new Set(good.map(([namespace]) => namespace.split(':', 1)[0]));
    assert.deepEqual(
      [...storeRules.keys()].filter((scheme) => !schemes.has(scheme)),
      [],
    );
  });

  test('tell an unknown store from a namespace and a name of another form', () => {
    for (const [namespace, name, deviation] of [
      ['my-namespace', 'a', 'unknown_store'],
      ['duckdb:///a.db', 'a.b.c', 'unknown_store'],
      ['', 'a', 'unknown_store'],
      ['__proto__', 'a', 'unknown_store'],
      ['postgres://db', 'a.b.c', 'namespace_form'],
      ['s3://bucket/folder', 'a', 'namespace_form'],
      ['bigquery://host', 'a.b.c', 'namespace_form'],
      ['postgres://db:5432', 'public.orders', 'name_form'],
      ['postgres://db:5432', 'a..c', 'name_form'],
      ['s3://bucket', '', 'name_form'],
    ] as const) {
      assert.equal(namingDeviationOf({ namespace, name }), deviation, namespace);
    }
  });

  test('are searched in all datasets of an event, each kind once', () => {
    const inputs = Array.from({ length: 100 }, () => ({ namespace: 'bigquery', name: 'a' }));
    const outputs = [{ namespace: 'n', name: 'a' }, { namespace: 'bigquery', name: 'a.b.c' }, 7];
    const search = new NamingSearch(runEvent({ inputs, outputs }));
    assert.equal(search.advance(50), false);
    while (!search.advance(50));
    const first = {
      name_form: { namespace: 'bigquery', name: 'a' },
      unknown_store: { namespace: 'n', name: 'a' },
    };
    assert.deepEqual(Object.fromEntries(search.found), first);
    const dataset = new NamingSearch(datasetEvent());
    while (!dataset.advance(1));
    assert.deepEqual([...dataset.found.keys()], ['unknown_store']);
  });
});
