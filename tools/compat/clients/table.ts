/**
 * The clients that `make compat` tries. Their settings and small programs are the code blocks of docs/clients.md, with the address
 * of the proxy replaced.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { adapt, documentedBlock, DOCUMENTED_ADDRESS } from '../documented-blocks.ts';
import { installJars, installed, installPython } from '../install.ts';
import type { Command } from '../processes.ts';
import { maven, python } from '../versions.ts';
import { goClient, installGoClient } from './go-client.ts';
import { installTrino, trinoCommand } from './trino.ts';
import type { Client } from './trial.ts';

const program = (name: string) => join(import.meta.dirname, 'programs', name);
const binary = (name: string, file: string) => join(installed, name, 'bin', file);

/** A block of docs/clients.md with the address of the recorder. */
function block(heading: string, language: string, url: string, index = 0): string {
  return adapt(documentedBlock('clients.md', heading, language, index), { [DOCUMENTED_ADDRESS]: url });
}

/** Sends with openlineage-python and the documented `openlineage.yml`. */
function pythonCommand(url: string, folder: string, type: string): Command {
  const settings = block('openlineage-python', 'yaml', url).replace('type: http\n', `type: ${type}\n`);
  writeFileSync(join(folder, 'openlineage.yml'), settings);
  return { command: [binary('openlineage-python', 'python'), program('send-with-python.py')] };
}

const installOpenLineagePython = async () => {
  // httpx is what async_http sends with.
  await installPython('openlineage-python', ['openlineage-python']);
};

