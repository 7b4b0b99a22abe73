/**
 * The real brokers, over Kafka's protocol: which questions are asked, what answers mean, and how long they may take.
 */
import { ConfigResourceTypes, type Connection, type SASLCustomAuthenticator } from '@platformatic/kafka';
import type { Clock } from '../../support/time.ts';
import { Security, type SecuritySettings } from '../login/security.ts';

import { addressOf, brokerAt } from './broker-address.ts';
import { Connections } from './broker-connections.ts';
import type {
  Brokers,
  Metadata,
  PartitionAnswer,
  PartitionBatch,
  ProducerId,
  RecordConnection,
} from './brokers.ts';
import { ProduceChannel } from './produce-channel.ts';
import { answerWith, orInError } from './refused-answer.ts';
import {
  DESCRIBE_CONFIGS,
  INIT_PRODUCER_ID,
  METADATA,
  PRODUCE,
  type MetadataAnswer,
} from './request-versions.ts';

export interface BrokerClientSettings {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** A connection for records that is unused for longer than this is closed before the next request. */
  readonly connectionsMaxIdleMs: number;
  readonly security: SecuritySettings;
  /** The login for `GSSAPI` (gssapi.ts). */
  readonly gssapi?: SASLCustomAuthenticator | undefined;
}

/**
 * Most milliseconds for an answer about the cluster, which is small. A slower broker gets no other question
 * meanwhile.
 */
const QUESTION_TIMEOUT_MS = 3000;

/**
 * Milliseconds that the proxy waits beyond the broker's own time limit. The broker reports its limit; only a silent
 * broker reaches the proxy's limit.
 */
const SILENCE_MS = 1000;

export class BrokerClient implements Brokers {
  readonly #settings: BrokerClientSettings;
  readonly #clock: Clock;
  /** Separate from the records' connections, so that a question does not wait behind a megabyte of records. */
  readonly #questions: Connections;
  readonly #records: Connections;
  /** The last connection for records to each address. */
  readonly #open = new Map<string, OpenRecordConnection>();
  #listener: () => void = () => undefined;

  /** `clock` is monotonic; it measures idle times. */
  constructor(settings: BrokerClientSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const security = new Security(settings.security, settings.gssapi);
    const { clientId, connectTimeoutMs } = settings;
    const connections = (requestTimeoutMs: number) =>
      new Connections({ clientId, connectTimeoutMs, requestTimeoutMs }, security, () => this.#listener());
    this.#questions = connections(Math.min(QUESTION_TIMEOUT_MS, settings.requestTimeoutMs));
    this.#records = connections(settings.requestTimeoutMs + SILENCE_MS);
  }

  async metadata(address: string, topics: readonly string[]): Promise<Metadata> {
    const answer = await this.#questions.ask(brokerAt(address), (connection, versions) =>
      // An answer with a topic that cannot be used is an answer all the same.
      orInError(isMetadata, versions.of(METADATA).async(connection, [...topics], true, false)),
    );
    return {
      brokers: new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, addressOf(host, port)])),
      topics: answer.topics.flatMap(({ name, errorCode, partitions }) => {
        if (!name) return [];
        const leaders = new Array<number>(partitions.length).fill(-1);
        for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
        return [{ name, errorCode, leaders }];
      }),
    };
  }

  async topicConfigs(
    address: string,
    topics: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const resources = topics.map((resourceName) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName,
      configurationKeys: [...keys],
    }));
    const { results } = await this.#questions.ask(brokerAt(address), (connection, versions) =>
      versions.of(DESCRIBE_CONFIGS).async(connection, resources),
    );
    return new Map(
      results.map(({ resourceName, configs }) => [
        resourceName,
        new Map(
          configs.flatMap(({ name, value }) => (typeof value === 'string' ? [[name, value] as const] : [])),
        ),
      ]),
    );
  }

  async producerId(address: string): Promise<ProducerId> {
    // The producer is not transactional, so the transaction timeout has no effect. -1 asks for a new id.
    const answer = await this.#questions.ask(brokerAt(address), (connection, versions) =>
      versions.of(INIT_PRODUCER_ID).async(connection, null, 60_000, -1n, -1),
    );
    return { id: answer.producerId, epoch: answer.producerEpoch };
  }

  connect(address: string): RecordConnection | Promise<RecordConnection> {
    const now = this.#clock.now();
    const open = this.#open.get(address);
    if (!open?.isReady || now - open.usedAt > this.#settings.connectionsMaxIdleMs) {
      return this.#connect(address, now);
    }
    open.usedAt = now;
    return open;
  }

  async #connect(address: string, now: number): Promise<RecordConnection> {
    const last = this.#open.get(address);
    // The broker, or a firewall on the path, closes idle connections. A record must not be the first to notice it.
    if (last && now - last.usedAt > this.#settings.connectionsMaxIdleMs) await last.connection.close();
    const connection = await this.#records.get(brokerAt(address));
    let open = this.#open.get(address);
    if (open?.connection !== connection) {
      const { version } = (await this.#records.versionsOf(connection)).of(PRODUCE);
      this.#records.proven();
      // Meanwhile a re-authentication may be due. During it a broker takes nothing else (KIP-368).
      if (!connection.isConnected()) return this.#connect(address, now);
      open = this.#open.get(address);
      if (open?.connection !== connection) {
        open = new OpenRecordConnection(connection, version, this.#settings, this.#records);
        this.#open.set(address, open);
        connection.once('close', () => {
          if (this.#open.get(address)?.connection === connection) this.#open.delete(address);
        });
      }
    }
    open.usedAt = now;
    return open;
  }

  onDisconnect(listener: () => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    await Promise.all([this.#questions.close(), this.#records.close()]);
  }
}

class OpenRecordConnection implements RecordConnection {
  readonly connection: Connection;
  readonly #channel: ProduceChannel;
  readonly #connections: Connections;
  /** On the monotonic clock. */
  usedAt = 0;

  constructor(
    connection: Connection,
    version: number,
    { clientId, requestTimeoutMs: timeoutMs }: BrokerClientSettings,
    connections: Connections,
  ) {
    const answerTimeoutMs = timeoutMs + SILENCE_MS;
    this.connection = connection;
    this.#channel = new ProduceChannel(connection.socket, { version, clientId, timeoutMs, answerTimeoutMs });
    this.#connections = connections;
  }

  /** It is open, and not in the middle of a re-authentication. */
  get isReady(): boolean {
    return this.#channel.isOpen && this.connection.isConnected();
  }

  async produce(batches: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]> {
    try {
      return await this.#channel.produce(batches);
    } catch (error) {
      const reason = this.#connections.errorOf(this.connection, error);
      // The library does not know yet that no answer can be read from it any more.
      void this.connection.close();
      throw reason;
    }
  }
}

const isMetadata = answerWith<MetadataAnswer>('topics');
