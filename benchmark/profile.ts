/**
 * `make profile`: shows which functions use the CPU time of an event. Runs the proxy from its sources under load with V8's
 * profiler. Prints the share of each part of the program, and of the most expensive functions. The profile stays in
 * .run/profile, for the developer tools of a browser.
 *
 *     node benchmark/profile.ts [--connections 256] [--seconds 10]
 */
import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { startBroker } from '../tools/kafka/broker.ts';
import { startProxy } from '../tools/proxy.ts';
import { measureLoad, requireWrk } from './loads/load.ts';
import { writeScript } from './loads/wrk-script.ts';

/** The used part of V8's format: nodes, the samples by node ids, and the µs before each sample. */
const Profile = Type.Object({
  nodes: Type.Array(
    Type.Object({
      id: Type.Integer(),
      callFrame: Type.Object({ functionName: Type.String(), url: Type.String() }),
    }),
  ),
  samples: Type.Array(Type.Integer()),
  timeDeltas: Type.Array(Type.Number()),
});

const SHOWN = 25;
const root = join(import.meta.dirname, '..');
const folder = join(root, '.run', 'profile');

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '256' },
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
const script = writeScript(join(root, 'examples'));
await measureLoad({ url: `${proxy.url}/api/v1/lineage`, pid: proxy.pid, script, connections, seconds });
await proxy.stop();
await broker.stop();

const [file] = globSync('*.cpuprofile', { cwd: folder });
if (file === undefined) throw new Error(`there is no profile in ${folder}`);
const shares = sharesOf(Value.Parse(Profile, JSON.parse(readFileSync(join(folder, file), 'utf8'))));
for (const [title, counts] of Object.entries(shares)) print(title, counts);
console.log(`\nThe profile: ${join(folder, file)}`);

type Counts = Map<string, number>;

/** µs by part of the program and by function, without idle time. */
function sharesOf({ nodes, samples, timeDeltas }: Type.Static<typeof Profile>): Record<string, Counts> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parts: Counts = new Map();
  const functions: Counts = new Map();
  for (const [index, id] of samples.entries()) {
    const { functionName, url } = frames.get(id) ?? { functionName: '?', url: '' };
    if (functionName === '(idle)') continue;
    const micros = timeDeltas[index] ?? 0;
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
