/** Load by wrk, and its cost for the process under load. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { cpuSeconds, residentMb } from './process-tree.ts';
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
}

export interface Measure {
  /** User and system time of the process and its descendants, in µs for each event answered 2xx. */
  readonly cpuMicros: number;
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
}

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

/** Runs wrk against a URL and measures the process that serves it. */
export async function measureLoad({
  url,
  pid,
  script,
  connections,
  seconds,
  eventsEach = 1,
}: Load): Promise<Measure> {
  const options = { '--threads': 1, '--connections': connections, '--duration': `${seconds}s` };
  const args = Object.entries(options).flatMap(([name, value]) => [name, String(value)]);
  const before = cpuSeconds(pid);
  // Not execFileSync: a server blocks when its log is not read during the load.
  const { stdout } = await promisify(execFile)('wrk', [...args, '--latency', '--script', script, url]);
  const cpu = cpuSeconds(pid) - before;
  const output = parseWrkOutput(stdout);
  const events = (output.requests - output.refused) * eventsEach;
  return {
    cpuMicros: (cpu * 1e6) / events,
    perSecond: events / output.seconds,
    p50Ms: output.p50Ms,
    p99Ms: output.p99Ms,
    p999Ms: output.p999Ms,
    residentMb: residentMb(pid),
    failed: output.refused + output.broken,
  };
}
