import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, listOffsetsV6, metadataV9 } from '@platformatic/kafka';

/** The end of a partition, for Wire.offsets. */
export const END = -1n;
/** The first remaining record of a partition, for Wire.offsets. */
export const BEGINNING = -2n;

// Short, so that another broker is tried soon when one is frozen.
const REQUEST_MS = 10_000;

/** A topic and the leaders of its partitions. */
export interface TopicLayout {
  name: string;
  /** The node that leads each partition; -1 while none does. */
  leaders: Map<number, number>;
}

/** The partitions of a topic by the `host:port` of the broker that leads them. */
export type Leaders = Map<string, number[]>;

/** A cluster, as a broker describes it. */
export interface ClusterLayout {
  /** `host:port` of each live broker by its node id. */
  brokers: Map<number, string>;
  topics: TopicLayout[];
}

/**
 * Connections to a cluster's brokers, opened at first use. One deadline limits all requests. Uses the wire layer of the Kafka
 * library, not its clients: these retry by themselves and hide errors. Its requests are of versions that Kafka 2.4 to 4.3 take.
 */
export class Wire {
  readonly #bootstrap: readonly string[];
  readonly #deadline: number;
  readonly #connections = new Map<string, Connection>();
  // The bootstrap server to try first: another one after each failure, as a frozen one still accepts connections.
  #first = 0;

  /** @param timeoutMs after which every request on these connections has failed, in milliseconds. */
  constructor(bootstrapServers: string, timeoutMs: number) {
    this.#bootstrap = bootstrapServers.split(',').map((server) => server.trim());
    this.#deadline = Date.now() + timeoutMs;
  }

  /** Milliseconds left, at least 1. */
  get remaining(): number {
    return Math.max(1, this.#deadline - Date.now());
  }

  get expired(): boolean {
    return Date.now() >= this.#deadline;
  }

  /** A connection to `host:port`. Rejects when it is refused or does not come in time. */
  async connect(server: string): Promise<Connection> {
    const known = this.#connections.get(server);
    if (known?.isConnected() === true) return known;
    const timeout = Math.min(this.remaining, REQUEST_MS);
    const connection = new Connection('http2kafka-tools', {
      connectTimeout: timeout,
      requestTimeout: timeout,
    });
    connection.on('error', () => undefined); // The request that it hits rejects.
    const colon = server.lastIndexOf(':');
    const connected = connection.connect(server.slice(0, colon), Number(server.slice(colon + 1)));
    this.#connections.set(server, connection);
    await connected;
    return connection;
  }

  /** A connection to any bootstrap server. Rejects with the last one's error when none answers. */
  async any(): Promise<Connection> {
    let failure: unknown;
    for (let index = 0; index < this.#bootstrap.length; index++) {
      try {
        return await this.connect(this.#bootstrap[(this.#first + index) % this.#bootstrap.length] ?? '');
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The layout as the given connection's broker sees it. Does not create topics. Rejects when a named topic does not exist. */
  async layout(topics: string[], connection?: Connection): Promise<ClusterLayout> {
    const response = await metadataV9.api.async(connection ?? (await this.any()), topics, false);
    return {
      brokers: new Map(response.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`])),
      topics: response.topics.map(({ name, partitions }) => ({
        name,
        leaders: new Map(partitions.map(({ partitionIndex, leaderId }) => [partitionIndex, leaderId])),
      })),
    };
  }

  /** The partitions of one topic by the `host:port` of their leader. Rejects when one has no leader. */
  async leaders(topic: string): Promise<Leaders> {
    const { brokers, topics } = await this.layout([topic]);
    const [found] = topics;
    if (found === undefined) throw new Error(`Kafka said nothing of the topic ${topic}.`);
    const leaders = new Map<string, number[]>();
    for (const [partition, node] of found.leaders) {
      const server = brokers.get(node);
      if (server === undefined) throw new Error(`Partition ${partition} of ${topic} has no leader.`);
      leaders.set(server, [...(leaders.get(server) ?? []), partition]);
    }
    return leaders;
  }

  /** The offset of each partition at a time, at BEGINNING or at END. Rejects when a leader is unavailable. */
  async offsets(topic: string, timestamp: bigint): Promise<Map<number, bigint>> {
    const offsets = new Map<number, bigint>();
    for (const [server, partitions] of await this.leaders(topic)) {
      const asked = partitions.map((partitionIndex) => ({
        partitionIndex,
        currentLeaderEpoch: -1,
        timestamp,
      }));
      const connection = await this.connect(server);
      const response = await listOffsetsV6.api.async(connection, -1, 0, [{ name: topic, partitions: asked }]);
      for (const answer of response.topics) {
        for (const { partitionIndex, offset } of answer.partitions) offsets.set(partitionIndex, offset);
      }
    }
    return offsets;
  }

  /**
   * Repeats an attempt on new connections until it succeeds or the time is over. An error that is `final` is thrown as it is.
   * @throws an error that names the attempt, with the last failure as its cause.
   */
  async retry<Result>(
    what: string,
    attempt: () => Promise<Result>,
    isFinal?: (error: unknown) => boolean,
  ): Promise<Result> {
    let failure: unknown;
    do {
      try {
        return await attempt();
      } catch (error) {
        if (isFinal?.(error) === true) throw error;
        failure = error;
        this.close();
        await sleep(Math.min(50, this.remaining));
      }
    } while (!this.expired);
    throw new Error(`${what} did not work in time: ${describe(failure)}`, { cause: failure });
  }

  /** Drops the connections. The next request opens new ones. */
  close(): void {
    for (const connection of this.#connections.values()) {
      // Not close(): that never ends while the connection is being opened.
      connection.socket.destroy();
    }
    this.#connections.clear();
    this.#first++;
  }
}

/** The message of an error and, as the library nests them, of those inside it. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner: unknown[] = error instanceof AggregateError ? error.errors : [];
  return [error.message, ...inner.map(describe)].join(' ');
}
