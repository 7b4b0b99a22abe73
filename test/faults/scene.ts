import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, BrokerOptions } from '../../tools/kafka/broker.ts';
import { startCluster, type Cluster, type ClusterOptions } from '../../tools/kafka/cluster.ts';
import { removeTemporaryFolder, temporaryFolder } from '../../tools/kafka/folders.ts';
import { createTopic, type NewTopic } from '../../tools/kafka/topics.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { Stage } from '../stage/stage.ts';
import { TOPIC } from '../stage/staged-proxy.ts';
import { EventBodies } from './event-bodies.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';

export const DEAD_LETTER_TOPIC = 'input.runs__malformed';
const WAIT_MS = 60_000;

/** Load and durations. The tests of `make test` are shorter than `make faults`. */
export interface Pace {
  readonly perSecond: number;
  readonly posters: number;
  /** Approximate bytes of an event. */
  readonly bytes: number;
  /** Length of an outage. */
  readonly outageMs: number;
  /** How long events flow before and after an outage. */
  readonly flowMs: number;
  /** How long to wait for duplicates after all events have arrived. */
  readonly quietMs: number;
  /** Events that the long outage spools. */
  readonly spooled: number;
}

/** This machine does not allow what the line needs. */
export class SkippedError extends Error {
  override readonly name = 'SkippedError';
}

/** The Kafka, the proxy and the senders of one line, and its findings. */
export class Scene {
  readonly pace: Pace;
  readonly ledger = new Ledger();
  readonly bodies: EventBodies;
  /** Further findings for the row. */
  readonly notes: string[] = [];
  /** Failures other than lost, reordered or refused events. */
  readonly failures: string[] = [];
  /** Events that the line damages on purpose. */
  readonly damaged = new Set<number>();
  /** Bootstrap servers of the tools and, by default, of the proxy. */
  servers = '';
  readonly loads: Load[] = [];
  /** A shell command that runs in the process of the proxy before it, e.g. to limit it. */
  shell: string | undefined;
  readonly #stage = new Stage();
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #settings: Readonly<Record<string, string>> = {};
  #proxy: Proxy | undefined;
  #earlierLogs = '';
  #spool: string | undefined;

  constructor(pace: Pace) {
    this.pace = pace;
    this.bodies = new EventBodies(pace.bytes);
  }

  async startBroker(options: BrokerOptions = {}): Promise<Broker> {
    const broker = await this.#stage.startBroker(options);
    this.servers = broker.bootstrapServers;
    return broker;
  }

  async startCluster(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await startCluster(options);
    this.atEnd(() => cluster.stop());
    this.servers = cluster.bootstrapServers;
    return cluster;
  }

  createTopic(options: Partial<NewTopic> = {}): Promise<void> {
    return createTopic(this.servers, { name: TOPIC, partitions: 3, ...options });
  }

  /**
   * Starts the proxy. After it has ended: starts it again on the same port, with the same spool and settings.
   * `environment` is for this start only.
   */
  async startProxy(
    settings: Readonly<Record<string, string>> = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Proxy> {
    this.#settings = { ...this.#settings, ...settings };
    const earlier = this.#proxy;
    if (earlier !== undefined) this.#earlierLogs += earlier.log;
    const proxy = await this.#stage.launch({
      topic: TOPIC,
      environment,
      settings: {
        KAFKA__BOOTSTRAP_SERVERS: this.servers,
        SERVER__ACCESS_LOG: 'false',
        SPOOL__PATH: this.spool,
        SPOOL__AFTER: '1s',
        ...this.#settings,
      },
      ...(earlier === undefined ? {} : { port: earlier.port }),
      ...(this.shell === undefined ? {} : { shell: this.shell, program: 'built' }),
    });
    this.#proxy = proxy;
    return proxy;
  }

  get proxy(): Proxy {
    if (this.#proxy === undefined) throw new Error('The proxy has not been started.');
    return this.#proxy;
  }

  /** A broker with the topic, a proxy with these settings, and senders. Most lines begin with it. */
  async underLoad(
    settings: Readonly<Record<string, string>> = {},
    options: BrokerOptions = {},
  ): Promise<Broker> {
    const broker = await this.startBroker(options);
    await this.createTopic();
    await this.startProxy(settings);
    this.startLoad();
    return broker;
  }

  /** The log of all proxies of this line. */
  get proxyLog(): string {
    return this.#earlierLogs + (this.#proxy?.log ?? '');
  }

  /** The spool's folder, the same one for every start of the proxy. */
  get spool(): string {
    if (this.#spool === undefined) {
      const folder = temporaryFolder('http2kafka-faults-');
      this.atEnd(() => removeTemporaryFolder(folder));
      this.#spool = join(folder, 'spool');
    }
    return this.#spool;
  }

  set spool(folder: string) {
    this.#spool = folder;
  }

  /** Starts senders, which run until stopLoads. */
  startLoad({ posters = this.pace.posters, paced = true } = {}): Load {
    const { ledger, bodies } = this;
    const perSecond = paced ? this.pace.perSecond : undefined;
    const load = new Load({ port: this.proxy.port, ledger, bodies, posters, perSecond });
    this.loads.push(load);
    return load;
  }

  async stopLoads(): Promise<void> {
    await Promise.all(this.loads.map((load) => load.stop()));
  }

  /** Lets events flow for a while. */
  async flow(): Promise<void> {
    await sleep(this.pace.flowMs);
  }

  /** Waits for the length of an outage. */
  async outage(): Promise<void> {
    await sleep(this.pace.outageMs);
  }

  /** Waits until something is so. After `limitMs` it notes a failure and goes on. */
  async until(what: string, isSo: () => boolean | Promise<boolean>, limitMs = WAIT_MS): Promise<boolean> {
    const end = performance.now() + limitMs;
    while (!(await isSo())) {
      if (performance.now() > end) {
        this.failures.push(`${what}: did not come within ${limitMs / 1000} s`);
        return false;
      }
      await sleep(50);
    }
    return true;
  }

  note(text: string): void {
    this.notes.push(text);
  }

  expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.failures.push(otherwise);
  }

  /** Cleanups run in reverse order. */
  atEnd(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  async close(): Promise<void> {
    // Senders first: otherwise they would post to a stopped proxy.
    await this.stopLoads();
    await this.#stage.stop();
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}

/** Resident memory of a process, in MB. */
export function residentMb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
