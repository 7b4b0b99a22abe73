import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../tools/docker/engine.ts';
import type { ProgramImages } from '../../tools/docker/image.ts';
import { freePorts } from '../../tools/kafka/ports.ts';
import { createTopic, type NewTopic } from '../../tools/kafka/topics.ts';
import { EventBodies } from '../faults/event-bodies.ts';
import { Judgement } from '../faults/judgement.ts';
import { Ledger } from '../faults/ledger.ts';
import { Load } from '../faults/load.ts';
import { TopicReader } from '../faults/topic-reader.ts';
import type { ComposeProject } from './compose-project.ts';

const WAIT_MS = 90_000;
const PATIENCE_MS = 45_000;
const QUIET_MS = 2000;
const PER_SECOND = 100;
const LABEL = 'http2kafka.docker-test=yes';

/** What all lines share. */
export interface Stand {
  readonly engine: Engine;
  readonly images: ProgramImages;
  readonly compose: ComposeProject;
}

export interface ProxyOptions {
  readonly image?: string;
  /** Settings by their names without the prefix, as `SPOOL__AFTER`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Options of `docker run`. */
  readonly options?: readonly string[];
  /** Arguments of the program. */
  readonly args?: readonly string[];
}

/** The topic, the proxy, its volume and the senders of one line, and its findings. */
export class Scene {
  readonly stand: Stand;
  readonly name: string;
  readonly topic: string;
  readonly ledger = new Ledger();
  bodies = new EventBodies(5000);
  readonly #notes: string[] = [];
  readonly #loads: Load[] = [];
  readonly #judgement = new Judgement(this.ledger);
  #paused = false;
  #port = 0;

  constructor(stand: Stand, name: string) {
    this.stand = stand;
    this.name = name;
    this.topic = `docker.${name}`;
  }

  /** The container of the proxy. */
  get container(): string {
    return `h2k-test-${this.name}`;
  }

  /** The volume with the spool. */
  get volume(): string {
    return `h2k-test-${this.name}-spool`;
  }

  get port(): number {
    return this.#port;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  async docker(...args: readonly string[]): Promise<string> {
    return await this.stand.engine.docker(args);
  }

  createTopic(options: Partial<NewTopic> = {}): Promise<void> {
    return createTopic(this.stand.compose.servers, { name: this.topic, partitions: 3, ...options });
  }

