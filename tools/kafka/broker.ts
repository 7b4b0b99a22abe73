// A real Kafka without Docker, for `make run`, the tests and the benchmarks.
//
// - It is Apache Kafka from Maven Central (pom.xml), installed into .run/kafka/libs at first use (install.ts). It needs
//   java 17 or newer, and mvn for the installation.
// - Each node is broker and controller at once (KRaft, no ZooKeeper). One is up in 1.5 to 3 s, in 170 MB; after a kill() in 5 s.
// - It listens on 127.0.0.1 without TLS or authentication; `listeners` adds others.
// - The first write creates a topic, with 3 partitions. Topics keep their records for ever (settings.ts).
// - It ends with the process that started it, even when that is killed, and does not keep that from ending (java.ts).
// - Its warnings and errors are in broker.log in the broker's folder (log4j2.properties).
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithin, type LeashedProcess } from '../leashed-process.ts';
import { lastLines, removeTemporaryFolder, temporaryFolder } from './folders.ts';
import { installKafka, listJars } from './install.ts';
import { startJava } from './java.ts';
import { brokerArguments, newId, prepareData } from './preparation.ts';
import { freePorts, isFree } from './ports.ts';
import { needsZooKeeper, type Release } from './releases.ts';
import { serverProperties, zooKeeperProperties, type Node } from './settings.ts';
import { Wire } from './wire.ts';
import { startZooKeeper } from './zookeeper.ts';

const START_MS = 60_000;
const STOP_MS = 20_000;

export interface BrokerOptions {
  /** Folder of the data, kept over restarts. By default a new temporary folder, which is removed when the broker stops. */
  folder?: string;
  /** Port for clients. By default a free one below 32768. */
  port?: number;
  /** By default that of pom.xml. */
  release?: Release | undefined;
  /** By default 1. A folder belongs to one. */
  nodeId?: number;
  /** Entries of server.properties, over the defaults of settings.ts. */
  properties?: Readonly<Record<string, string>>;
  /**
   * More listeners: a name in capitals and its protocol, e.g. `{ TLS: 'SSL', LOGIN: 'SASL_PLAINTEXT' }`. Each gets a port: see
   * `Broker.listeners`. Their certificates are set by `properties` (`listener.name.tls.ssl.keystore.location`).
   */
  listeners?: Readonly<Record<string, string>>;
  /** A folder of classes that come after Kafka's own, such as a callback handler. */
  classes?: string;
  /** Options for the JVM, over the quick-starting defaults. A benchmark wants `-XX:TieredStopAtLevel=4` and a larger `-Xmx`. */
  jvm?: readonly string[];
}

/** The node that a broker is and the cluster it is in; startCluster fills it in. */
export interface Place {
  node: Node;
  cluster: readonly Node[];
  clusterId: string;
}

/**
 * Starts one Kafka, a cluster of its own, and resolves when it answers clients.
 * @throws {MissingToolError} when java or mvn is missing.
 * @throws when its port is taken, when it ends at once (with the end of its log) or is not up within a minute.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const node = { nodeId: options.nodeId ?? 1, port: options.port ?? port, controllerPort };
  const broker = await createBroker(options, { node, cluster: [node], clusterId: newId() });
  await broker.start();
  return broker;
}

/** Prepares a broker, which is not started yet. */
export async function createBroker(options: BrokerOptions, place: Place): Promise<Broker> {
  const libraries = await installKafka(options.release);
  const names = Object.entries(options.listeners ?? {});
  const ports = await freePorts(names.length);
  const listeners = Object.fromEntries(
    names.map(([name, protocol], index) => [name, { protocol, port: ports[index] ?? 0 }]),
  );
  return new Broker(libraries, options, place, listeners);
}

/** A Kafka broker in a process of its own. */
export class Broker {
  /** Its folder: server.properties, broker.log and the data. */
  readonly folder: string;
  readonly port: number;
  readonly nodeId: number;
  /** `127.0.0.1:port`. */
  readonly bootstrapServers: string;
  /** `127.0.0.1:port` of each further listener by its name. */
  readonly listeners: Readonly<Record<string, string>>;
  #libraries: string;
  readonly #options: BrokerOptions;
  readonly #place: Place;
  readonly #properties: string;
  #java: LeashedProcess | undefined;
  #zooKeeper: LeashedProcess | undefined;

