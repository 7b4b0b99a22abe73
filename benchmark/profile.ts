/**
 * `make profile`: shows which functions use the CPU time of an event. Runs the proxy from its sources under load with V8's
 * profiler. Prints the share of each part of the program, and of the most expensive functions, once the program is warm. The profile stays in
 * .run/profile, for the developer tools of a browser.
 *
 *     node benchmark/profile.ts [--connections 256] [--pause 0] [--seconds 10]
 *
 * Each connection waits `--pause` milliseconds between an answer and its next request.
 */
import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { startBroker } from '../tools/kafka/broker.ts';
import { startProxy } from '../tools/proxy.ts';
import { mix } from './loads/bodies.ts';
import { measureLoad, requireWrk } from './loads/load.ts';
import { writePosts } from './loads/wrk-script.ts';

/** The used part of V8's format: nodes, the samples by node ids, and the µs before each sample, from a monotonic time on. */
const Profile = Type.Object({
  nodes: Type.Array(
    Type.Object({
      id: Type.Integer(),
      callFrame: Type.Object({ functionName: Type.String(), url: Type.String() }),
    }),
  ),
  startTime: Type.Number(),
  samples: Type.Array(Type.Integer()),
  timeDeltas: Type.Array(Type.Number()),
});

const SHOWN = 25;
const root = join(import.meta.dirname, '..');
const folder = join(root, '.run', 'profile');

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '256' },
    pause: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '10' },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);

requireWrk();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const broker = await startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });
const proxy = await startProxy({
  settings: { KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers, KAFKA__COMPRESSION: 'none' },
  nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'],
});
await proxy.ready();
const { bodies, headers } = mix();
const script = writePosts(bodies, headers, Number(values.pause));
const load = { url: `${proxy.url}/api/v1/lineage`, pid: proxy.pid, script, connections, seconds };
// The first load warms the program: loading and compiling it is much of the cost at a low rate.
await measureLoad(load);
const since = monotonicMicros();
await measureLoad(load);
const until = monotonicMicros();
await proxy.stop();
await broker.stop();

const [file] = globSync('*.cpuprofile', { cwd: folder });
if (file === undefined) throw new Error(`there is no profile in ${folder}`);
const shares = sharesOf(Value.Parse(Profile, JSON.parse(readFileSync(join(folder, file), 'utf8'))));
for (const [title, counts] of Object.entries(shares)) print(title, counts);
console.log(`\nThe profile: ${join(folder, file)}`);

type Counts = Map<string, number>;

/** The clock of V8's profiles, which is the same in every process. */
function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** µs by part of the program and by function while the load was measured, without idle time. */
function sharesOf({
  nodes,
  startTime,
  samples,
  timeDeltas,
}: Type.Static<typeof Profile>): Record<string, Counts> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parts: Counts = new Map();
  const functions: Counts = new Map();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    const { functionName, url } = frames.get(id) ?? { functionName: '?', url: '' };
    const micros = timeDeltas[index] ?? 0;
    at += micros;
    if (functionName === '(idle)' || at < since || at > until) continue;
    const part = partOf(url) ?? functionName;
    parts.set(part, (parts.get(part) ?? 0) + micros);
    const name = `${functionName} (${part})`;
    functions.set(name, (functions.get(name) ?? 0) + micros);
  }
  return { 'Parts of the program': parts, Functions: functions };
}

/** `src/http`, a package, a part of Node, or nothing for code without a file. */
function partOf(url: string): string | undefined {
  return (
    /\/(src\/\w+)/.exec(url)?.[1] ?? /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? nodePart(url)
  );
}

function nodePart(url: string): string | undefined {
  if (url.startsWith('wasm:')) return 'assembly';
  return url === '' ? undefined : url;
}

function print(title: string, counts: Counts): void {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const total = sorted.reduce((sum, [, micros]) => sum + micros, 0);
  console.log(`\n${title}`);
  for (const [name, micros] of sorted.slice(0, SHOWN)) {
    console.log(`${((100 * micros) / total).toFixed(1).padStart(6)} %  ${name}`);
  }
}
