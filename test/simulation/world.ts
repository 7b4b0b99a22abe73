/** The world of one day: its time, its cluster, its network, its disk, and the proxy that runs in it. */
import type { Decided } from '../../src/delivery/port.ts';
import { sleep } from '../../src/support/time.ts';
import type { Random } from '../openlineage/random.ts';
import { SimulatedDisk, type CrashKind } from '../spool/simulation/simulated-disk.ts';
import { SimulatedTime } from '../support/simulated-time.ts';
import type { Network } from './cluster/cluster-client.ts';
import { KafkaCluster, type ClusterOptions } from './cluster/kafka-cluster.ts';
import { foundEvents } from './duplicates/found-events.ts';
import { MarkTimes } from './duplicates/mark-times.ts';
import type { FaultKind } from './faults.ts';
import { bytesIn, SPOOL_FOLDERS, type SpoolFolder } from './observation/work.ts';
import type { RulesFile } from './places/rules-file.ts';
import { ProxyProcess, type ProxySettings } from './proxy-process.ts';
import { streamOf } from './streams.ts';

/** A network without faults. */
export const QUIET = {
  isCut: false,
  lostAnswers: 0,
  corruptBatches: 0,
  leftOutAnswers: 0,
  maxRequestBytes: Number.POSITIVE_INFINITY,
  held: undefined,
} as const;

export interface Episode {
  readonly kind: FaultKind;
  readonly from: number;
  /** Infinite while it lasts. */
  to: number;
}

/** What an operator has heard of a parked event. */
export interface Decision extends Decided {
  /** The request that brought the event. */
  readonly requestId: string;
  /** On the monotonic clock. */
  readonly at: number;
}

/** Violations in the trace, at most. One mistake may have hundreds. */
const MAX_TOLD = 20;

/** Milliseconds that a stop may take: `--timeout-graceful-shutdown`. */
export const GRACE_MS = 10_000;

/** Operations of the disk, one after the other, that close the spool of two topics after the last answer. */
const CLOSING_OPERATIONS = 8;

export class World {
  readonly seed: number;
  readonly time = new SimulatedTime();
  readonly cluster: KafkaCluster;
  readonly network: Network = { ...QUIET, latencyMs: 10 };
  disk: SimulatedDisk;
  /** How far the proxy's wall clock is ahead of the brokers'. */
  wallOffsetMs = 0;
  proxy: ProxyProcess | undefined;
  /** Undefined on a day without rules. */
  rules: RulesFile | undefined;
  /** All processes so far, the current one is the last. */
  readonly processes: ProxyProcess[] = [];
  /** What happened, in words, with the simulated time. */
  readonly trace: string[] = [];
  readonly violations: string[] = [];
  /** Those of them that break a promise to senders. */
  readonly broken: string[] = [];
  /** Text of the events whose bytes on disk a fault has changed. */
  destroyed = '';
  /** The faults of the day as they happened, on the monotonic clock. */
  readonly episodes: Episode[] = [];
  /** What an operator has heard of parked events. */
  readonly decisions: Decision[] = [];
  /** How often an operator has listed the parked events, and then decided on them. */
  operatorActs = 0;
  /** Since when marks may be missing on disk. */
  readonly marks: MarkTimes;
  /** Text of the events whose mark on disk a fault has changed. */
  remarked = '';
  /** Milliseconds from the last fault until everything was delivered. */
  recoveredAfterMs = 0;
  /** Bytes of the disk when it was last taken over after a crash, by the kind of folder. */
  readonly bytesFound = new Map<SpoolFolder, number>();
  /** On the monotonic clock. */
  readonly powerCuts: number[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #streams = new Map<string, number>();
  /** Milliseconds in which the disk answered nothing, up to the end of the last such time. */
  hungMs = 0;
  #hangs = false;
  /** Milliseconds in which the process was stopped by SIGSTOP, up to the end of the last such time. */
  #stoppedMs = 0;
  /** Milliseconds that an operation of the disk takes now at most. */
  #slowestMs = 0;
  readonly #diskMs: number;
  readonly #diskRandom: Random;

  /** `diskMs`: milliseconds that an operation of the disk takes, at most. */
  constructor(seed: number, options: ClusterOptions, diskMs: number) {
    this.seed = seed;
    this.cluster = new KafkaCluster(this.time, this.random('cluster'), options);
    this.disk = new SimulatedDisk({ random: this.random('disk'), time: this.time });
    this.#diskMs = diskMs;
    this.#diskRandom = this.random('slow disk');
    this.marks = new MarkTimes(() => this.time.monotonic.now());
    this.marks.watch(this.disk.operations);
    this.slowDisk(0);
  }

  /** A source of random numbers of its own for each part: what one part draws does not change another. */
  random(name: string): Random {
    const before = this.#streams.get(name) ?? 0;
    this.#streams.set(name, before + 1);
    return streamOf(this.seed, `world ${name} ${before}`);
  }

  /** `at` is on the monotonic clock. */
  tell(text: string, at = this.time.monotonic.now()): void {
    this.trace.push(`${((at - 1000) / 1000).toFixed(3).padStart(9)} s  ${text}`);
  }

  /** A promise to senders is broken: an event is lost, changed, out of order, unanswered. */
  violate(text: string): void {
    this.broken.push(text);
    this.remark(text);
  }

  /** What the proxy says of itself, or the work that it does, is not as it should be. */
  remark(text: string): void {
    this.violations.push(text);
    if (this.violations.length <= MAX_TOLD) this.tell(`VIOLATION: ${text}`);
  }

  /** Starts the proxy if it does not run, and tries again while the disk does not allow it, as a supervisor does. */
  async start(settings: ProxySettings): Promise<void> {
    this.#starting ??= this.#start(settings).finally(() => (this.#starting = undefined));
    await this.#starting;
  }

  async #start(settings: ProxySettings): Promise<void> {
    let told = '';
    while (!this.proxy) {
      const number = this.processes.length + 1;
      const found = foundEvents(this.disk.contents());
      try {
        const proxy = await ProxyProcess.start(this, number, settings, found);
        this.processes.push(proxy);
        this.proxy = proxy;
        this.tell(`process ${number} runs`);
      } catch (error) {
        if (told !== String(error)) this.tell(`the proxy does not start: ${String(error)}`);
        told = String(error);
        await this.pass(1000);
      }
    }
  }

