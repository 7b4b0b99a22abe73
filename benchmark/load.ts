/** Load by wrk, and what it cost the process under load. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Measure {
  /** User and system time of the process, in µs for each answer. */
  cpuMicros: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  residentMb: number;
  /** Answers that were not 2xx, and connections that broke. */
  failed: number;
}

/** Clock ticks of /proc/PID/stat a second: 100 on every Linux there is. */
const TICKS_A_SECOND = 100;

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

/** A script for wrk that posts the files below a folder in turn; returns its path. */
export function writeScript(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('.json') && !path.endsWith('batch.json') && statSync(path).size > 0)
    .sort();
  const path = join(mkdtempSync(join(tmpdir(), 'http2kafka-bench-')), 'post.lua');
  writeFileSync(
    path,
    `local bodies = {}
for _, path in ipairs({ ${files.map((file) => JSON.stringify(file)).join(', ')} }) do
  local file = io.open(path, "rb")
  bodies[#bodies + 1] = file:read("*a")
  file:close()
end
local next = 0
request = function()
  next = next % #bodies + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, bodies[next])
end
done = function(summary, latency)
  io.write("99.9th percentile: ", latency:percentile(99.9), "us\\n")
end
`,
  );
  return path;
}

/** Runs wrk against a URL and measures the process that serves it. */
export async function measureLoad(
  url: string,
  pid: number,
  script: string,
  seconds: number,
  connections: number,
): Promise<Measure> {
  const before = cpuSeconds(pid);
  // Not by execFileSync: what a server logs meanwhile has to be read, or it stops.
  const { stdout: text } = await promisify(execFile)('wrk', [
    '--threads',
    '1',
    '--connections',
    String(connections),
    '--duration',
    `${seconds}s`,
    '--latency',
    '--script',
    script,
    url,
  ]);
  const cpu = cpuSeconds(pid) - before;
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  const sockets =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    cpuMicros: (cpu * 1e6) / requests,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(text)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(text)?.[1]),
    p999Ms: number(/99\.9th percentile: ([\d.]+)us/) / 1000,
    residentMb: residentMb(pid),
    failed:
      number(/Non-2xx or 3xx responses: (\d+)/) + sockets.reduce((sum, count) => sum + Number(count), 0),
  };
}

/** Memory of a process, in MB. */
export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** User and system time that a process has taken so far. */
export function cpuSeconds(pid: number): number {
  // The name, in brackets, may hold spaces: count the fields behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

function milliseconds(text: string | undefined): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? '') ?? [];
  return Number(value ?? Number.NaN) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1);
}
