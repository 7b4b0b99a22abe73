/**
 * Connections to brokers, one to each, opened and logged in at the first use. They replace the library's pool. There every
 * host gets the same options, and a refused login is tried again at once. A connection that fails late removes its
 * successor from the pool, which then stays open for ever.
 */
import type { Socket } from 'node:net';
import { Connection, ConnectionStatuses, type Broker } from '@platformatic/kafka';
import { brokerErrorOf, type BrokerError } from '../broker-error.ts';
import type { Security } from '../login/security.ts';

export interface ConnectionSettings {
  readonly clientId: string;
  /** Until the broker has taken the connection, the encryption and the login. */
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** What the library calls a connection that is of use, or is going to be. A broker may ask for a new login at any time (KIP-368). */
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
  /** Those that have failed or are being closed, too. */
  readonly #all = new Set<Connection>();
  /** What was told of a connection that failed; its requests only hear that it is closed. */
  readonly #failures = new WeakMap<Connection, BrokerError>();
  /** A broker has answered before: a connection that closes without an answer has broken, and speaks the right protocol. */
  #hasAnswered = false;
  #closed = false;

  /** `onDisconnect` is called when a connection is lost. */
  constructor(settings: ConnectionSettings, security: Security, onDisconnect: () => void) {
    this.#settings = settings;
    this.#security = security;
    this.#onDisconnect = onDisconnect;
  }

  /** The connection that there is to a broker, if any. */
  known({ host, port }: Broker): Connection | undefined {
    const connection = this.#current.get(`${host}:${port}`);
    return connection && ALIVE.includes(connection.status) ? connection : undefined;
  }

  /**
   * A connection to a broker, logged in. Rejects with a `BrokerError` when there is none within the connect timeout; and at
   * once, with the last one, while the broker is not to be asked for a login again.
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
      // One that ran out of time would go on.
      socketOf(connection)?.destroy();
      throw this.errorOf(connection, error);
    }
    this.#security.pauses.accepted(key);
    return connection;
  }

  /** A broker has answered. */
  proven(): void {
    this.#hasAnswered = true;
  }

  /** Why a connection, or a request on it, has failed. */
  errorOf(connection: Connection, error: unknown): BrokerError {
    const known = this.#failures.get(connection);
    if (known) return known;
    return brokerErrorOf(error, this.#security.facts, !this.#hasAnswered);
  }

  /** Closes all. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      [...this.#all].map(async (connection) => {
        if (connection.isConnected()) {
          await connection.close();
          return;
        }
        // The library would wait for a connection that is only being made, and so would its callers, up to the time limit.
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
    // Requests fail by themselves; an event without a listener would end the process.
    connection.on('error', (error) => {
      const reason = this.errorOf(connection, error);
      this.#failures.set(connection, reason);
      if (reason.login) this.#security.pauses.refused(key, reason);
      this.#forget(key, connection);
    });
    connection.once('close', () => {
      this.#drop(key, connection);
      // The library would begin a re-authentication that was due.
      void connection.close();
      this.#onDisconnect();
    });
    return connection;
  }

  #drop(key: string, connection: Connection): void {
    this.#forget(key, connection);
    this.#all.delete(connection);
  }

  #forget(key: string, connection: Connection): void {
    if (this.#current.get(key) === connection) this.#current.delete(key);
  }
}

/** There is none before the library has begun to connect. */
function socketOf(connection: Connection): Socket | undefined {
  return connection.socket;
}
