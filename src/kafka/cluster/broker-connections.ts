/**
 * Connections to brokers, one to each, opened and logged in at the first use. They replace the library's pool, which
 * has three defects. It gives every host the same options, and repeats a refused login at once. A connection that
 * fails late removes its successor from the pool, and the successor stays open for ever.
 */
import type { Socket } from 'node:net';
import { Connection, ConnectionStatuses, ResponseError, type Broker } from '@platformatic/kafka';
import { withinTime } from '../../support/time-limit.ts';
import { brokerErrorOf, type BrokerError } from '../broker-error.ts';
import type { Security } from '../login/security.ts';
import { askVersions, SpokenVersions } from './spoken-versions.ts';

export interface ConnectionSettings {
  readonly clientId: string;
  /** Most milliseconds until the connection is open, encrypted and logged in. */
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/**
 * Most milliseconds for the answer which versions a broker takes. It is small. The time limit of a connection may be meant for a request
 * with records, and other brokers name another leader long before that ends.
 */
const VERSIONS_TIMEOUT_MS = 3000;

/**
 * The library's states of a connection that is usable, or soon will be. A broker may ask for a re-authentication at
 * any time (KIP-368).
 */
const ALIVE: readonly string[] = [
  ConnectionStatuses.CONNECTING,
  ConnectionStatuses.AUTHENTICATING,
  ConnectionStatuses.REAUTHENTICATING,
  ConnectionStatuses.CONNECTED,
];

export class Connections {
  readonly #settings: ConnectionSettings;
  readonly #security: Security;
  readonly #onDisconnect: () => void;
  /** By `host:port`. */
  readonly #current = new Map<string, Connection>();
  /** All connections, also those that have failed or are closing. */
  readonly #all = new Set<Connection>();
  /** Why a connection has failed. Its requests only hear that it is closed. */
  readonly #failures = new WeakMap<Connection, BrokerError>();
  /** What the broker at the other end takes. */
  readonly #versions = new WeakMap<Connection, Promise<SpokenVersions>>();
  /** A broker has answered before. Then a connection that closes without an answer is broken: its protocol is right. */
  #hasAnswered = false;
  #closed = false;

  /** `onDisconnect` is called when a connection is lost. */
  constructor(settings: ConnectionSettings, security: Security, onDisconnect: () => void) {
    this.#settings = settings;
    this.#security = security;
    this.#onDisconnect = onDisconnect;
  }

  /** The current connection to a broker; undefined if there is none. */
  known({ host, port }: Broker): Connection | undefined {
    const connection = this.#current.get(`${host}:${port}`);
    return connection && ALIVE.includes(connection.status) ? connection : undefined;
  }

  /**
   * Resolves with a connection to a broker, logged in. Rejects with a `BrokerError` if there is none within the
   * connect timeout. During the pause after a refused login it rejects at once, with the last error.
   */
  async get(broker: Broker): Promise<Connection> {
    const known = this.known(broker);
    if (known?.isConnected()) return known;
    const connection = known ?? this.#create(broker);
    const key = `${broker.host}:${broker.port}`;
    try {
      await (known ? known.ready() : connection.connect(broker.host, broker.port));
    } catch (error) {
      this.#drop(key, connection);
      // A connection that ran out of time would continue to connect.
      socketOf(connection)?.destroy();
      throw this.errorOf(connection, error);
    }
    this.#security.pauses.accepted(key);
    return connection;
  }

  /**
   * Which versions of requests the broker of this connection takes. Asked once: a broker that is upgraded closes the connection.
   * @throws {BrokerError} if it does not answer, or if it is too old for the proxy. Then the connection stays open, so that it is not
   *   opened again at each attempt.
   */
  versionsOf(connection: Connection): Promise<SpokenVersions> {
    let versions = this.#versions.get(connection);
    if (!versions) {
      versions = this.#askVersions(connection);
      this.#versions.set(connection, versions);
    }
    return versions;
  }

  /**
   * Asks a broker a question, in a version that it takes.
   * @throws {BrokerError} if there is no answer, or if it is a refusal.
   */
  async ask<Answer>(
    broker: Broker,
    question: (connection: Connection, versions: SpokenVersions) => Promise<Answer>,
  ): Promise<Answer> {
    const connection = await this.get(broker);
    const versions = await this.versionsOf(connection);
    try {
      const answer = await question(connection, versions);
      this.proven();
      return answer;
    } catch (error) {
      const reason = this.errorOf(connection, error);
      // A refusal is an answer, and a question that cannot be asked changes nothing. After a time-out the library loses its
      // position in the stream if the answer still comes.
      if (error instanceof ResponseError) this.proven();
      else if (error !== reason) void connection.close();
      throw reason;
    }
  }

  /** Notes that a broker has answered. */
  proven(): void {
    this.#hasAnswered = true;
  }

  /** Why a connection, or a request on it, has failed. */
  errorOf(connection: Connection, error: unknown): BrokerError {
    const known = this.#failures.get(connection);
    if (known) return known;
    return brokerErrorOf(error, this.#security.facts, !this.#hasAnswered);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      [...this.#all].map(async (connection) => {
        if (connection.isConnected()) {
          await connection.close();
          return;
        }
        // The library waits for a connection that is still opening, up to the time limit, and its callers wait, too.
        socketOf(connection)?.destroy();
        connection.emit('close');
      }),
    );
  }

  #create({ host, port }: Broker): Connection {
    const key = `${host}:${port}`;
    this.#security.pauses.check(key);
    if (this.#closed) throw new Error('the connections are closed');
    const { clientId, connectTimeoutMs: connectTimeout, requestTimeoutMs: requestTimeout } = this.#settings;
    const connection = new Connection(clientId, {
      connectTimeout,
      requestTimeout,
      ...this.#security.optionsFor(host),
    });
    this.#current.set(key, connection);
    this.#all.add(connection);
    // Requests fail by themselves. But an error event without a listener would end the process.
    connection.on('error', (error) => {
      const reason = this.errorOf(connection, error);
      this.#failures.set(connection, reason);
      if (reason.login) this.#security.pauses.refused(key, reason);
      this.#forget(key, connection);
    });
    connection.once('close', () => {
      this.#drop(key, connection);
      // Without this the library would begin a re-authentication that is due.
      void connection.close();
      this.#onDisconnect();
    });
    return connection;
  }

  async #askVersions(connection: Connection): Promise<SpokenVersions> {
    const { requestTimeoutMs } = this.#settings;
    const late = () => new Error('no answer in time');
    try {
      const limitMs = Math.min(VERSIONS_TIMEOUT_MS, requestTimeoutMs);
      const ranges = await withinTime(askVersions(connection), limitMs, late);
      // This answer proves nothing: a broker gives it before a login, too.
      return new SpokenVersions(ranges);
    } catch (error) {
      const reason = this.errorOf(connection, error);
      if (error !== reason) void connection.close();
      throw reason;
    }
  }

  #drop(key: string, connection: Connection): void {
    this.#forget(key, connection);
    this.#all.delete(connection);
  }

  #forget(key: string, connection: Connection): void {
    if (this.#current.get(key) === connection) this.#current.delete(key);
  }
}

/** The socket of a connection; undefined before the library has begun to connect. */
function socketOf(connection: Connection): Socket | undefined {
  return connection.socket;
}
