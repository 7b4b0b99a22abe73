/** Lets Data.Rentgen's consumer read what a proxy has written, and counts what it stores and what it puts aside. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines, temporaryFolder } from '../../kafka/folders.ts';
import { freePorts } from '../../kafka/ports.ts';
import { createTopic } from '../../kafka/topics.ts';
import { endsWithin, startLeashed, type LeashedProcess } from '../../leashed-process.ts';
import { startPostgres, type Postgres } from '../../postgres.ts';
import { startProxy } from '../../proxy.ts';
import { installPython, root } from '../install.ts';
import { runToEnd } from '../processes.ts';
import { awaitRecords, countOf } from '../topic.ts';
import type { Stage } from '../stage.ts';
import { NotHere, type Outcome, type Trial } from '../trial.ts';
import { python } from '../versions.ts';

const LIMIT_MS = 120_000;
/** It stops reading at SIGINT when it has stored what it is at. */
const STOP_MS = 20_000;
/** Python's dictConfig: it says at INFO how many messages it has read. */
const LOGGING = {
  version: 1,
  disable_existing_loggers: false,
  handlers: { main: { class: 'logging.StreamHandler' } },
  root: { level: 'INFO', handlers: ['main'] },
};
/** The years of the events' runs. Its tables have a partition for each. */
const YEARS = ['--start', '2000-01-01', '--end', '2040-01-01', '--granularity', 'year'];

// The consumer imports fastapi, which only the extra `server` brings.
const install = () =>
  installPython('data-rentgen', ['data-rentgen'], {
    oldest: [3, 12],
    extras: { 'data-rentgen': 'consumer,postgres,server' },
  });

export const dataRentgen: Trial = {
  name: 'data-rentgen',
  group: 'data-rentgen',
  label: 'data-rentgen[consumer]',
  version: () => python['data-rentgen'],
  install: () => install(),
  run: consume,
};

async function consume(stage: Stage): Promise<Outcome> {
  const interpreter = join(await install(), 'python');
  const broker = await stage.broker();
  const topic = `compat.data-rentgen.${Date.now()}`;
  const malformed = `${topic}.malformed`;
  for (const name of [topic, malformed]) await createTopic(broker.bootstrapServers, { name });
  const postgres = await startPostgres().catch((error: unknown) => {
    throw new NotHere(String(error));
  });
  try {
    const events = eventsOf(stage);
    const taken = await post(broker.bootstrapServers, topic, events);
    await awaitRecords(broker, topic, taken);
    const environment = await createTables(interpreter, postgres);
    const problem = await runConsumer(interpreter, taken, {
      ...environment,
      DATA_RENTGEN__LOGGING: JSON.stringify(LOGGING),
      DATA_RENTGEN__KAFKA__BOOTSTRAP_SERVERS: `["${broker.bootstrapServers}"]`,
      DATA_RENTGEN__CONSUMER__TOPICS_LIST: `["${topic}"]`,
      DATA_RENTGEN__CONSUMER__AUTO_OFFSET_RESET: 'earliest',
      DATA_RENTGEN__CONSUMER__GROUP_ID: topic,
      DATA_RENTGEN__PRODUCER__MALFORMED_TOPIC: malformed,
    });
    const [aside, runs, jobs] = [
      await countOf(broker, malformed),
      await rowsOf(postgres, 'run'),
      await rowsOf(postgres, 'job'),
    ];
    const problems = problem === undefined ? [] : [problem];
    if (taken !== events.length) problems.push(`the proxy took ${taken} of ${events.length} events`);
    if (runs === 0) problems.push('it has stored no run');
    return {
      ok: problems.length === 0,
      problems,
      cells: {
        events: `${taken}${stage.events === undefined ? '' : ', with those of a folder'}`,
        'put aside': `${aside}`,
        runs: `${runs}`,
        jobs: `${jobs}`,
      },
    };
  } finally {
    await postgres.stop();
  }
}

/** The events of the project's examples, and those of the folder that was named. */
function eventsOf(stage: Stage): readonly Buffer[] {
  const own = globSync(join(root, 'examples', '*', '*.json'));
  const further = stage.events === undefined ? [] : globSync(join(stage.events, '**', '*.json'));
  return [...own, ...further].sort().map((file) => readFileSync(file));
}

/** Posts the events to a proxy. Gives how many it took. */
async function post(bootstrapServers: string, topic: string, events: readonly Buffer[]): Promise<number> {
  const proxy = await startProxy({
    settings: { KAFKA__BOOTSTRAP_SERVERS: bootstrapServers, PRODUCER__MAIN_TOPIC: topic },
  });
  let taken = 0;
  try {
    await proxy.ready();
    for (const body of events) {
      const headers = { 'content-type': 'application/json', connection: 'close' };
      const sent = { method: 'POST', headers, body: new Uint8Array(body) };
      const { status } = await fetch(`${proxy.url}/v1/openlineage`, sent);
      if (status === 201) taken += 1;
    }
  } finally {
    await proxy.stop();
  }
  return taken;
}

/** Makes its tables in a database of its own, by its own migrations. Gives the settings for it. */
async function createTables(interpreter: string, postgres: Postgres): Promise<Record<string, string>> {
  await postgres.query('create database consumer', [], 'postgres');
  const env = {
    DATA_RENTGEN__DATABASE__URL: postgres.url.replace(/data_rentgen$/, 'consumer'),
  };
  const cwd = temporaryFolder('http2kafka-compat-data-rentgen-');
  for (const module of [
    ['data_rentgen.db.migrations', 'upgrade', 'head'],
    ['data_rentgen.db.scripts.create_partitions', ...YEARS],
  ]) {
    const { code, stderr } = await runToEnd({ command: [interpreter, '-m', ...module], cwd, env }, LIMIT_MS);
    if (code !== 0)
      throw new Error(`${module.join(' ')} ended with ${code ?? 'a time-out'}: ${stderr.slice(-2000)}`);
  }
  return env;
}

/** Runs it until it has read so many messages. Gives what went wrong. */
async function runConsumer(
  interpreter: string,
  messages: number,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const folder = temporaryFolder('http2kafka-compat-data-rentgen-');
  const log = join(folder, 'log');
  const [port = 0] = await freePorts(1);
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const listen = ['--host', '127.0.0.1', '--port', `${port}`];
  const consumer = await startLeashed({
    command: ['env', ...settings, interpreter, '-m', 'data_rentgen.consumer', ...listen],
    folder,
    log,
  });
  const deadline = performance.now() + LIMIT_MS;
  while (consumer.ending === undefined && performance.now() < deadline) {
    if (messagesIn(log) >= messages) {
      await finish(consumer);
      return undefined;
    }
    await sleep(200);
  }
  await finish(consumer);
  return `it has read ${messagesIn(log)} of ${messages} messages: ${await lastLines(log)}`;
}

function messagesIn(log: string): number {
  const counts = readFileSync(log, 'utf8').matchAll(/Got (\d+) messages/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function finish(consumer: LeashedProcess): Promise<void> {
  consumer.signal('SIGINT');
  return endsWithin(consumer, STOP_MS);
}

async function rowsOf(postgres: Postgres, table: string): Promise<number> {
  const [row] = await postgres.query(`select count(*)::int as rows from ${table}`, [], 'consumer');
  return row !== null && typeof row === 'object' && 'rows' in row ? Number(row.rows) : 0;
}
