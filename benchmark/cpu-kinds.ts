/**
 * Which kinds of code use the CPU time of an event: the kernel, V8, Node, the program. `make profile` sees JavaScript only,
 * and counts the time in which a system call lets another process go on. This needs Linux's `perf`, and counts CPU time.
 *
 *     node benchmark/cpu-kinds.ts [--contenders bare,floor,none] [--connections 256] [--seconds 10]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../tools/kafka/broker.ts';
import { contendersOf, type Contender } from './contenders/contenders.ts';
import { isContenderName } from './contenders/names.ts';
import { startContender, type Running } from './contenders/running.ts';
import { mix } from './loads/bodies.ts';
import { measureLoad, requireWrk } from './loads/load.ts';
import { writePosts } from './loads/wrk-script.ts';
import { table } from './report/markdown.ts';

/** The first that fits a symbol of perf counts. */
const KINDS: readonly (readonly [kind: string, symbol: RegExp])[] = [
  ['kernel', /^\[k\]/],
  ['the scan, checksums (WebAssembly)', /JS:\S*wasm/],
  ["JavaScript of Node's own modules", /JS:.* node:/],
  ["JavaScript, the program's", /JS:/],
  ['V8: collecting garbage', /Scaveng|Evacuat|Sweep|Marking|GlobalHandles|RecordWrite|::Heap::/],
  ['V8: built-in functions, lookups of members', /Builtins_|RegExp/],
  ['V8: the rest', /v8::/],
  ['Node in C++, libuv, llhttp', /node::|uv_|llhttp/],
  ['C library: memory, clock', /malloc|free|unlink_chunk|mem(?:move|cpy|set)|vdso|0x[0-9a-f]{8}/],
];
const REST = 'other';

/** Samples a second. */
const FREQUENCY = '2000';

/** Seconds of load before: V8 compiles the hot functions, and symbols of old code would count as well. */
const WARM_UP_S = 20;

const { values } = parseArgs({
  options: {
    contenders: { type: 'string', default: 'bare,floor,none' },
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '10' },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);

requireWrk();
const folder = join(import.meta.dirname, '..', '.run', 'cpu-kinds');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const { bodies, headers } = mix();
const script = writePosts(bodies, headers, 0);
const broker = await startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });
const contenders = contendersOf(undefined);
const columns: { readonly name: string; readonly micros: ReadonlyMap<string, number> }[] = [];
for (const name of values.contenders.split(',')) {
  if (!isContenderName(name)) throw new Error(`there is no contender ${name}`);
  const running = await startContender(withSymbols(contenders[name]), broker);
  if (!running) throw new Error(`${name} is not installed`);
  columns.push({ name, micros: await measure(name, running) });
  await running.stop();
}
await broker.stop();

const kinds = [...KINDS.map(([kind]) => kind), REST];
const total = ['all', ...columns.map(({ micros }) => sum([...micros.values()]).toFixed(1))];
const rows = kinds.map((kind) => [kind, ...columns.map(({ micros }) => (micros.get(kind) ?? 0).toFixed(1))]);
console.log(
  `\nCPU µs of an event of the mix, ${connections} connections\n\n${table(['', ...columns.map(({ name }) => name)], [total, ...rows])}`,
);

/** Node writes the names of compiled functions to /tmp/perf-PID.map, where perf looks for them. */
function withSymbols(contender: Contender): Contender {
  return {
    ...contender,
    prepare: async (place) => {
      const prepared = await contender.prepare(place);
      if (!prepared) return undefined;
      return { ...prepared, environment: { ...prepared.environment, NODE_OPTIONS: '--perf-basic-prof' } };
    },
  };
}

/** CPU µs of an event, by kind. */
async function measure(name: string, { url, path = '/api/v1/lineage', pid, settled }: Running) {
  const load = (duration: number) =>
    measureLoad({ url: url + path, pid, script, connections, seconds: duration });
  await load(WARM_UP_S);
  await settled();
  const file = join(folder, `${name}.data`);
  const record = ['record', '--event=cpu-clock', `--freq=${FREQUENCY}`, `--pid=${pid}`, `--output=${file}`];
  const perf = spawn('perf', [...record, '--', 'sleep', String(seconds - 1)], { stdio: 'ignore' });
  const ended = once(perf, 'exit');
  const { cpuMicros } = await load(seconds);
  await ended;
  return sharesOf(file, cpuMicros);
}

function sharesOf(file: string, cpuMicros: number): ReadonlyMap<string, number> {
  const report = ['report', `--input=${file}`, '--sort=symbol', '--stdio', '--show-nr-samples'];
  const text = execFileSync('perf', report, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const samples = new Map<string, number>();
  for (const [, count = '', symbol = ''] of text.matchAll(/^ +[\d.]+% +(\d+) +(\[.\] .*?) *$/gm)) {
    const kind = KINDS.find(([, pattern]) => pattern.test(symbol))?.[0] ?? REST;
    samples.set(kind, (samples.get(kind) ?? 0) + Number(count));
  }
  const all = sum([...samples.values()]);
  return new Map([...samples].map(([kind, count]) => [kind, (count / all) * cpuMicros]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
