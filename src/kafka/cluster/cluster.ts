/**
 * The cluster as a producer needs it: which broker leads which partition, what each topic takes, connections to the
 * leaders, producer ids. Questions about it go to any broker in turn, so that no broker's death or silence, the first
 * bootstrap server's included, blinds the proxy.
 */
import {
  apiVersionsV3,
  ConfigResourceTypes,
  describeConfigsV4,
  initProducerIdV4,
  metadataV12,
  produceV11,
  protocolErrorsCodesById,
  ResponseError,
  type Broker,
  type Connection,
  type SASLCustomAuthenticator,
} from '@platformatic/kafka';
import { withinTime } from '../../support/time-limit.ts';
import { explained } from '../error-code.ts';
import { BrokerError } from '../broker-error.ts';
import { Connections } from './broker-connections.ts';
import { PRODUCE_VERSIONS, type RecordConnection } from '../wire/produce-request.ts';
import { Security, type SecuritySettings } from '../login/security.ts';
import { version } from '../../version.ts';

type MetadataResponse = metadataV12.MetadataResponse;

export interface ClusterSettings {
  /** `host:port` of the brokers to ask first. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly connectionsMaxIdleMs: number;
  readonly security: SecuritySettings;
  /** The login for `GSSAPI` (gssapi.ts). */
  readonly gssapi?: SASLCustomAuthenticator | undefined;
}

export interface Topic {
  /** The leader of each partition, by partition number; -1 where there is none now. */
  readonly leaders: readonly number[];
  /** `max.message.bytes`: the largest record batch the topic takes, in bytes as sent. */
  readonly maxMessageBytes: number;
  /** How far a record's time may lie ahead of the broker's clock and behind it, in milliseconds. */
  readonly maxAheadMs: number;
  readonly maxBehindMs: number;
}

export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** Kafka's own defaults, for a cluster that does not let us read a topic's configuration. */
const DEFAULT_LIMITS = {
  maxMessageBytes: 1_048_588,
  maxAheadMs: 3_600_000,
  maxBehindMs: Number.MAX_SAFE_INTEGER,
};

const LIMIT_KEYS = ['max.message.bytes', 'message.timestamp.after.max.ms', 'message.timestamp.before.max.ms'];

/** A question about the cluster is small: a broker that takes longer than this is asked for nothing else meanwhile. */
const QUESTION_TIMEOUT_MS = 3000;

/** The record connections' own time-out is that of a request with records, long after others would have known of another leader. */
const tooLate = () => new Error('no answer in time');

export class Cluster {
  readonly #settings: ClusterSettings;
  readonly #bootstrap: readonly Broker[];
  /** Apart from the records' connections: a megabyte on its way must not hold up a question. */
  readonly #questions: Connections;
  readonly #records: Connections;
  readonly #lastUse = new Map<number, number>();
  /** What the broker at the other end takes; asked once a connection, for a broker may be upgraded between two. */
  readonly #produceVersions = new WeakMap<Connection, number>();
  #brokers = new Map<number, Broker>();
  readonly #topics = new Map<string, Topic>();
  /** Brokers that have not answered since the cluster was last asked. */
  readonly #suspects = new Set<number>();
  #turn = 0;

  /** `onDisconnect` is called when a connection is lost: what was known of the cluster may have changed with it. */
  constructor(settings: ClusterSettings, onDisconnect: () => void) {
    this.#settings = settings;
    this.#bootstrap = settings.bootstrapServers.map(parseBroker);
    const security = new Security(settings.security, settings.gssapi);
    const { clientId, connectTimeoutMs } = settings;
    const connections = (requestTimeoutMs: number) =>
      new Connections({ clientId, connectTimeoutMs, requestTimeoutMs }, security, onDisconnect);
    this.#questions = connections(Math.min(QUESTION_TIMEOUT_MS, settings.requestTimeoutMs));
    // The broker gives up first, and says so; only a silent one runs into our own limit.
    this.#records = connections(settings.requestTimeoutMs + 1000);
  }

  /** Is there anybody to ask? */
  get isConfigured(): boolean {
    return this.#bootstrap.length > 0;
  }

