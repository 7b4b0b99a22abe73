// A real PostgreSQL with Data.Rentgen's tables, for the tests: Debian's package, which `make test` installs (below).
//
// - It listens on 127.0.0.1 and requires passwords. It starts in a second and needs 30 MB.
// - It refuses to run as root: for root it runs as the user `nobody`.
// - It ends with the process that started it, even when that is killed (leashed-process.ts).
// - Its log, each statement included, is postgres.log in its folder.
import { execFile, execFileSync } from 'node:child_process';
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { isExecutable } from './executable.ts';
import { lastLines, removeTemporaryFolder, temporaryFolder } from './kafka/folders.ts';
import { freePorts } from './kafka/ports.ts';
import { endsWithin, startLeashed, type LeashedProcess } from './leashed-process.ts';

const START_MS = 60_000;
const STOP_MS = 10_000;

/** Where Debian installs it, each version in a folder. */
const DEBIAN = '/usr/lib/postgresql';

/** Debian's `nobody` and `nogroup`. */
const NOBODY = { uid: 65_534, gid: 65_534 };

const PASSWORD = 'p@ss/word#1%';

/** As Data.Rentgen's migrations make them (data_rentgen/db/migrations). */
const DATA_RENTGEN_TABLES = `
create extension btree_gist;
create table "user" (id bigserial primary key, name varchar not null);
create unique index ix__user__name_lower on "user" (lower(name));
create table personal_token (
  id uuid not null constraint pk__personal_token primary key,
  user_id bigint not null constraint fk__personal_token__user_id__user references "user" (id) on delete cascade,
  name varchar(64) not null,
  scopes jsonb not null,
  since date not null,
  until date not null,
  revoked_at timestamptz,
  constraint uq__personal_token__user_id_since_until_name
    exclude using gist (user_id with =, daterange(since, until, '[]') with &&, name with =) where (revoked_at is null)
);`;

export interface PostgresOptions {
  /** Files (PEM) with which it offers TLS. */
  tls?: { readonly cert: string; readonly key: string };
  /** Whether it takes connections with TLS only. */
  tlsOnly?: boolean;
}

