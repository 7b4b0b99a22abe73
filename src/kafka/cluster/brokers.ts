/**
 * The brokers, as the cluster and the producer use them: questions and batches, without the bytes of Kafka's
 * protocol. The name of a broker is its address, `host:port`, from the settings or from metadata.
 *
 * A method rejects if no answer comes, or if the broker refuses the question. The reason is a `BrokerError` if it is
 * known. Errors about one topic or one partition are part of the answer.
 */

export interface TopicMetadata {
  readonly name: string;
  /** Kafka's error code, if the topic cannot be used; 0 if it can. */
  readonly errorCode: number;
  /** The leader of each partition, by partition number; -1 if it has none now. */
  readonly leaders: readonly number[];
}

export interface Metadata {
  /** Addresses by node id. */
  readonly brokers: ReadonlyMap<number, string>;
  readonly topics: readonly TopicMetadata[];
}

/** A producer id. Its sequences begin at 0 (KIP-98). */
export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** One record batch. Its memory is reused as soon as the request is settled, so nothing may read it after that. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** Its bytes, in order. */
  readonly pieces: readonly Buffer[];
  /** Bytes of all pieces. */
  readonly size: number;
  /** All bytes in one buffer: a copy if there are several pieces. */
  readonly bytes: Buffer;
}

export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  /** 0 if all in-sync replicas have the batch. */
  readonly errorCode: number;
  /** The offset of its first record; -1 if the broker does not say it. */
  readonly baseOffset: number;
  /** Places in the batch of the records that the broker refuses (KIP-467); empty if it does not name them. */
  readonly culprits: readonly number[];
  /** The broker's words about the first refused record, or else about the batch. They may name addresses. */
  readonly message: string | null;
}

/** A connection to one broker, for batches. */
export interface RecordConnection {
  /**
   * Sends the batches in one request with `acks=all`. Resolves with an answer for each partition, including errors.
   * After a rejection each batch may have been written or not.
   */
  produce(batches: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]>;
}

export interface Brokers {
  /** Asks for brokers and leaders. The broker creates a missing topic where its settings allow that. */
  metadata(address: string, topics: readonly string[]): Promise<Metadata>;
  /**
   * Asks for values of these topics' configuration. Returns them by topic, then by key. A topic that cannot be read
   * is left out.
   */
  topicConfigs(
    address: string,
    topics: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>;
  /** Asks for a new producer id. */
  producerId(address: string): Promise<ProducerId>;
  /** Opens a connection for batches if there is none: only then is it a promise. After a rejection nothing was sent. */
  connect(address: string): RecordConnection | Promise<RecordConnection>;
  /** Calls the listener whenever a connection is lost: what is known of the cluster may be out of date. */
  onDisconnect(listener: () => void): void;
  /** Closes all connections. */
  close(): Promise<void>;
}
