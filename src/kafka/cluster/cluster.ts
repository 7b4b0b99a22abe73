/**
 * What a producer needs to know of the cluster: the leader of each partition, the limits of each topic, producer ids.
 * Questions go to one broker after the other. So a dead or silent broker, even the first bootstrap server, does not
 * stop the proxy from learning.
 */
import { errorText } from '../../support/error-text.ts';
import { BrokerError } from '../broker-error.ts';
import { errorCodeOf, explained } from '../error-code.ts';
import type { Brokers, ProducerId, RecordConnection } from './brokers.ts';

export interface ClusterSettings {
  /** `host:port` of the brokers to ask first. */
  readonly bootstrapServers: readonly string[];
}

export interface Topic {
  /** The leader of each partition, by partition number; -1 if it has none now. */
  readonly leaders: readonly number[];
  /** `max.message.bytes`: the largest record batch that the topic takes, in bytes after compression. */
  readonly maxMessageBytes: number;
  /** Most milliseconds that a record's time may be ahead of the broker's clock, and behind it. */
  readonly maxAheadMs: number;
  readonly maxBehindMs: number;
}

/** Kafka's own defaults. They serve if the proxy may not read a topic's configuration. */
const DEFAULT_LIMITS = {
  maxMessageBytes: 1_048_588,
  maxAheadMs: 3_600_000,
  maxBehindMs: Number.MAX_SAFE_INTEGER,
};

/**
 * The third one is the limit in both directions before Kafka 3.6. From 3.6 to 3.9 it holds where the newer ones have their
 * default, which is no limit (`LogConfig.java`). 4.0 has only the newer ones.
 */
const AHEAD = 'message.timestamp.after.max.ms';
const BEHIND = 'message.timestamp.before.max.ms';
const EITHER = 'message.timestamp.difference.max.ms';
const LIMIT_KEYS = ['max.message.bytes', AHEAD, BEHIND, EITHER];

/** Kafka's "no limit" is 2^63 - 1. A number does not hold it exactly, but it is good enough as a bound. */
const NO_LIMIT = 2 ** 63;

export class Cluster {
  readonly #bootstrap: readonly string[];
  readonly #port: Brokers;
  /** Addresses by node id. */
  #brokers: ReadonlyMap<number, string> = new Map();
  readonly #topics = new Map<string, Topic>();
  /** Brokers that failed to answer since the last answer about the cluster. */
  readonly #suspects = new Set<number>();
  /** The place of the broker that answered last in the list of all brokers to ask. */
  #turn = 0;
  #isClosed = false;

  constructor(settings: ClusterSettings, brokers: Brokers) {
    this.#bootstrap = settings.bootstrapServers;
    this.#port = brokers;
  }

  /** What is known of a topic; undefined until a refresh finds it. */
  topic(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** Is this broker a known member of the cluster, and not suspect? */
  hasBroker(nodeId: number): boolean {
    return this.#brokers.has(nodeId) && !this.#suspects.has(nodeId);
  }

  /** Marks a broker that has not answered. Others are asked first whether it still leads its partitions. */
  suspect(nodeId: number): void {
    this.#suspects.add(nodeId);
  }

  /**
   * Asks for brokers, leaders and limits of these topics. Brokers create a missing topic if their settings allow it.
   * Returns Kafka's name of the reason for each topic that cannot be written to now.
   * @throws {BrokerError} if no broker answers.
   */
  async refresh(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const suspects = [...this.#suspects];
    const metadata = await this.#ask((address) => this.#port.metadata(address, names));
    this.#brokers = metadata.brokers;
    for (const nodeId of suspects) this.#suspects.delete(nodeId);
    const problems = new Map<string, string>();
    const usable: string[] = [];
    for (const { name, errorCode, leaders } of metadata.topics) {
      if (errorCode !== 0 || leaders.length === 0) {
        problems.set(name, explained(errorCodeOf(errorCode).name));
        this.#topics.delete(name);
        continue;
      }
      if (leaders.every((leader) => leader === -1)) problems.set(name, 'LEADER_NOT_AVAILABLE');
      this.#topics.set(name, { ...DEFAULT_LIMITS, ...this.#topics.get(name), leaders });
      usable.push(name);
    }
    await this.#refreshLimits(usable);
    return problems;
  }

  /**
   * Asks for a new producer id. Its sequences start at 0.
   * @throws {BrokerError} if no broker gives one.
   */
  async allocateProducerId(): Promise<ProducerId> {
    return this.#ask((address) => this.#port.producerId(address));
  }

  /**
   * A connection for records to a broker. A promise if none is open yet. It rejects if none is open in time, or if the
   * cluster has no such broker.
   */
  connect(nodeId: number): RecordConnection | Promise<RecordConnection> {
    const address = this.#brokers.get(nodeId);
    if (address === undefined) return Promise.reject(new Error(`broker ${nodeId} is not in the cluster`));
    return this.#port.connect(address);
  }

  /** From now on no further broker is asked. */
  close(): void {
    this.#isClosed = true;
  }

  /** Asks one broker after the other, and begins with the broker that answered last. */
  async #ask<Answer>(question: (address: string) => Promise<Answer>): Promise<Answer> {
    const addresses = [...this.#brokers.values(), ...this.#bootstrap];
    if (addresses.length === 0) {
      throw new BrokerError('there is no broker to ask', 'no Kafka is configured (kafka.bootstrap_servers)');
    }
    const failures = new Set<string>();
    let problem: string | undefined;
    for (let i = 0; i < addresses.length && !this.#isClosed; i++) {
      const turn = (this.#turn + i) % addresses.length;
      const address = addresses[turn];
      if (address === undefined) continue;
      try {
        const answer = await question(address);
        this.#turn = turn;
        return answer;
      } catch (error) {
        failures.add(`${address}: ${errorText(error)}`);
        if (error instanceof BrokerError) problem ??= error.problem;
      }
    }
    throw new BrokerError([...failures].join('; '), problem);
  }

  async #refreshLimits(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    try {
      const configs = await this.#ask((address) => this.#port.topicConfigs(address, names, LIMIT_KEYS));
      for (const [name, values] of configs) {
        const known = this.#topics.get(name);
        if (!known) continue;
        const limit = (key: string): number | undefined => {
          const value = Number(values.get(key) ?? Number.NaN);
          return Number.isNaN(value) ? undefined : value;
        };
        const timeLimit = (key: string): number | undefined => {
          const own = limit(key);
          return own === undefined || own >= NO_LIMIT ? (limit(EITHER) ?? own) : own;
        };
        this.#topics.set(name, {
          leaders: known.leaders,
          maxMessageBytes: limit('max.message.bytes') ?? known.maxMessageBytes,
          maxAheadMs: timeLimit(AHEAD) ?? known.maxAheadMs,
          maxBehindMs: timeLimit(BEHIND) ?? known.maxBehindMs,
        });
      }
    } catch {
      // The proxy may not read the configuration. The last known limits, or Kafka's defaults, hold until a broker
      // objects.
    }
  }
}
