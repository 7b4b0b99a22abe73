/**
 * What `make compat` installs, each in one pinned version. A newer version is a change here and a new run.
 *
 * Names are those of the registries: PyPI, npm, Maven Central. Debian's packages (haproxy, nginx) have the version of the machine.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kafka's, and that of its Java client: as the tests have it. */
export const kafka =
  /<kafka\.version>([\d.]+)</.exec(
    readFileSync(join(import.meta.dirname, '..', 'kafka', 'pom.xml'), 'utf8'),
  )?.[1] ?? 'unknown';

export const python = {
  'kafka-python': '3.0.12',
  aiokafka: '0.14.0',
  'confluent-kafka': '2.16.1',
  'openlineage-python': '1.54.0',
  'openlineage-dbt': '1.54.0',
  // dbt-core 2 downloads a part of itself from outside PyPI.
  'dbt-core': '1.11.16',
  'dbt-duckdb': '1.11.1',
  dlt: '1.31.0',
  'dlt-openlineage': '0.1.1',
  dagster: '1.13.29',
  'dagster-openlineage': '0.2.1',
  sqlmesh: '0.236.4',
  'sqlmesh-openlineage': '0.1.0',
  duckdb: '1.5.6',
  pyspark: '3.5.9',
  schemathesis: '4.32.5',
  // The hook of schemathesis that encodes bodies needs these.
  brotli: '1.2.1',
  zstandard: '0.25.0',
  'data-rentgen': '0.7.2',
  'openmetadata-ingestion': '2.0.7',
} as const;

export const npm = { kafkajs: '2.2.4' } as const;

export const maven = {
  'io.openlineage:openlineage-java': '1.55.0',
  'io.openlineage:openlineage-spark_2.12': '1.53.0',
  'io.trino:trino-server': '476',
  'io.debezium:debezium-connector-postgres': '3.6.1.Final',
} as const;

/** OpenLineage's Go client. The Go module proxy does not serve it everywhere, so the program can be built from a checkout, too. */
export const go = { 'github.com/OpenLineage/openlineage/client/go': 'v1.52.0' } as const;

export type PythonPackage = keyof typeof python;
export type MavenArtifact = keyof typeof maven;
