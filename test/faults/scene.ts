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

/** How hard and how long; the tests of `make test` are shorter than `make faults`. */
export interface Pace {
  readonly perSecond: number;
  readonly posters: number;
  /** Bytes of an event, about. */
  readonly bytes: number;
  /** How long something is away. */
  readonly outageMs: number;
  /** How long events flow before it goes and after it has come back. */
  readonly flowMs: number;
  /** How long to look on when all events have come. */
  readonly quietMs: number;
  /** Events of the long outage. */
  readonly spooled: number;
}

/** This machine cannot do what the line needs. */
export class SkippedError extends Error {
  override readonly name = 'SkippedError';
}

/** The Kafka, the proxy and the senders of one line, and what is to be said of it. */
export class Scene {
  readonly pace: Pace;
  readonly ledger = new Ledger();
  readonly bodies: EventBodies;
  /** For the row: what else is worth knowing. */
  readonly notes: string[] = [];
  /** What should not have been, besides events lost, reordered or refused. */
  readonly failures: string[] = [];
  /** Events whose loss is the point of the line. */
  readonly damaged = new Set<number>();
  /** What tools and, unless told otherwise, the proxy ask first. */
  servers = '';
  readonly loads: Load[] = [];
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

  /** Starts the proxy, or starts it again after it has ended: on the same port, with the same spool and settings. */
  async startProxy(settings: Readonly<Record<string, string>> = {}): Promise<Proxy> {
    this.#settings = { ...this.#settings, ...settings };
    const earlier = this.#proxy;
    if (earlier !== undefined) this.#earlierLogs += earlier.log;
    const proxy = await this.#stage.launch({
      topic: TOPIC,
      settings: {
        KAFKA__BOOTSTRAP_SERVERS: this.servers,
        SERVER__ACCESS_LOG: 'false',
        SPOOL__PATH: this.spool,
        SPOOL__AFTER: '1s',
        ...this.#settings,
      },
      ...(earlier === undefined ? {} : { port: earlier.port }),
    });
    this.#proxy = proxy;
    return proxy;
  }

  get proxy(): Proxy {
    if (this.#proxy === undefined) throw new Error('The proxy has not been started.');
    return this.#proxy;
  }

  /** A broker with the topic, a proxy with these settings, and senders: what most lines begin with. */
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

  /** All that the proxies of this line have logged. */
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

  /** Senders, who go on until stopLoads. */
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

  /** As long as something is to be away. */
  async outage(): Promise<void> {
    await sleep(this.pace.outageMs);
  }

  /** Waits until something is so; when it does not come, notes the failure and goes on. */
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

  /** Called last first. */
  atEnd(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  async close(): Promise<void> {
    // Senders first: they would go on to post to a proxy that is gone.
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
