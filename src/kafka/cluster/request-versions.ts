/**
 * The requests of the proxy, each in all versions that it knows, the newest first. The newest that a broker takes, too, is used
 * (spoken-versions.ts).
 *
 * The oldest ones are for brokers that speak Kafka's protocol and are not Kafka. Azure Event Hubs takes Metadata up to 5, Produce up to 7 and
 * DescribeConfigs up to 2. Redpanda takes Produce up to 7. Versions that cannot do what the proxy needs are left out: before
 * Metadata 4 each question makes missing topics, before CreateTopics 5 an answer does not say how many partitions a topic got.
 */
import {
  createTopicsV5,
  createTopicsV6,
  createTopicsV7,
  describeConfigsV1,
  describeConfigsV2,
  describeConfigsV3,
  describeConfigsV4,
  initProducerIdV0,
  initProducerIdV1,
  initProducerIdV2,
  initProducerIdV3,
  initProducerIdV4,
  initProducerIdV5,
  metadataV10,
  metadataV11,
  metadataV12,
  metadataV4,
  metadataV5,
  metadataV6,
  metadataV7,
  metadataV8,
  metadataV9,
  type Connection,
} from '@platformatic/kafka';

/** One version of a request: its number of the protocol, and the version. */
export interface RequestVersion {
  readonly key: number;
  readonly version: number;
}

export interface KnownRequest<Version extends RequestVersion = RequestVersion> {
  /** As the protocol names it. */
  readonly name: string;
  readonly key: number;
  /** The newest first. */
  readonly versions: readonly [Version, ...Version[]];
}

/** The answer to any version of a request of the library. */
export type AnswerTo<Request extends KnownRequest<LibraryVersion>> = Awaited<
  ReturnType<Request['versions'][number]['async']>
>;

export interface LibraryVersion extends RequestVersion {
  // The library's own: its requests have arguments of many kinds.
  readonly async: (connection: Connection, ...request: never[]) => Promise<unknown>;
}

export const METADATA = known('Metadata', [
  metadataV12.api,
  metadataV11.api,
  metadataV10.api,
  metadataV9.api,
  metadataV8.api,
  metadataV7.api,
  metadataV6.api,
  metadataV5.api,
  metadataV4.api,
]);

export const INIT_PRODUCER_ID = known('InitProducerId', [
  initProducerIdV5.api,
  initProducerIdV4.api,
  initProducerIdV3.api,
  initProducerIdV2.api,
  initProducerIdV1.api,
  initProducerIdV0.api,
]);

export const DESCRIBE_CONFIGS = known('DescribeConfigs', [
  describeConfigsV4.api,
  describeConfigsV3.api,
  describeConfigsV2.api,
  describeConfigsV1.api,
]);

export const CREATE_TOPICS = known('CreateTopics', [
  createTopicsV7.api,
  createTopicsV6.api,
  createTopicsV5.api,
]);

export type MetadataAnswer = AnswerTo<typeof METADATA>;
export type ProducerIdAnswer = AnswerTo<typeof INIT_PRODUCER_ID>;
export type ConfigsAnswer = AnswerTo<typeof DESCRIBE_CONFIGS>;
export type CreationAnswer = AnswerTo<typeof CREATE_TOPICS>;

/** The proxy encodes these itself (produce-request.ts). From version 12 on a request may name topics by their ids only. */
export const PRODUCE = known('Produce', [produce(11), ...[10, 9, 8, 7, 6, 5, 4, 3].map(produce)]);

/** Without one of these a broker is of no use to the proxy. */
export const REQUIRED: readonly KnownRequest[] = [METADATA, PRODUCE, INIT_PRODUCER_ID];

/** A request with these versions, the newest first. */
export function known<Version extends RequestVersion>(
  name: string,
  versions: readonly [Version, ...Version[]],
): KnownRequest<Version> {
  return { name, key: versions[0].key, versions };
}

function produce(version: number): RequestVersion {
  return { key: 0, version };
}
