/**
 * Questions of an operator to the brokers, for `check-config --connect`: what is there, what the proxy may do, and what
 * the topics take. No question makes a topic, except `createTopic`.
 */
import {
  ConfigResourceTypes,
  type ConfigResourceTypeValue,
  type SASLCustomAuthenticator,
} from '@platformatic/kafka';
import { errorCodeOf } from '../error-code.ts';
import { Security, type SecuritySettings } from '../login/security.ts';
import { addressOf, brokerAt } from './broker-address.ts';
import { Connections } from './broker-connections.ts';
import { answerWith, orInError } from './refused-answer.ts';
import {
  CREATE_TOPICS,
  DESCRIBE_CONFIGS,
  INIT_PRODUCER_ID,
  METADATA,
  type ConfigsAnswer,
  type CreationAnswer,
  type MetadataAnswer,
  type ProducerIdAnswer,
} from './request-versions.ts';

export interface InquirySettings {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly security: SecuritySettings;
  /** The login for `GSSAPI` (gssapi.ts). */
  readonly gssapi?: SASLCustomAuthenticator | undefined;
}

export interface PartitionState {
  /** Node id; -1 if there is none now. */
  readonly leader: number;
  readonly replicas: number;
  readonly inSyncReplicas: number;
}

export interface TopicState {
  readonly name: string;
  /** Kafka's name of the reason why the topic cannot be used; undefined if it can. */
  readonly error: string | undefined;
  readonly partitions: readonly PartitionState[];
  /** What the proxy may do with the topic; undefined if the broker does not say. */
  readonly operations: TopicOperations | undefined;
}

export interface TopicOperations {
  readonly write: boolean;
  readonly describeConfigs: boolean;
}

export interface ClusterState {
  /** Addresses by node id. */
  readonly brokers: ReadonlyMap<number, string>;
  /** The broker that takes requests to make topics. */
  readonly controller: string | undefined;
  readonly topics: readonly TopicState[];
}

/** A topic that was made now. */
export interface CreatedTopic {
  readonly partitions: number;
  readonly replicas: number;
}

/** Bits of `topic_authorized_operations` (KIP-430): the codes of `AclOperation`. */
const WRITE = 1 << 4;
const READ_CONFIGS = 1 << 10;

/** What brokers send when they were not asked for the operations, or do not know the field. */
const NO_OPERATIONS = -(2 ** 31);

/** The broker's own default, by KIP-464. */
const DEFAULT = -1;

export class BrokerInquiry {
  readonly #connections: Connections;
  readonly #requestTimeoutMs: number;

  constructor({ security, gssapi, ...settings }: InquirySettings) {
    this.#requestTimeoutMs = settings.requestTimeoutMs;
    this.#connections = new Connections(settings, new Security(security, gssapi), () => undefined);
  }

  /**
   * What a broker says of the cluster and of these topics.
   * @throws {BrokerError} if it does not answer.
   */
  async cluster(address: string, topics: readonly string[]): Promise<ClusterState> {
    const answer = await this.#connections.ask(brokerAt(address), (connection, versions) =>
      orInError(isMetadata, versions.of(METADATA).async(connection, [...topics], false, true)),
    );
    const brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, addressOf(host, port)]));
    return {
      brokers,
      controller: brokers.get(answer.controllerId),
      topics: answer.topics.map(({ name, errorCode, partitions, topicAuthorizedOperations: bits }) => ({
        name: name ?? '',
        error: errorCode === 0 ? undefined : errorCodeOf(errorCode).name,
        partitions: partitions.map(({ leaderId, replicaNodes, isrNodes }) => ({
          leader: leaderId,
          replicas: replicaNodes.length,
          inSyncReplicas: isrNodes.length,
        })),
        operations:
          bits === NO_OPERATIONS
            ? undefined
            : { write: (bits & WRITE) !== 0, describeConfigs: (bits & READ_CONFIGS) !== 0 },
      })),
    };
  }

  /** The configuration of a topic; undefined if the proxy may not read it, or if the broker tells none. */
  topicConfig(address: string, topic: string): Promise<ReadonlyMap<string, string> | undefined> {
    return this.#config(address, ConfigResourceTypes.TOPIC, topic);
  }

  /** The configuration of a broker; undefined if the proxy may not read it, or if the broker tells none. */
  brokerConfig(address: string, nodeId: number): Promise<ReadonlyMap<string, string> | undefined> {
    return this.#config(address, ConfigResourceTypes.BROKER, String(nodeId));
  }

  /**
   * Asks for a producer id, as the proxy does before its first record. The id is not used.
   * @returns Kafka's name of the error, or undefined.
   */
  async producerIdError(address: string): Promise<string | undefined> {
    const answer = await this.#connections.ask(brokerAt(address), (connection, versions) =>
      orInError(isProducerId, versions.of(INIT_PRODUCER_ID).async(connection, null, 60_000, -1n, -1)),
    );
    return answer.errorCode === 0 ? undefined : errorCodeOf(answer.errorCode).name;
  }

  /**
   * Makes a topic with the number of partitions and replicas that the brokers have for new topics.
   * @returns Kafka's name of the error, with its words, if it was not made.
   */
  async createTopic(address: string, name: string): Promise<CreatedTopic | string> {
    const request = {
      name,
      numPartitions: DEFAULT,
      replicationFactor: DEFAULT,
      assignments: [],
      configs: [],
    };
    const answer = await this.#connections.ask(brokerAt(address), async (connection, versions) => {
      const creation = versions.ifAny(CREATE_TOPICS);
      if (!creation) return undefined;
      const made = creation.async(connection, [request], this.#requestTimeoutMs, false);
      return await orInError(isCreation, made);
    });
    if (!answer) return 'the broker takes no request for it that the proxy knows';
    const [topic] = answer.topics;
    if (!topic) return 'the broker says nothing of the topic';
    const { errorCode, errorMessage, numPartitions, replicationFactor } = topic;
    if (errorCode === 0) return { partitions: numPartitions, replicas: replicationFactor };
    const error = errorCodeOf(errorCode).name;
    return errorMessage === null ? error : `${error}: ${errorMessage}`;
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  async #config(
    address: string,
    resourceType: ConfigResourceTypeValue,
    resourceName: string,
  ): Promise<ReadonlyMap<string, string> | undefined> {
    const answer = await this.#connections.ask(brokerAt(address), async (connection, versions) => {
      const description = versions.ifAny(DESCRIBE_CONFIGS);
      if (!description) return undefined;
      return await orInError(isConfigs, description.async(connection, [{ resourceType, resourceName }]));
    });
    const [result] = answer?.results ?? [];
    if (result?.errorCode !== 0) return undefined;
    return new Map(
      result.configs.flatMap(({ name, value }) => (typeof value === 'string' ? [[name, value]] : [])),
    );
  }
}

const isMetadata = answerWith<MetadataAnswer>('topics');
const isProducerId = answerWith<ProducerIdAnswer>('producerId');
const isCreation = answerWith<CreationAnswer>('topics');
const isConfigs = answerWith<ConfigsAnswer>('results');
