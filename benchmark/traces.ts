/**
 * `make bench-traces`: what traces cost an event. Three proxies take turns: without traces, with one trace in a hundred,
 * and with all. The receiver of OTLP is a process of its own, and does not count.
 *
 *     node benchmark/traces.ts [--seconds 3] [--rounds 5] [--connections 32]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../tools/kafka/broker.ts';
import { startProxy, type Proxy } from '../tools/proxy.ts';
import { measureLoad, requireWrk } from './loads/load.ts';
import { writeScript } from './loads/wrk-script.ts';
import { table } from './report/markdown.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

/** Seconds of load before the first round: a fresh process is dearer. */
const WARM_UP = 8;

requireWrk();
const root = join(import.meta.dirname, '..');
const script = writeScript(join(root, 'examples'));
const receiver = createServer((request, response) => {
  request.resume().on('end', () => response.setHeader('content-type', 'application/x-protobuf').end());
}).listen(0, '127.0.0.1');
const address = receiver.address();
const port = typeof address === 'object' && address ? address.port : 0;
const broker = await startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });

const subjects = await Promise.all(
  (
    [
      ['off', {}],
      ['1 %', { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }],
      ['all', {}],
    ] as const
  ).map(async ([name, sampler]) => {
    const endpoint = name === 'off' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
    const settings = { KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers, KAFKA__COMPRESSION: 'none' };
    const proxy = await startProxy({ settings, environment: { ...endpoint, ...sampler }, program: 'built' });
    await proxy.ready();
    return { name, proxy, micros: new Array<number>() };
  }),
);
for (const { proxy } of subjects) await load(proxy, WARM_UP);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { proxy, micros } of subjects) micros.push((await load(proxy, seconds)).cpuMicros);
}
await Promise.all(subjects.map(({ proxy }) => proxy.stop()));
await broker.stop();
receiver.close();

const off = median(subjects[0]?.micros ?? []);
const rows = subjects.map(({ name, micros }) => {
  const own = median(micros);
  return [name, `${own.toFixed(1)} µs`, (own / off).toFixed(2)];
});
const report = `${connections} connections, events of examples/, ${values.rounds} rounds of ${seconds} s in turn:

${table(['traces', 'CPU an event', '× off'], rows)}
`;
console.log(report);
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'traces.md'), report);

function load({ url, pid }: Proxy, duration: number) {
  return measureLoad({ url: `${url}/api/v1/lineage`, pid, script, seconds: duration, connections });
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
}
