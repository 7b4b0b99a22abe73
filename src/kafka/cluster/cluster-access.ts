/**
 * The brokers, as commands use them that read a topic or write in transactions: each question goes to the leader of a
 * partition or to a coordinator, and is asked again while the reason of its failure may pass.
 */
import { FindCoordinatorKeyTypes, type Connection } from '@platformatic/kafka';
import { backoff } from '../../support/backoff.ts';
import { sleep, type Time } from '../../support/time.ts';
import { BrokerError } from '../broker-error.ts';
import { errorCodeOf, explained } from '../error-code.ts';
import { Security } from '../login/security.ts';
import { addressOf, brokerAt } from './broker-address.ts';
import { Connections } from './broker-connections.ts';
import type { InquirySettings } from './broker-inquiry.ts';
import { answerWith, orInError } from './refused-answer.ts';
import { METADATA, type MetadataAnswer } from './request-versions.ts';
import type { SpokenVersions } from './spoken-versions.ts';
import { FIND_COORDINATOR, type CoordinatorAnswer } from './transaction-requests.ts';

export interface AccessSettings extends InquirySettings {
  /** `host:port` of each. */
  readonly bootstrapServers: readonly string[];
  /** Most milliseconds for which a question is asked again. */
  readonly patienceMs: number;
}

/** A broker answers with an error code. It is a broker error, so the connection stays open. */
export class RefusedError extends BrokerError {
  /** Kafka's name of the code. */
  readonly code: string;

  /** `subject` is what the question is about: a topic, a group. */
  constructor(code: string, subject: string) {
    const problem = `${subject}: ${explained(code)}`;
    super(problem, problem);
    this.code = code;
  }
}

/** @throws {RefusedError} for any code but 0. */
export function refuse(code: number, subject: string): void {
  if (code !== 0) throw new RefusedError(errorCodeOf(code).name, subject);
}

/**
 * Codes whose reason may pass while a command waits. Not those of error-code.ts: a proxy also tries again what an operator
 * has to mend, such as a missing right.
 */
const PASSING: ReadonlySet<string> = new Set([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  // The markers of the last transaction are not all written yet.
  'CONCURRENT_TRANSACTIONS',
  // The offsets belong to a transaction that has not ended yet.
  'UNSTABLE_OFFSET_COMMIT',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'OFFSET_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
  'BROKER_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'THROTTLING_QUOTA_EXCEEDED',
]);

/** May the same attempt succeed later? */
export function mayPass(error: unknown): boolean {
  if (error instanceof RefusedError) return PASSING.has(error.code);
  // A broker that is known to be of no use has a problem in words.
  return error instanceof BrokerError && error.problem === undefined && !error.login;
}

export type Question<Answer> = (connection: Connection, versions: SpokenVersions) => Promise<Answer>;

export type CoordinatorKind = 'group' | 'transaction';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

export class ClusterAccess {
  readonly #settings: AccessSettings;
  readonly #connections: Connections;
  readonly #time: Time;
  /** Addresses of the leaders by partition, for each topic; undefined where there is no leader. */
  readonly #leaders = new Map<string, readonly (string | undefined)[]>();
  /** Addresses by kind and key. */
  readonly #coordinators = new Map<string, string>();
  /** The brokers of the last answer. */
  #brokers: readonly string[] = [];