/** Starts a PostgreSQL, and resolves when it answers and has Data.Rentgen's tables. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const programs = findPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is missing: install it (Debian: postgresql).');
  const folder = temporaryFolder('http2kafka-postgres-');
  const user = process.getuid?.() === 0 ? NOBODY : undefined;
  if (user) chownSync(folder, user.uid, user.gid);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD);
  const data = join(folder, 'data');
  const owner = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const rest = ['--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C.UTF-8'];
  await promisify(execFile)(join(programs, 'initdb'), ['-D', data, ...owner, ...rest], {
    cwd: folder,
    ...user,
  });
  if (options.tls) copyTls(options.tls, folder, user);
  if (options.tlsOnly === true)
    writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
  const [port = 0] = await freePorts(1);
  const postgres = new Postgres({ programs, folder, user, port, tls: options.tls !== undefined });
  await postgres.start();
  await postgres.query('create database data_rentgen', [], 'postgres');
  await postgres.query(DATA_RENTGEN_TABLES);
  return postgres;
}

interface Place {
  readonly programs: string;
  readonly folder: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly port: number;
  readonly tls: boolean;
}

/** A PostgreSQL in a process of its own. */
export class Postgres {
  readonly port: number;
  /** As in Data.Rentgen's settings, with SQLAlchemy's driver. The password needs escaping. */
  readonly url: string;
  readonly #place: Place;
  #process: LeashedProcess | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.port = place.port;
    this.url = this.urlOf('postgres', PASSWORD);
  }

  /** The URL for another user, or with another password. */
  urlOf(user: string, password: string): string {
    return `postgresql+asyncpg://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/data_rentgen`;
  }

  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  get #logFile(): string {
    return join(this.#place.folder, 'postgres.log');
  }

  /** Starts it and resolves when it answers. Only for one that does not run. */
  async start(): Promise<void> {
    const { programs, folder, user, port, tls } = this.#place;
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 30,
      shared_buffers: '16MB',
      // Tests need no durability: no wait for the disk.
      fsync: 'off',
      log_statement: 'all',
      log_connections: 'on',
      ...(tls
        ? { ssl: 'on', ssl_cert_file: join(folder, 'cert.pem'), ssl_key_file: join(folder, 'key.pem') }
        : {}),
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#process = await startLeashed({
      command: [join(programs, 'postgres'), '-D', join(folder, 'data'), ...flags],
      folder,
      log: this.#logFile,
      remove: folder,
      user,
    });
    const end = Date.now() + START_MS;
    for (;;) {
      try {
        await this.query('select 1', [], 'postgres');
        return;
      } catch (error) {
        const { ending } = this.#process;
        if (ending === undefined && Date.now() < end) await sleep(20);
        else
          throw new Error(
            `PostgreSQL did not start (${ending ?? 'in time'}): ${await lastLines(this.#logFile)}`,
            {
              cause: error,
            },
          );
      }
    }
  }

  /** Runs a statement as its superuser, on a connection of its own. */
  async query(text: string, values: readonly unknown[] = [], database = 'data_rentgen'): Promise<unknown[]> {
    const connection = { host: '127.0.0.1', port: this.port, user: 'postgres', password: PASSWORD, database };
    const ssl = this.#place.tls ? { rejectUnauthorized: false } : false;
    const client = new pg.Client({ ...connection, ssl, connectionTimeoutMillis: 5000 });
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
      return rows;
    } finally {
      await client.end();
    }
  }

  /** Shuts it down with its connections, and removes its folder unless it will be started again. */
  async stop({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    this.thaw();
    // SIGINT is PostgreSQL's fast shutdown.
    this.#process?.signal('SIGINT');
    if (this.#process) await endsWithin(this.#process, STOP_MS);
    if (!keep) await removeTemporaryFolder(this.#place.folder);
  }

  /** Ends it at once (kill -9), with the processes that serve its connections, and keeps its folder. */
  async kill(): Promise<void> {
    this.#signalAll('SIGKILL');
    if (this.#process) await endsWithin(this.#process, 0);
  }

  /** Freezes its processes (SIGSTOP): connections stay open, answers do not come. */
  freeze(): void {
    this.#signalAll('SIGSTOP');
  }

  /** Lets frozen processes go on (SIGCONT). */
  thaw(): void {
    this.#signalAll('SIGCONT');
  }

  /** Stops it if it runs, and starts it again on the same port. */
  async restart(): Promise<void> {
    await this.stop({ keep: true });
    await this.start();
  }

  /** Signals all processes: each connection has one, in its own session. The first process goes first, so that it starts no more. */
  #signalAll(name: NodeJS.Signals): void {
    if (this.#process?.ending !== undefined || this.#process === undefined) return;
    const children = childrenOf(this.#process.pid);
    this.#process.signal(name);
    for (const pid of new Set([...children, ...childrenOf(this.#process.pid)])) {
      try {
        process.kill(pid, name);
      } catch {
        // The process has just ended.
      }
    }
  }
}

/** Children by /proc (proc(5)): the fourth field of `stat` is the parent. It follows a name with any characters. */
function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
    } catch {
      return false;
    }
  });
}

/** PostgreSQL reads a key file only when no other user can read it. */
function copyTls(tls: { cert: string; key: string }, folder: string, user: Place['user']): void {
  for (const [from, name] of [
    [tls.cert, 'cert.pem'],
    [tls.key, 'key.pem'],
  ] as const) {
    const to = join(folder, name);
    copyFileSync(from, to);
    execFileSync('chmod', ['600', to]);
    if (user) chownSync(to, user.uid, user.gid);
  }
}

/** The folder of the programs of the newest installed version. Undefined when there is none. */
function findPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const debian = versions.map((version) => join(DEBIAN, version, 'bin'));
  const path = (process.env['PATH'] ?? '').split(':');
  return [...path, ...debian].find((folder) =>
    ['initdb', 'postgres'].every((name) => isExecutable(join(folder, name))),
  );
}

if (import.meta.main && findPrograms() === undefined) {
  console.log("Installing Debian's PostgreSQL (once)");
  try {
    const apt = (...args: string[]) =>
      execFileSync('apt-get', ['-qq', ...args], {
        stdio: 'pipe',
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    // By default Debian's package creates a database for the machine, and starts it.
    const hook = '/etc/postgresql-common/createcluster.d/http2kafka.conf';
    mkdirSync(dirname(hook), { recursive: true });
    writeFileSync(hook, 'create_main_cluster = false\n');
    apt('update');
    apt('install', '-y', '--no-install-recommends', 'postgresql');
  } catch {
    console.error(
      'The tests of personal tokens need PostgreSQL: install it, so that initdb and postgres are on the PATH.',
    );
    process.exitCode = 1;
  }
}
