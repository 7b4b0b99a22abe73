/** Starts a Trino, creates a table in it, and stops it: `queries-of-trino.ts LAUNCHER ETC DATA PORT`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [launcher = '', etc = '', data = '', port = ''] = process.argv.slice(2);
const server = `http://127.0.0.1:${port}`;

/** The event of a query's end is sent after the answer to its user, and Trino says nothing of it. */
const LAST_EVENT_MS = 3000;

const trino = spawn(launcher, ['run', '--etc-dir', etc, '--data-dir', data], { stdio: ['ignore', 2, 2] });
try {
  // The first queries fail: no node has joined yet. Trino reports no SELECT by default, so these send no event.
  while ((await query('SELECT count(*) FROM tpch.tiny.nation')) !== 'FINISHED') await sleep(500);
  const state = await query(
    'CREATE TABLE memory.default.orders AS SELECT orderkey, totalprice FROM tpch.tiny.orders LIMIT 10',
  );
  if (state !== 'FINISHED') process.exitCode = 1;
  await sleep(LAST_EVENT_MS);
} finally {
  trino.kill();
  await once(trino, 'exit');
}

/** Runs a query to its end. Gives its state; undefined while no server answers. */
async function query(sql: string): Promise<string | undefined> {
  try {
    let answer = await ask(`${server}/v1/statement`, sql);
    while (answer.nextUri !== undefined) answer = await ask(answer.nextUri);
    return answer.stats?.state;
  } catch {
    if (trino.exitCode !== null) throw new Error('Trino has ended');
    return undefined;
  }
}

interface Answer {
  readonly nextUri?: string;
  readonly stats?: { readonly state: string };
}

async function ask(url: string, sql?: string): Promise<Answer> {
  const method = sql === undefined ? 'GET' : 'POST';
  const answer = await fetch(url, { method, body: sql ?? null, headers: { 'x-trino-user': 'compat' } });
  // Trino's own protocol: https://trino.io/docs/current/develop/client-protocol.html
  return (await answer.json()) as Answer; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
}