  constructor(settings: AccessSettings, time: Time) {
    const { clientId, connectTimeoutMs, requestTimeoutMs, security, gssapi } = settings;
    this.#settings = settings;
    this.#time = time;
    this.#connections = new Connections(
      { clientId, connectTimeoutMs, requestTimeoutMs },
      new Security(security, gssapi),
      () => undefined,
    );
  }

  /** The number of partitions of a topic; undefined if there is no such topic. No topic is made. */
  async partitionsOf(topic: string): Promise<number | undefined> {
    try {
      return (await this.retried(() => this.#leadersOf(topic))).length;
    } catch (error) {
      if (error instanceof RefusedError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
      throw error;
    }
  }

  /** The address of the leader of a partition. */
  async leaderOf(topic: string, partition: number): Promise<string> {
    const address = (await this.#leadersOf(topic))[partition];
    if (address === undefined) throw new RefusedError('LEADER_NOT_AVAILABLE', `${topic}/${partition}`);
    return address;
  }

  /** Asks a broker once. */
  ask<Answer>(address: string, question: Question<Answer>): Promise<Answer> {
    return this.#connections.ask(brokerAt(address), question);
  }

  /** Asks the leader of a partition, again while the reason of a failure may pass. */
  askLeader<Answer>(topic: string, partition: number, question: Question<Answer>): Promise<Answer> {
    return this.retried(async () => this.ask(await this.leaderOf(topic, partition), question));
  }

  /** Asks the coordinator of a group or of a transactional id, again while the reason of a failure may pass. */
  askCoordinator<Answer>(kind: CoordinatorKind, key: string, question: Question<Answer>): Promise<Answer> {
    return this.retried(async () => this.ask(await this.#coordinatorOf(kind, key), question));
  }

  /** Attempts something, again while the reason of its failure may pass. Before, it forgets what it knows of the cluster. */
  async retried<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const { monotonic } = this.#time;
    const end = monotonic.now() + this.#settings.patienceMs;
    for (let failures = 1; ; failures++) {
      try {
        return await attempt();
      } catch (error) {
        const pauseMs = backoff(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
        if (!mayPass(error) || monotonic.now() + pauseMs > end) throw error;
        this.forget();
        await sleep(this.#time, pauseMs);
      }
    }
  }

  /** Forgets leaders and coordinators: they are asked for again. */
  forget(): void {
    this.#leaders.clear();
    this.#coordinators.clear();
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #leadersOf(topic: string): Promise<readonly (string | undefined)[]> {
    const known = this.#leaders.get(topic);
    if (known) return known;
    const answer = await this.#askAny((connection, versions) =>
      orInError(isMetadata, versions.of(METADATA).async(connection, [topic], false, false)),
    );
    const brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, addressOf(host, port)]));
    this.#brokers = [...brokers.values()];
    const [found] = answer.topics;
    // 5 is LEADER_NOT_AVAILABLE: of some partitions only.
    if (!found || (found.errorCode !== 0 && found.partitions.length === 0))
      refuse(found?.errorCode ?? 3, topic);
    const leaders = new Array<string | undefined>(found?.partitions.length ?? 0).fill(undefined);
    for (const { partitionIndex, leaderId } of found?.partitions ?? []) {
      leaders[partitionIndex] = brokers.get(leaderId);
    }
    this.#leaders.set(topic, leaders);
    return leaders;
  }

  async #coordinatorOf(kind: CoordinatorKind, key: string): Promise<string> {
    const place = `${kind} ${key}`;
    const known = this.#coordinators.get(place);
    if (known !== undefined) return known;
    const type = kind === 'group' ? FindCoordinatorKeyTypes.GROUP : FindCoordinatorKeyTypes.TRANSACTION;
    const answer = await this.#askAny((connection, versions) =>
      orInError(isCoordinator, versions.of(FIND_COORDINATOR).async(connection, type, [key])),
    );
    const [coordinator] = answer.coordinators;
    if (!coordinator) throw new RefusedError('COORDINATOR_NOT_AVAILABLE', place);
    refuse(coordinator.errorCode, place);
    const address = addressOf(coordinator.host, coordinator.port);
    this.#coordinators.set(place, address);
    return address;
  }

  /** Asks any broker: first one that is known to be in the cluster. */
  async #askAny<Answer>(question: Question<Answer>): Promise<Answer> {
    const { bootstrapServers } = this.#settings;
    let failure: Error = new BrokerError('no broker is configured');
    for (const address of new Set([...this.#brokers, ...bootstrapServers])) {
      try {
        return await this.ask(address, question);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
      }
    }
    throw failure;
  }
}

const isMetadata = answerWith<MetadataAnswer>('topics');
const isCoordinator = answerWith<CoordinatorAnswer>('coordinators');
