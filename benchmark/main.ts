/**
 * `make bench`: the cost of an event, as a ratio to a bare `node:http` server in the same run. Machines and neighbours
 * differ; ratios within one run stay. Three rounds, interleaved; the median counts.
 *
 *     node benchmark/main.ts [--seconds 5] [--connections 64] [--rounds 3]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../tools/kafka/broker.ts';
import { startProxy } from '../tools/proxy.ts';
import { startBareServer } from './bare-server.ts';
import { measureLoad, requireWrk, writeScript, type Measure } from './load.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const rounds = Number(values.rounds);

interface Contender {
  name: string;
  url: string;
  pid: number;
}

requireWrk();
const script = writeScript(join(import.meta.dirname, '..', 'examples'));
const broker = await startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });
const kafka = { KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers };
const bare = await startBareServer();
const proxies = {
  'http2kafka, compression none': { ...kafka, KAFKA__COMPRESSION: 'none', SERVER__ACCESS_LOG: 'false' },
  'http2kafka, compression lz4': { ...kafka, SERVER__ACCESS_LOG: 'false' },
  'http2kafka, level routing': {
    ...kafka,
    KAFKA__COMPRESSION: 'none',
    CHECK__LEVEL: 'routing',
    SERVER__ACCESS_LOG: 'false',
  },
  'http2kafka, with access log': { ...kafka, KAFKA__COMPRESSION: 'none', SERVER__ACCESS_LOG: 'true' },
};
const contenders: Contender[] = [{ name: 'bare node:http server', url: bare.url, pid: bare.pid }];
const running = [];
for (const [name, settings] of Object.entries(proxies)) {
  const proxy = await startProxy({ settings, program: 'built' });
  await proxy.ready();
  running.push(proxy);
  contenders.push({ name, url: `${proxy.url}/api/v1/lineage`, pid: proxy.pid });
}

const measures = new Map<string, Measure[]>(contenders.map(({ name }) => [name, []]));
for (const { url, pid } of contenders) await measureLoad(url, pid, script, 2, connections);
for (let round = 1; round <= rounds; round++) {
  for (const { name, url, pid } of contenders) {
    const measure = await measureLoad(url, pid, script, seconds, connections);
    measures.get(name)?.push(measure);
    console.log(
      `round ${round}: ${name}: ${measure.cpuMicros.toFixed(1)} µs, ${measure.perSecond.toFixed(0)}/s`,
    );
  }
}
for (const proxy of running) await proxy.stop();
bare.stop();
await broker.stop();

const report = tableOf(measures);
console.log(`\n${report}`);
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'latest.md'), report);

function tableOf(all: ReadonlyMap<string, readonly Measure[]>): string {
  const yardstick = median([...(all.values().next().value ?? [])].map(({ cpuMicros }) => cpuMicros));
  const rows = [...all].map(([name, list]) => {
    const of = (pick: (measure: Measure) => number) => median(list.map(pick));
    const cpu = of(({ cpuMicros }) => cpuMicros);
    const cells = [
      name,
      cpu.toFixed(1),
      (cpu / yardstick).toFixed(2),
      of(({ perSecond }) => perSecond).toFixed(0),
      of(({ p50Ms }) => p50Ms).toFixed(1),
      of(({ p99Ms }) => p99Ms).toFixed(1),
      of(({ residentMb }) => residentMb).toFixed(0),
      of(({ failed }) => failed).toFixed(0),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return `# Cost of an event

Commit ${commit}. \`make bench\`: ${connections} connections of wrk, ${seconds} s a round, median of ${rounds} interleaved rounds; the events
of \`examples/\` in turn; one Kafka broker on the same machine, \`acks=all\`. CPU is user and system time of the server's process for each
answered event. Read the ratio; the rest depends on the machine and on what else it does meanwhile.

| | CPU µs an event | ratio | events/s | p50 ms | p99 ms | resident MB | not 2xx |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
