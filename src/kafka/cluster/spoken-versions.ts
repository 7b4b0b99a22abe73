/**
 * The versions of each request that a broker takes, as it says itself (ApiVersions, KIP-35). Each broker is asked on its own, once
 * for each connection: a cluster may have several versions, and an upgraded broker has closed its connections before.
 */
import { apiVersionsV0, apiVersionsV3, type Connection } from '@platformatic/kafka';
import { version } from '../../version.ts';
import { BrokerError, causesOf, textOf } from '../broker-error.ts';
import { REQUIRED, PRODUCE, type KnownRequest, type RequestVersion } from './request-versions.ts';

/** What a broker says of one kind of request. */
export interface VersionRange {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** Numbers of requests, as the protocol has them. */
const FETCH = 1;
const LEADER_AND_ISR = 4;
const INIT_PRODUCER_ID = 22;
const SASL_AUTHENTICATE = 36;
const ELECT_LEADERS = 43;
const DESCRIBE_CLIENT_QUOTAS = 48;

/** Kafka 2.8 was the first with this version of Produce. */
const PRODUCE_OF_2_8 = 9;

/** What came with which release of Kafka before 2.8, the newest first: a request in a version (`ApiKeys` of the releases). */
const RELEASES: readonly (readonly [release: string, apiKey: number, version: number])[] = [
  ['2.7', FETCH, 12],
  ['2.6', DESCRIBE_CLIENT_QUOTAS, 0],
  ['2.5', INIT_PRODUCER_ID, 3],
  ['2.4', PRODUCE.key, 8],
  ['2.3', FETCH, 11],
  ['2.2', ELECT_LEADERS, 0],
  ['2.1', FETCH, 10],
  ['2.0', FETCH, 8],
  ['1.1', FETCH, 7],
  ['1.0', SASL_AUTHENTICATE, 0],
  ['0.11', PRODUCE.key, 3],
];
const BEFORE_ALL = '0.10';

/**
 * Asks a broker. Version 3 tells it the name and the version of the proxy, for its metrics (KIP-511). Brokers before Kafka 2.4 answer it with
 * an error in the form of version 0, and take version 0.
 */
export async function askVersions(connection: Connection): Promise<readonly VersionRange[]> {
  try {
    return (await apiVersionsV3.api.async(connection, 'http2kafka', version)).apiKeys;
  } catch (error) {
    const isTooNew = [...causesOf(error)].some((one) => textOf(one, 'apiId') === 'UNSUPPORTED_VERSION');
    if (!isTooNew) throw error;
    return (await apiVersionsV0.api.async(connection, '', '')).apiKeys;
  }
}

export class SpokenVersions {
  /** By the number of the request. */
  readonly #ranges: ReadonlyMap<number, VersionRange>;

  /** @throws {BrokerError} if the broker is too old, or takes one of the required requests in no version that the proxy knows. */
  constructor(ranges: readonly VersionRange[]) {
    this.#ranges = new Map(ranges.map((range) => [range.apiKey, range]));
    const release = this.#oldRelease();
    if (release !== undefined) {
      throw versionError(
        `the broker is too old: it seems to be Kafka ${release}. Upgrade it: the proxy needs Kafka 2.8 or later`,
      );
    }
    for (const request of REQUIRED) this.of(request);
  }

  /**
   * The newest version of a request that the proxy and the broker know.
   * @throws {BrokerError} if there is none.
   */
  of<Version extends RequestVersion>(request: KnownRequest<Version>): Version {
    const common = this.ifAny(request);
    if (common) return common;
    const { name, key, versions } = request;
    const range = this.#ranges.get(key);
    if (range === undefined) {
      throw versionError(
        `the server takes no ${name} requests. It may be a controller of Kafka, or no Kafka: name brokers (kafka.bootstrap_servers)`,
      );
    }
    const { minVersion, maxVersion } = range;
    const spoken = `the broker takes ${name} requests of version ${minVersion} to ${maxVersion}`;
    const newest = versions[0].version;
    throw versionError(
      minVersion > newest
        ? `${spoken}, the proxy sends up to ${newest}: update the proxy`
        : `${spoken}, the proxy sends ${versions.at(-1)?.version ?? newest} or later: it needs Kafka 2.8 or later`,
    );
  }

  /** The same for a request that is of use, but not needed: undefined if there is none. */
  ifAny<Version extends RequestVersion>({ key, versions }: KnownRequest<Version>): Version | undefined {
    const range = this.#ranges.get(key);
    return range && versions.find(({ version: one }) => one >= range.minVersion && one <= range.maxVersion);
  }

  /**
   * The release, if it is Kafka before 2.8. Only Kafka's own brokers of that time list requests between brokers. Others may take
   * versions as old, and are no older for it.
   */
  #oldRelease(): string | undefined {
    if (this.#takes(PRODUCE.key, PRODUCE_OF_2_8) || !this.#ranges.has(LEADER_AND_ISR)) return undefined;
    return RELEASES.find(([, key, least]) => this.#takes(key, least))?.[0] ?? BEFORE_ALL;
  }

  #takes(apiKey: number, least: number): boolean {
    return (this.#ranges.get(apiKey)?.maxVersion ?? -1) >= least;
  }
}

function versionError(problem: string): BrokerError {
  return new BrokerError(problem, problem);
}
