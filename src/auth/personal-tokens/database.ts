/**
 * Data.Rentgen's PostgreSQL, asked with limits on time. The only file that knows the client `pg`; it is loaded only where
 * there is a database to ask.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { codeOf, isWithoutTls } from './database-problem.ts';

/** Milliseconds to connect, TLS and password included, and for one answer. Who waits for it may give up sooner. */
const CONNECT_MS = 800;
const QUERY_MS = 500;

/** A token is asked for once in `cache_ttl_seconds`, so few are busy at once. */
const CONNECTIONS = 4;

/** Milliseconds that an unused connection is kept: shorter than firewalls forget one. */
const IDLE_MS = 60_000;

/** Where the database is, as whom it is asked, and how much TLS there has to be (libpq's `sslmode`). */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: {
    readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
}

export class Database {
  readonly #address: DatabaseAddress;
  readonly #lost: (error: Error) => void;
  #pool: pg.Pool;
  /** Whether to go on without TLS where the server has none. */
  #tlsIsOptional: boolean;

  /**
   * Connects when it is first asked. `lost` is told when a connection that nobody uses breaks.
   * @throws when a certificate that the address names cannot be read.
   */
  constructor(address: DatabaseAddress, lost: (error: Error) => void = () => undefined) {
    this.#address = address;
    this.#lost = lost;
    const isSocket = address.host.startsWith('/');
    this.#tlsIsOptional = address.tls.mode === 'prefer' && !isSocket;
    this.#pool = this.#open(isSocket ? false : tlsOptions(address.tls));
  }

  /** Runs one statement. Rejects with what `pg`, the server or the network has to say: for the log, not for senders. */
  async query(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const pool = this.#pool;
    try {
      return await this.#run(pool, text, values);
    } catch (error) {
      if (this.#tlsIsOptional && isWithoutTls(error)) {
        // The other pool has no connection to close, and whoever waits in it comes here as well.
        if (pool === this.#pool) this.#pool = this.#open(false);
      } else if (!isBroken(error)) throw error;
      // A connection that a restart of the server or a proxy between has closed; a new one may do.
      return this.#run(this.#pool, text, values);
    }
  }

  /** Closes its connections, when what is under way has ended. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  /**
   * Parameters go apart from the text. The statement has no name: one with a name would live in one connection of the
   * server, which is another one for each transaction behind PgBouncer.
   */
  #run(pool: pg.Pool, text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    return pool.query(text, [...values]);
  }

  #open(ssl: false | ConnectionOptions): pg.Pool {
    const { host, port, user, password, database } = this.#address;
    const pool = new pg.Pool({
      host,
      port,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
      ...(database === undefined ? {} : { database }),
      ssl,
      application_name: 'http2kafka',
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
    });
    // Without a listener it would end the process.
    pool.on('error', (error) => this.#lost(error));
    return pool;
  }
}

/** Did the connection break under the question? A time limit is no reason to ask again: nobody would wait for the answer. */
function isBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  // 57P01: the administrator has ended the connection. 26000: a pooler has no such statement.
  return (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    code === '57P01' ||
    code === '26000' ||
    error.message === 'Connection terminated unexpectedly'
  );
}

/** libpq's meaning of `sslmode`: below `verify-ca` it keeps out who listens, not who pretends to be the server. */
function tlsOptions({ mode, caFile, certFile, keyFile }: DatabaseAddress['tls']): false | ConnectionOptions {
  if (mode === 'disable') return false;
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile) };
  const cert = certFile === undefined ? {} : { cert: readFileSync(certFile) };
  const key = keyFile === undefined ? {} : { key: readFileSync(keyFile) };
  const verified =
    mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && caFile !== undefined);
  // Without an authority of its own, any name that a public authority vouches for would do.
  const anyName = mode !== 'verify-full' && caFile !== undefined;
  return {
    ...ca,
    ...cert,
    ...key,
    rejectUnauthorized: verified,
    ...(anyName ? { checkServerIdentity: () => undefined } : {}),
  };
}