  /** Starts the proxy in a container with the line's volume, without waiting for it. */
  async runProxy({ image, settings = {}, options = [], args = [] }: ProxyOptions = {}): Promise<void> {
    if (this.#port === 0) this.#port = (await freePorts(1))[0] ?? 0;
    const all = {
      KAFKA__BOOTSTRAP_SERVERS: this.stand.compose.inside,
      PRODUCER__MAIN_TOPIC: this.topic,
      ...settings,
    };
    const environment = Object.entries(all).flatMap(([name, value]) => [
      '--env',
      `HTTP2KAFKA__${name}=${value}`,
    ]);
    // prettier-ignore
    await this.docker(
      'run', '--detach', '--name', this.container, '--label', LABEL, '--network', this.stand.compose.network,
      '--publish', `127.0.0.1:${this.#port}:8002`, '--volume', `${this.volume}:/var/lib/http2kafka`,
      // As Docker asks, but every second, so that the line is quick.
      '--health-interval', '1s',
      ...environment, ...options, image ?? this.stand.images.plain, ...args,
    );
  }

  /** Starts the proxy, and resolves when the image's own check says that it is healthy. */
  async startProxy(options: ProxyOptions = {}): Promise<void> {
    await this.runProxy(options);
    await this.healthy();
  }

  async healthy(): Promise<void> {
    await this.until(
      'the proxy is healthy',
      async () => (await this.inspect('{{.State.Health.Status}}')) === 'healthy',
    );
  }

  /** Stops the proxy as `docker stop` does, and removes its container. The volume stays. */
  async removeProxy(): Promise<void> {
    await this.docker('stop', '--time', '20', this.container);
    await this.docker('rm', this.container);
  }

  async inspect(format: string): Promise<string> {
    return await this.docker('inspect', '--format', format, this.container);
  }

  async log(): Promise<string> {
    const { stdout, stderr } = await this.stand.engine.tried(['logs', this.container]);
    return stdout + stderr;
  }

  /** Kafka no longer answers: its processes are frozen. */
  async pauseKafka(): Promise<void> {
    // On control groups of version 1, a busy process may fork faster than the kernel freezes it.
    await this.until('Kafka is frozen', async () => {
      const { status, stderr } = await this.stand.engine.tried(['pause', this.stand.compose.broker]);
      if (status !== 0 && !stderr.includes('unable to freeze')) throw new Error(stderr);
      return status === 0;
    });
    this.#paused = true;
  }

  async unpauseKafka(): Promise<void> {
    await this.docker('unpause', this.stand.compose.broker);
    this.#paused = false;
  }

  /** Starts senders, which run until `judge`. Without a pace each posts its next event right after the last answer. */
  startLoad({ posters = 8, paced = true } = {}): Load {
    const { ledger, bodies, port } = this;
    const perSecond = paced ? PER_SECOND : undefined;
    const load = new Load({ port, ledger, bodies, posters, perSecond });
    this.#loads.push(load);
    return load;
  }

  async until(what: string, isSo: () => boolean | Promise<boolean>, limitMs = WAIT_MS): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await isSo())) {
      if (performance.now() > end) throw new Error(`Not so within ${limitMs / 1000} s: ${what}`);
      await sleep(100);
    }
  }

  /**
   * Stops the senders and reads the topic until all kept events are there.
   * @throws when an event was lost, came out of order, or was answered in another way than the line allows.
   */
  async judge({ mayRefuse = false } = {}): Promise<void> {
    const { ledger } = this;
    await Promise.all(this.#loads.map((load) => load.stop()));
    const reader = new TopicReader(this.stand.compose.servers, this.topic, this.bodies, this.#judgement);
    await reader.readAll(PATIENCE_MS, QUIET_MS);
    const { lost, reordered, duplicated } = this.#judgement.verdict();
    const hanging = this.#loads.reduce((sum, load) => sum + load.hanging, 0);
    this.#notes.unshift(
      `${ledger.kept} events kept (${ledger.keptIn('spool')} by the spool), lost ${lost.length}, reordered ${reordered.length}, ` +
        `duplicated ${duplicated}, refused ${ledger.refused}, p99 ${Math.round(ledger.p99Ms)} ms, slowest ${Math.round(ledger.slowestMs)} ms`,
    );
    const wrong = [
      [lost.length, 'lost'],
      [reordered.length, 'reordered'],
      [mayRefuse ? 0 : ledger.refused, 'refused'],
      [ledger.refusedWithoutRetryAfter, 'refused without Retry-After'],
      [ledger.rejected, `answered otherwise: ${[...ledger.statuses.keys()].join(', ')}`],
      [hanging, 'not answered within 30 s'],
      [ledger.kept === 0 ? 1 : 0, 'load without a kept event'],
    ] as const;
    const found = wrong.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
    if (found.length > 0) throw new Error(found.join(', '));
  }

  /** The most memory that the container has had, in MiB. Undefined where its control group cannot be read. */
  async peakMebibytes(): Promise<number | undefined> {
    const bytes = await this.#accounted('memory', 'memory.max_usage_in_bytes', 'memory.peak');
    return bytes === undefined ? undefined : Math.round(Number(bytes) / 1024 ** 2);
  }

  /** The CPU time that the container has had, in seconds. Undefined where its control group cannot be read. */
  async cpuSeconds(): Promise<number | undefined> {
    const text = await this.#accounted('cpuacct', 'cpuacct.usage', 'cpu.stat');
    if (text === undefined) return undefined;
    const [, microseconds] = /^usage_usec (\d+)$/m.exec(text) ?? [];
    return microseconds === undefined ? Number(text) / 1e9 : Number(microseconds) / 1e6;
  }

  /** A file of the container's control group, of version 1 or 2. */
  async #accounted(controller: string, inVersion1: string, inVersion2: string): Promise<string | undefined> {
    const id = await this.inspect('{{.Id}}');
    const files = [
      `/sys/fs/cgroup/${controller}/docker/${id}/${inVersion1}`,
      `/sys/fs/cgroup/docker/${id}/${inVersion2}`,
      `/sys/fs/cgroup/system.slice/docker-${id}.scope/${inVersion2}`,
    ];
    const file = files.find((path) => existsSync(path));
    return file === undefined ? undefined : readFileSync(file, 'utf8');
  }

  /** Removes what the line has made. */
  async close(): Promise<void> {
    if (this.#paused) await this.unpauseKafka();
    const stopping = Promise.all(this.#loads.map((load) => load.stop()));
    await this.stand.engine.tried(['rm', '--force', this.container]);
    await stopping;
    await this.stand.engine.tried(['volume', 'rm', '--force', this.volume]);
  }
}