  constructor(
    libraries: string,
    options: BrokerOptions,
    place: Place,
    listeners: Readonly<Record<string, { port: number; protocol: string }>>,
  ) {
    this.folder = resolve(options.folder ?? temporaryFolder('http2kafka-broker-'));
    this.port = place.node.port;
    this.nodeId = place.node.nodeId;
    this.bootstrapServers = `127.0.0.1:${this.port}`;
    this.listeners = Object.fromEntries(
      Object.entries(listeners).map(([name, { port }]) => [name, `127.0.0.1:${port}`]),
    );
    this.#libraries = libraries;
    this.#options = options;
    this.#place = place;
    const data = join(this.folder, 'data');
    const { properties = {}, release } = options;
    this.#properties = needsZooKeeper(release)
      ? zooKeeperProperties(place.node, listeners, data, properties)
      : serverProperties(place.node, place.cluster, listeners, data, properties);
  }

  /** The process id; 0 before the first start. After a restart another one. */
  get pid(): number {
    return this.#java?.pid ?? 0;
  }

  /** Whether its process exists, frozen or not. */
  get running(): boolean {
    return this.#java !== undefined && this.#java.ending === undefined;
  }

  /**
   * Starts it, and resolves when its metadata lists it. Only for a broker that does not run.
   * @throws when its port is taken, when it ends at once (with the end of its log) or is not up within a minute.
   */
  async start(): Promise<void> {
    const { node, clusterId } = this.#place;
    if (this.running) throw new Error(`Broker ${node.nodeId} runs already.`);
    // Otherwise the readiness check would take the other program for this broker.
    if (!(await isFree(this.port))) throw new Error(`Something else listens on port ${this.port} already.`);
    await mkdir(this.folder, { recursive: true });
    const file = join(this.folder, 'server.properties');
    await writeFile(file, this.#properties);
    const jars = await listJars(this.#libraries);
    if (needsZooKeeper(this.#options.release)) {
      const isUp = this.#zooKeeper !== undefined && this.#zooKeeper.ending === undefined;
      const place = join(this.folder, 'zookeeper');
      if (!isUp) this.#zooKeeper = await startZooKeeper(this.#libraries, jars, place, node.controllerPort);
    } else await prepareData(this.#libraries, join(this.folder, 'data'), node.nodeId, clusterId);
    const { classes, jvm } = this.#options;
    const java = await startJava({
      arguments: await brokerArguments(
        this.#libraries,
        // At the end: the archive of classes is good for a class path that begins with the jars.
        classes === undefined ? jars : [...jars, classes],
        file,
        jvm,
      ),
      folder: this.#libraries,
      log: join(this.folder, 'broker.log'),
      remove: this.#options.folder === undefined ? this.folder : undefined,
    });
    this.#java = java;
    try {
      await this.#becomesReady(java);
    } catch (error) {
      const log = await lastLines(join(this.folder, 'broker.log'));
      await this.stop({ limitMs: 0 });
      throw new Error(`Kafka did not start on port ${this.port}: ${String(error)}\n${log}`, { cause: error });
    }
  }

  /**
   * Shuts it down, and kills it after `limitMs` (20 s). Then removes a temporary folder, unless `keep` is set because it will
   * be started again.
   */
  async stop({ keep = false, limitMs = STOP_MS }: { keep?: boolean; limitMs?: number } = {}): Promise<void> {
    if (this.#java !== undefined) {
      this.thaw();
      if (limitMs > 0) this.#java.signal('SIGTERM');
      await endsWithin(this.#java, limitMs);
    }
    if (keep) return;
    if (this.#zooKeeper !== undefined) await endsWithin(this.#zooKeeper, 0);
    if (this.#options.folder === undefined) await removeTemporaryFolder(this.folder);
  }

  /** Ends it at once (kill -9) and keeps its folder. */
  async kill(): Promise<void> {
    if (this.#java !== undefined) await endsWithin(this.#java, 0);
  }

  /** Freezes its process (SIGSTOP): connections stay open, answers do not come. */
  freeze(): void {
    this.#java?.signal('SIGSTOP');
  }

  /** Lets a frozen broker go on (SIGCONT). */
  thaw(): void {
    this.#java?.signal('SIGCONT');
  }

  /** Starts it again in the same folder and on the same ports, after stopping it if it runs. Fails as start does. */
  async restart(): Promise<void> {
    await this.stop({ keep: true });
    await this.start();
  }

  /** Stops it, and starts it with the jars of another release in the same folder. Fails as start does. */
  async upgrade(release?: Release): Promise<void> {
    await this.stop({ keep: true });
    this.#libraries = await installKafka(release);
    await this.start();
  }

  async #becomesReady(java: LeashedProcess): Promise<void> {
    const end = Date.now() + START_MS;
    while (Date.now() < end) {
      if (java.ending !== undefined) throw new Error(`it ${java.ending}`);
      const wire = new Wire(this.bootstrapServers, 2000);
      try {
        if ((await wire.layout([])).brokers.has(this.nodeId)) return;
      } catch {
        // Not listening yet.
      } finally {
        wire.close();
      }
      await sleep(20);
    }
    throw new Error(`it did not answer within ${START_MS / 1000} s`);
  }
}
