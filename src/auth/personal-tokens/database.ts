/** Queries Data.Rentgen's PostgreSQL with limits on time. The only file that imports `pg`; loaded only where there is a database. */
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { DatabaseAddress } from '../../support/database-url.ts';
import { clientContext, PemFile, type ClientFiles } from '../../support/pem-file.ts';
import { codeOf, isWithoutTls } from './database-problem.ts';

/** Milliseconds to connect, TLS and password included, and for one answer. A caller may give up sooner. */
const CONNECT_MS = 800;
const QUERY_MS = 500;

/** Each token is queried once in `cache_ttl_seconds`, so few connections are busy at once. */
const CONNECTIONS = 4;

/** Milliseconds for which an unused connection is kept: less than the idle limit of firewalls. */
const IDLE_MS = 60_000;

export class Database {
  readonly #address: DatabaseAddress;
  readonly #lost: (error: Error) => void;
  #pool: pg.Pool;
  /** True when a server without TLS is acceptable. */
  #tlsIsOptional: boolean;

  /**
   * Connects at the first query. `lost` is called when an unused connection breaks.
   * @throws when a certificate file of the address cannot be read.
   */
  constructor(address: DatabaseAddress, lost: (error: Error) => void = () => undefined) {
    this.#address = address;
    this.#lost = lost;
    const isSocket = address.host.startsWith('/');
    this.#tlsIsOptional = address.tls.mode === 'prefer' && !isSocket;
    this.#pool = this.#open(isSocket ? false : tlsOptions(address.tls));
  }

  /**
   * Runs one statement, and once more where its connection was broken.
   * @throws the error of `pg`, the server or the network: for the log, not for senders.
   */
  async query(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const pool = this.#pool;
    try {
      return await this.#run(pool, text, values);
    } catch (error) {
      if (this.#tlsIsOptional && isWithoutTls(error)) {
        // The old pool has no connection to close, and its other callers get here as well.
        if (pool === this.#pool) this.#pool = this.#open(false);
      } else if (!isBroken(error)) throw error;
      // A restart of the server, or a proxy between, has closed the connection: a new one may work.
      return this.#run(this.#pool, text, values);
    }
  }

  /** Closes the connections after the queries in flight. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  /**
   * Parameters are sent apart from the text. The statement has no name: a named one belongs to one connection of the server, and
   * PgBouncer may use another connection for each transaction.
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
    // An error event without a listener would end the process.
    pool.on('error', (error) => this.#lost(error));
    return pool;
  }
}

/** True when the connection broke during the query. A time limit is no reason to repeat it: the caller waits no longer. */
function isBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  // 57P01: an administrator has ended the connection. 26000: a pooler does not have the statement.
  return (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    code === '57P01' ||
    code === '26000' ||
    error.message === 'Connection terminated unexpectedly'
  );
}

/** libpq's meaning of `sslmode`: below `verify-ca` it protects against eavesdropping, not against a false server. */
function tlsOptions({ mode, caFile, certFile, keyFile }: DatabaseAddress['tls']): false | ConnectionOptions {
  if (mode === 'disable') return false;
  const { ca, cert, key } = clientFiles({ caFile, certFile, keyFile });
  // Before the first connection, so that the error names the file.
  clientContext({ ca, cert, key });
  const verified =
    mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && caFile !== undefined);
  // The host name is not checked only where the database has an authority of its own: a public one signs any name.
  const anyName = mode !== 'verify-full' && caFile !== undefined;
  return {
    ...(ca && { ca: ca.text }),
    ...(cert && { cert: cert.text }),
    ...(key && { key: key.text }),
    rejectUnauthorized: verified,
    ...(anyName ? { checkServerIdentity: () => undefined } : {}),
  };
}

type FilesOfUrl = Pick<DatabaseAddress['tls'], 'caFile' | 'certFile' | 'keyFile'>;

function clientFiles({ caFile, certFile, keyFile }: FilesOfUrl): ClientFiles {
  const file = (path: string | undefined, name: string) =>
    path === undefined ? undefined : new PemFile(path, `${name} in database.url`);
  return { ca: file(caFile, 'sslrootcert'), cert: file(certFile, 'sslcert'), key: file(keyFile, 'sslkey') };
}