  /** What is known of a topic; undefined until a refresh has found it. */
  topic(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** Has the cluster this broker, as far as is known, and is it not suspect? */
  hasBroker(nodeId: number): boolean {
    return this.#brokers.has(nodeId) && !this.#suspects.has(nodeId);
  }

  /** This broker has not answered: others are asked first whether it still leads what it led. */
  suspect(nodeId: number): void {
    this.#suspects.add(nodeId);
  }

  /**
   * Asks for brokers, leaders and limits of these topics; creates a missing one where the brokers are set to.
   * Returns, for each topic that cannot be written to now, Kafka's name for the reason. Rejects when no broker answers.
   */
  async refresh(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const suspects = [...this.#suspects];
    const metadata = await this.#ask((connection) => askMetadata(connection, names));
    this.#brokers = new Map(metadata.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    for (const nodeId of suspects) this.#suspects.delete(nodeId);
    const problems = new Map<string, string>();
    const usable: string[] = [];
    for (const { name, errorCode, partitions } of metadata.topics) {
      if (!name) continue;
      if (errorCode !== 0 || partitions.length === 0) {
        problems.set(name, explained(protocolErrorsCodesById[errorCode] ?? `error ${errorCode}`));
        this.#topics.delete(name);
        continue;
      }
      const leaders = new Array<number>(partitions.length).fill(-1);
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      if (leaders.every((leader) => leader === -1)) problems.set(name, 'LEADER_NOT_AVAILABLE');
      this.#topics.set(name, { ...DEFAULT_LIMITS, ...this.#topics.get(name), leaders });
      usable.push(name);
    }
    await this.#refreshLimits(usable);
    return problems;
  }

  /** A new producer id, with which sequences start at 0. */
  async allocateProducerId(): Promise<ProducerId> {
    // Not transactional, so the transaction timeout means nothing; -1 asks for a new id.
    const answer = await this.#ask((connection) =>
      initProducerIdV4.api.async(connection, null, 60_000, -1n, -1),
    );
    return { id: answer.producerId, epoch: answer.producerEpoch };
  }

  /** A connection for records to a broker, opened where there is none. */
  async connect(nodeId: number): Promise<RecordConnection> {
    const broker = this.#brokers.get(nodeId);
    if (!broker) throw new Error(`broker ${nodeId} is not in the cluster`);
    const now = Date.now();
    const idle = now - (this.#lastUse.get(nodeId) ?? now);
    const open = this.#records.known(broker);
    // The broker, or a firewall between, closes what is idle; a record must not be the one to find out.
    if (open && idle > this.#settings.connectionsMaxIdleMs) await open.close();
    const connection = await this.#records.get(broker);
    this.#lastUse.set(nodeId, now);
    let produceVersion = this.#produceVersions.get(connection);
    if (produceVersion === undefined) {
      produceVersion = await this.#answerOf(this.#records, connection, (asked) =>
        withinTime(askProduceVersion(asked), QUESTION_TIMEOUT_MS, tooLate),
      );
      this.#produceVersions.set(connection, produceVersion);
      // Meanwhile a new login may have fallen due, during which a broker takes nothing else (KIP-368).
      if (!connection.isConnected()) return this.connect(nodeId);
    }
    return { connection, produceVersion };
  }

  /** Why a request with records has failed. */
  brokerErrorOf({ connection }: RecordConnection, error: unknown): BrokerError {
    return this.#records.errorOf(connection, error);
  }

  async close(): Promise<void> {
    await Promise.all([this.#questions.close(), this.#records.close()]);
  }

  /** Puts a question to one broker after the other, beginning with the one that answered last. */
  async #ask<Answer>(question: (connection: Connection) => Promise<Answer>): Promise<Answer> {
    const brokers = [...this.#brokers.values(), ...this.#bootstrap];
    const failures: string[] = [];
    let problem: string | undefined;
    for (let i = 0; i < brokers.length; i++) {
      const turn = (this.#turn + i) % brokers.length;
      const broker = brokers[turn];
      if (!broker) continue;
      try {
        const connection = await this.#questions.get(broker);
        const answer = await this.#answerOf(this.#questions, connection, question);
        this.#turn = turn;
        return answer;
      } catch (error) {
        failures.push(
          `${broker.host}:${broker.port}: ${error instanceof Error ? error.message : String(error)}`,
        );
        if (error instanceof BrokerError) problem ??= error.problem;
      }
    }
    throw new BrokerError([...new Set(failures)].join('; '), problem);
  }

  async #answerOf<Answer>(
    connections: Connections,
    connection: Connection,
    question: (connection: Connection) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      const answer = await question(connection);
      connections.proven();
      return answer;
    } catch (error) {
      const fault = connections.errorOf(connection, error);
      // After a time-out the library loses its place in the stream, should the answer still come. A refusal is an answer.
      if (error instanceof ResponseError) connections.proven();
      else void connection.close();
      throw fault;
    }
  }

  async #refreshLimits(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const resources = names.map((resourceName) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName,
      configurationKeys: LIMIT_KEYS,
    }));
    try {
      const { results } = await this.#ask((connection) => describeConfigsV4.api.async(connection, resources));
      for (const { resourceName, configs } of results) {
        const known = this.#topics.get(resourceName);
        if (!known) continue;
        const values = new Map(configs.map(({ name, value }) => [name, Number(value ?? Number.NaN)]));
        const limit = (key: string, otherwise: number) => {
          const value = values.get(key);
          // Kafka's "no limit" is 2^63 - 1, more than a number holds exactly; as a bound it does as well.
          return value === undefined || Number.isNaN(value) ? otherwise : value;
        };
        this.#topics.set(resourceName, {
          leaders: known.leaders,
          maxMessageBytes: limit('max.message.bytes', known.maxMessageBytes),
          maxAheadMs: limit('message.timestamp.after.max.ms', known.maxAheadMs),
          maxBehindMs: limit('message.timestamp.before.max.ms', known.maxBehindMs),
        });
      }
    } catch {
      // Not allowed to read the configuration: the limits last known, or Kafka's defaults, stand until a broker objects.
    }
  }
}

async function askProduceVersion(connection: Connection): Promise<number> {
  const { apiKeys } = await apiVersionsV3.api.async(connection, 'http2kafka', version);
  const taken = apiKeys.find(({ apiKey }) => apiKey === produceV11.api.key);
  const highest = Math.min(taken?.maxVersion ?? 0, PRODUCE_VERSIONS.max);
  if (highest < PRODUCE_VERSIONS.min) throw new Error('this broker is too old: Kafka 3.1 or newer is needed');
  return highest;
}

async function askMetadata(connection: Connection, names: readonly string[]): Promise<MetadataResponse> {
  try {
    return await metadataV12.api.async(connection, [...names], true, false);
  } catch (error) {
    // The library makes an error of an answer that names any unusable topic; the answer itself is in it.
    if (error instanceof Error && 'response' in error && isMetadata(error.response)) return error.response;
    throw error;
  }
}

function isMetadata(value: unknown): value is MetadataResponse {
  return typeof value === 'object' && value !== null && 'brokers' in value && 'topics' in value;
}

function parseBroker(address: string): Broker {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