export const clients: readonly Client[] = [
  {
    name: 'python',
    label: 'openlineage-python, `http`',
    version: python['openlineage-python'],
    install: installOpenLineagePython,
    events: 17,
    command: (url, folder) => pythonCommand(url, folder, 'http'),
  },
  {
    name: 'python-async',
    label: 'openlineage-python, `async_http`',
    version: python['openlineage-python'],
    install: installOpenLineagePython,
    events: 17,
    command: (url, folder) => pythonCommand(url, folder, 'async_http'),
  },
  {
    name: 'java',
    label: 'openlineage-java',
    version: maven['io.openlineage:openlineage-java'],
    install: () => installJars('openlineage-java', ['io.openlineage:openlineage-java']),
    events: 17,
    command: async (url, folder) => {
      writeFileSync(join(folder, 'openlineage.yml'), block('openlineage-java', 'yaml', url));
      const jars = await installJars('openlineage-java', ['io.openlineage:openlineage-java']);
      return { command: ['java', '-cp', jars, program('send-with-java.java')] };
    },
  },
  {
    name: 'spark',
    label: 'Spark, openlineage-spark_2.12',
    version: `${python.pyspark}, ${maven['io.openlineage:openlineage-spark_2.12']}`,
    install: async () => {
      await installPython('spark', ['pyspark']);
      await installJars('openlineage-spark', ['io.openlineage:openlineage-spark_2.12']);
    },
    // START and COMPLETE of the application, and those of the query.
    events: 4,
    command: async (url) => {
      const jars = await installJars('openlineage-spark', ['io.openlineage:openlineage-spark_2.12']);
      const documented = block('Spark', 'sh', url).matchAll(/--conf (\S+)/g);
      const settings = [...documented].flatMap(([, setting = '']) => ['--conf', setting]);
      const local = ['--master', 'local[1]', '--conf', 'spark.ui.enabled=false', '--driver-memory', '1g'];
      const submit = [binary('spark', 'spark-submit'), ...local, '--jars', jars.replaceAll(delimiter, ',')];
      return {
        command: [...submit, ...settings, program('job-of-spark.py')],
        env: { PYSPARK_PYTHON: binary('spark', 'python') },
      };
    },
  },
  {
    name: 'trino',
    label: 'Trino, its OpenLineage plugin',
    version: maven['io.trino:trino-server'],
    install: installTrino,
    // START and COMPLETE of the query.
    events: 2,
    command: trinoCommand,
  },
  {
    name: 'dbt',
    label: 'dbt-ol (openlineage-dbt; dbt-core, dbt-duckdb)',
    version: `${python['openlineage-dbt']}; ${python['dbt-core']}, ${python['dbt-duckdb']}`,
    install: async () => {
      await installPython('dbt', ['dbt-core', 'dbt-duckdb', 'openlineage-dbt', 'duckdb']);
    },
    // START and COMPLETE of the run and of each of the two models.
    events: 6,
    command: (url, folder) => {
      writeFileSync(
        join(folder, 'dbt_project.yml'),
        'name: compat\nversion: 1.0.0\nprofile: compat\nmodel-paths: [models]\n',
      );
      writeFileSync(
        join(folder, 'profiles.yml'),
        'compat:\n  target: dev\n  outputs:\n    dev: { type: duckdb, path: compat.duckdb }\n',
      );
      mkdirSync(join(folder, 'models'));
      writeFileSync(
        join(folder, 'models', 'orders.sql'),
        "{{ config(materialized='table') }} select 1 as id\n",
      );
      writeFileSync(
        join(folder, 'models', 'totals.sql'),
        "{{ config(materialized='table') }} select count(*) as n from {{ ref('orders') }}\n",
      );
      const documented = [...block('dbt', 'sh', url).matchAll(/export (\w+)=(\S+)/g)];
      const path = `${join(installed, 'dbt', 'bin')}${delimiter}${process.env['PATH'] ?? ''}`;
      return {
        command: [binary('dbt', 'dbt-ol'), 'run', '--profiles-dir', folder, '--project-dir', folder],
        env: {
          ...Object.fromEntries(
            documented.map(([, name = '', value = '']): [string, string] => [name, value]),
          ),
          PATH: path,
        },
      };
    },
  },
  {
    name: 'dlt',
    label: 'dlt, dlt-openlineage',
    version: `${python.dlt}, ${python['dlt-openlineage']}`,
    install: async () => {
      await installPython('dlt', ['dlt', 'dlt-openlineage', 'duckdb'], { extras: { dlt: 'duckdb' } });
    },
    events: 3,
    command: (url, folder) => {
      writeFileSync(join(folder, 'pipeline.py'), block('dlt', 'python', url));
      const env = { DLT_DATA_DIR: join(folder, 'dlt'), RUNTIME__DLTHUB_TELEMETRY: 'false' };
      return { command: [binary('dlt', 'python'), 'pipeline.py'], env };
    },
  },
  {
    name: 'dagster',
    label: 'Dagster, dagster-openlineage',
    version: `${python.dagster}, ${python['dagster-openlineage']}`,
    install: async () => {
      await installPython('dagster', ['dagster', 'dagster-openlineage', 'openlineage-python']);
    },
    events: 4,
    command: (url, folder) => {
      const settings = documentedBlock('clients.md', 'Dagster', 'yaml');
      const moved = adapt(settings, { '/var/lib/dagster': folder });
      writeFileSync(join(folder, 'dagster.yaml'), `${moved}telemetry:\n  enabled: false\n`);
      const [, name = '', value = ''] = /export (\w+)=(\S+)/.exec(block('Dagster', 'sh', url)) ?? [];
      return {
        command: [binary('dagster', 'python'), program('assets-of-dagster.py')],
        env: { DAGSTER_HOME: folder, [name]: value },
      };
    },
  },
  {
    name: 'sqlmesh',
    label: 'SQLMesh, sqlmesh-openlineage',
    version: `${python.sqlmesh}, ${python['sqlmesh-openlineage']}`,
    install: async () => {
      await installPython('sqlmesh', ['sqlmesh', 'sqlmesh-openlineage', 'duckdb', 'openlineage-python']);
    },
    // START and COMPLETE of each of the two models.
    events: 4,
    command: (url, folder) => {
      writeFileSync(join(folder, 'config.py'), block('SQLMesh', 'python', url));
      mkdirSync(join(folder, 'models'));
      writeFileSync(
        join(folder, 'models', 'orders.sql'),
        'MODEL (name shop.orders, kind FULL);\nSELECT 1 AS id;\n',
      );
      writeFileSync(
        join(folder, 'models', 'totals.sql'),
        'MODEL (name shop.totals, kind FULL);\nSELECT COUNT(*) AS n FROM shop.orders;\n',
      );
      return {
        command: [binary('sqlmesh', 'sqlmesh'), 'plan', '--auto-apply', '--no-prompts'],
        env: { SQLMESH__DISABLE_ANONYMIZED_ANALYTICS: 'true', MAX_FORK_WORKERS: '1' },
      };
    },
  },
  {
    name: 'go',
    label: "OpenLineage's Go client",
    version: goClient.version,
    install: installGoClient,
    events: 2,
    command: (url) => goClient.command(block('Go client', 'go', url)),
  },
];
