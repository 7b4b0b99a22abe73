/** Load by wrk, and what it cost the process under load. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { cpuSeconds, residentMb } from './process-tree.ts';
import { parseWrkOutput } from './wrk-output.ts';

export interface Load {
  readonly url: string;
  /** Whose CPU and memory, with that of all it has started. */
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
  /** Of requests, whatever their answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** After the load. */
  readonly residentMb: number;
  /** Answers that were not 2xx, and connections that broke. */
  readonly failed: number;
}

/** Sees that wrk is there; tells how to get it when not. */
export function requireWrk(): void {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore' });
  } catch (error) {
    // wrk ends with 1 after it has told its version.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      console.error("The benchmarks need wrk: apt-get install wrk, or your system's like.");
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
  // Not by execFileSync: what a server logs meanwhile has to be read, or it stops.
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
