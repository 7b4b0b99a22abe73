/** Load by wrk, and its cost for the process under load. */
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cpuSeconds, residentMb } from '../measure/process-tree.ts';
import { parseWrkOutput } from './wrk-output.ts';

export interface Load {
  readonly url: string;
  /** The measured process: its CPU time and memory count, with those of its descendants. */
  readonly pid: number;
  /** Path of a script for wrk (wrk-script.ts). */
  readonly script: string;
  readonly connections: number;
  readonly seconds: number;
  /** By default 1. */
  readonly eventsEach?: number;
  /** The broker's process. Its CPU time is measured as well. */
  readonly brokerPid?: number;
  /** Records in the topic so far; undefined when there is no topic. The load ends when Kafka has what was answered. */
  readonly written?: (() => Promise<number | undefined>) | undefined;
  /**
   * Waits until a program that may answer before Kafka has the event has no more to do. Such a program also does what wrk
   * no longer waits for, and that counts: its CPU time is divided by the records in Kafka.
   */
  readonly quiet?: (() => Promise<void>) | undefined;
}

export interface Measure {
  /** User and system time of the process and its descendants, in µs for each event answered 2xx. */
  readonly cpuMicros: number;
  /** The same for the broker. NaN when it is not measured. */
  readonly brokerMicros: number;
  /** Events answered 2xx a second. */
  readonly perSecond: number;
  /** Latency of requests with any answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Memory after the load. */
  readonly residentMb: number;
  /** Answers other than 2xx, and broken connections. */
  readonly failed: number;
  /** Events answered 2xx that Kafka did not have 10 s after the load. */
  readonly missing: number;
}

/** Seconds that wrk waits for an answer before it counts a failure. */
const ANSWER_S = 10;

/** Milliseconds for Kafka to get what was answered, and between two checks. */
const DELIVERY_MS = 10_000;
const POLL_MS = 20;

/** Checks that wrk is installed. Otherwise explains how to install it. */
export function requireWrk(): void {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore' });
  } catch (error) {
    // wrk exits with 1 after it has printed its version.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      console.error("The benchmarks need wrk: apt-get install wrk, or your system's package.");
      process.exit(1);
    }
  }
}

/**
 * Runs wrk against a URL and measures the process that serves it, until Kafka has what was answered: some programs answer
 * before that, and work on.
 */
export async function measureLoad(load: Load): Promise<Measure> {
  const { url, pid, script, connections, seconds, eventsEach = 1, brokerPid, written, quiet } = load;
  const options = {
    '--threads': 1,
    '--connections': connections,
    '--duration': `${seconds}s`,
    '--timeout': `${ANSWER_S}s`,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [name, String(value)]);
  const writtenBefore = await written?.();
  const brokerBefore = brokerPid === undefined ? Number.NaN : cpuSeconds(brokerPid);
  const before = cpuSeconds(pid);
  // Not execFileSync: a server blocks when its log is not read during the load.
  const { stdout } = await promisify(execFile)('wrk', [...args, '--latency', '--script', script, url]);
  const output = parseWrkOutput(stdout);
  const events = (output.requests - output.refused) * eventsEach;
  const missing = writtenBefore === undefined ? 0 : await missingOf(writtenBefore + events, written);
  await quiet?.();
  const done = quiet ? ((await written?.()) ?? 0) - (writtenBefore ?? 0) : events;
  const cpu = cpuSeconds(pid) - before;
  const brokerCpu = brokerPid === undefined ? Number.NaN : cpuSeconds(brokerPid) - brokerBefore;
  return {
    cpuMicros: (cpu * 1e6) / done,
    brokerMicros: (brokerCpu * 1e6) / done,
    perSecond: events / output.seconds,
    p50Ms: output.p50Ms,
    p99Ms: output.p99Ms,
    p999Ms: output.p999Ms,
    residentMb: residentMb(pid),
    failed: output.refused + output.broken,
    missing,
  };
}

/** Waits until the topic has so many records. Returns how many it lacks after a while. */
async function missingOf(expected: number, written: Load['written']): Promise<number> {
  const deadline = performance.now() + DELIVERY_MS;
  for (;;) {
    const lacking = expected - ((await written?.()) ?? expected);
    if (lacking <= 0) return 0;
    if (performance.now() > deadline) return lacking;
    await sleep(POLL_MS);
  }
}
