/**
 * The brokers, as the cluster and the producer use them: questions and batches, without the bytes of Kafka's protocol. A
 * broker is named by its address, `host:port`, as it stands in the settings or in metadata.
 *
 * A method rejects when no answer came, and where the broker refused the question: with a `BrokerError` where the reason is
 * known. Errors about one topic or one partition are part of the answer.
 */

export interface TopicMetadata {
  readonly name: string;
  /** Kafka's code for why the topic cannot be used; 0 where it can. */
  readonly errorCode: number;
  /** The leader of each partition, by partition number; -1 where there is none now. */
  readonly leaders: readonly number[];
}

export interface Metadata {
  /** Addresses by node id. */
  readonly brokers: ReadonlyMap<number, string>;
  readonly topics: readonly TopicMetadata[];
}

/** With it, sequences begin at 0 (KIP-98). */
export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** One record batch. The memory is used again as soon as the request is settled. */
  readonly bytes: Buffer;
}

export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  /** 0 where all in-sync replicas have the batch. */
  readonly errorCode: number;
  /** Places in the batch of the records that the broker refuses (KIP-467); empty where it does not say which. */
  readonly culprits: readonly number[];
}

/** A connection to one broker, for batches. */
export interface RecordConnection {
  /**
   * Sends the batches in one request, `acks=all`. Resolves with an answer for each partition, errors among them. After a
   * rejection each batch may have been written or not.
   */
  produce(batches: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]>;
}

export interface Brokers {
  /** Asks for brokers and leaders. The broker creates a missing topic where its settings allow that. */
  metadata(address: string, topics: readonly string[]): Promise<Metadata>;
  /** Asks for values of these topics' configuration: by topic, then by key. A topic that cannot be read is left out. */
  topicConfigs(
    address: string,
    topics: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>;
  /** Asks for a new producer id. */
  producerId(address: string): Promise<ProducerId>;
  /** Opens a connection for batches where there is none. After a rejection nothing was sent. */
  connect(address: string): Promise<RecordConnection>;
  /** The listener is called whenever a connection is lost: what is known of the cluster may have changed. */
  onDisconnect(listener: () => void): void;
  /** Closes all connections. */
  close(): Promise<void>;
}