  /** Stops the proxy as on SIGTERM. It may be killed meanwhile. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => (this.#stopping = undefined));
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    const { proxy } = this;
    if (!proxy) return;
    // A process that is stopped by SIGSTOP gets SIGTERM when it goes on.
    while (isStoppedNow(proxy)) await this.pass(10);
    if (this.proxy !== proxy) return;
    const from = this.time.monotonic.now();
    const idleBefore = this.hungMs + this.#stoppedMs;
    this.tell(`process ${proxy.number} stops`);
    await Promise.race([proxy.stop(GRACE_MS), proxy.death]);
    if (proxy.time.isDead) return;
    this.proxy = undefined;
    proxy.unmarkedSince = this.marks.end(false);
    // Files cannot be closed while the disk does not answer, and a process that is stopped by SIGSTOP does nothing.
    const tookMs = this.time.monotonic.now() - from - (this.hungMs + this.#stoppedMs - idleBefore);
    if (tookMs > GRACE_MS + 1000 + CLOSING_OPERATIONS * this.#slowestMs)
      this.violate(`the stop took ${tookMs} ms`);
    if (proxy.time.timers > 0) this.violate(`${proxy.time.timers} timers are left after the stop`);
    if (proxy.unanswered > 0) this.violate(`${proxy.unanswered} requests have no answer after the stop`);
    proxy.delivery.measure();
    const bytes = (await proxy.metrics.queueBytes.get()).values[0]?.value ?? 0;
    if (bytes !== 0) this.violate(`${bytes} bytes of memory are claimed after the stop`);
    if (proxy.client.connections > 0)
      this.violate(`${proxy.client.connections} connections are open after the stop`);
    if (this.disk.openFiles > 0) this.violate(`${this.disk.openFiles} files are open after the stop`);
    proxy.time.kill();
  }

  /** Ends the process, or the whole machine. The next process finds what the disk has. */
  crash(kind: CrashKind): void {
    this.tell(kind === 'kill' ? 'the proxy is killed' : 'the power fails');
    if (kind === 'power cut') this.powerCuts.push(this.time.monotonic.now());
    if (this.proxy) {
      this.proxy.unmarkedSince = this.marks.end(true);
      this.proxy.kill();
    }
    this.proxy = undefined;
    this.disk = this.disk.afterCrash(kind);
    this.marks.watch(this.disk.operations);
    const sizes = [...this.disk.contents()].map(([path, bytes]) => [path, bytes.length] as const);
    for (const folder of SPOOL_FOLDERS) this.bytesFound.set(folder, bytesIn(folder, sizes));
    this.slowDisk(0);
  }

  /** Each operation of the disk takes up to so many milliseconds, or as many as it usually does if that is more. */
  slowDisk(ms: number): void {
    const most = Math.max(ms, this.#diskMs);
    this.#slowestMs = most;
    this.#notePace();
    this.disk.operations.slowness =
      most === 0 ? undefined : () => this.pass(1 + this.#diskRandom.below(most));
  }

  /** The disk answers nothing for so long. */
  async hangDisk(ms: number): Promise<void> {
    const { operations } = this.disk;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    operations.hangs = promise;
    this.#hangs = true;
    this.#notePace();
    await this.pass(ms);
    this.#hangs = false;
    this.#notePace();
    operations.hangs = undefined;
    this.hungMs += ms;
    resolve(undefined);
  }

  /** SIGSTOP: the process does nothing for so long. */
  async stopProcess(ms: number): Promise<void> {
    const { proxy } = this;
    proxy?.time.stop();
    this.#notePace();
    await this.pass(ms);
    this.#stoppedMs += ms;
    proxy?.time.continue();
    this.#notePace();
  }

  #notePace(): void {
    const isStopped = this.#hangs || (this.proxy !== undefined && isStoppedNow(this.proxy));
    this.marks.note(isStopped ? Number.POSITIVE_INFINITY : 1 + this.#slowestMs);
  }

  /** Waits in the world's time. */
  pass(ms: number): Promise<void> {
    return sleep(this.time, ms);
  }
}

function isStoppedNow({ time }: ProxyProcess): boolean {
  return time.isStopped && !time.isDead;
}
