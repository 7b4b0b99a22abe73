/**
 * `make bench-states`: cost and latency of an event while Kafka is available (straight), unavailable (spooling), and back
 * (draining, alone and with new events).
 *
 *     node benchmark/states.ts [--seconds 5] [--connections 32,256]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startBroker, type Broker } from '../tools/kafka/broker.ts';
import { freePorts } from '../tools/kafka/ports.ts';
import { startProxy, type Proxy } from '../tools/proxy.ts';
import { startBareServer } from './contenders/running.ts';
import { measureLoad, requireWrk, type Measure } from './loads/load.ts';
import { cpuSeconds, residentMb } from './measure/process-tree.ts';
import { writeScript } from './loads/wrk-script.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32,256' },
  },
});
const seconds = Number(values.seconds);
const root = join(import.meta.dirname, '..');

interface Row {
  readonly name: string;
  readonly connections: string;
  readonly measure: Measure;
}

/** The address that the proxy takes for Kafka. Connections are refused until it is opened; then it forwards to the broker. */
class Gate {
  readonly port: number;
  readonly #broker: Broker;
  #server: Server | undefined;

  constructor(port: number, broker: Broker) {
    this.port = port;
    this.#broker = broker;
  }

  open(): void {
    this.#server = createServer((near) => {
      const far = connect(this.#broker.port, '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    }).listen(this.port, '127.0.0.1');
  }

  close(): void {
    this.#server?.close();
  }
}

requireWrk();
const script = writeScript(join(root, 'examples'));
const broker = await startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });
const bare = await startBareServer(broker);
const rows: Row[] = [];
for (const connections of values.connections.split(',').map(Number)) {
  await measureLoad({ url: bare.url, pid: bare.pid, script, seconds: 2, connections });
  add(
    'bare node:http server',
    connections,
    await measureLoad({ url: bare.url, pid: bare.pid, script, seconds, connections }),
  );
  await measureStraight(connections);
  await measureOutage(connections);
}
await bare.stop();
await broker.stop();
const report = reportOf(rows);
console.log(`\n${report}`);
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'states.md'), report);

function add(name: string, connections: number | string, measure: Measure): void {
  rows.push({ name, connections: String(connections), measure });
  console.log(
    `${name}, ${connections}: ${measure.cpuMicros.toFixed(1)} µs, ${measure.perSecond.toFixed(0)}/s`,
  );
}

async function measureStraight(connections: number): Promise<void> {
  const proxy = await start(broker.bootstrapServers);
  await proxy.ready();
  await load(proxy, 2, connections);
  add('straight', connections, await load(proxy, seconds, connections));
  await proxy.stop();
}

async function measureOutage(connections: number): Promise<void> {
  const [port = 0] = await freePorts(1);
  const gate = new Gate(port, broker);
  const proxy = await start(`127.0.0.1:${port}`);
  await load(proxy, 2, connections);
  add('spooled', connections, await load(proxy, seconds, connections));
  gate.open();
  add('drained, nothing new', '–', await drained(proxy));
  gate.close();
  await proxy.stop();

  const again = await start(`127.0.0.1:${port}`);
  await load(again, 2 * seconds, connections);
  gate.open();
  await again.ready();
  add('drained, with new ones', connections, await load(again, seconds, connections));
  gate.close();
  await again.stop();
}

function start(bootstrapServers: string): Promise<Proxy> {
  const settings = { KAFKA__BOOTSTRAP_SERVERS: bootstrapServers, KAFKA__COMPRESSION: 'none' };
  return startProxy({ settings, program: 'built' });
}

function load(proxy: Proxy, duration: number, connections: number): Promise<Measure> {
  const { url, pid } = proxy;
  return measureLoad({ url: `${url}/api/v1/lineage`, pid, script, seconds: duration, connections });
}

/** Waits until Kafka has all spooled events. Gives the cost of that. */
async function drained(proxy: Proxy): Promise<Measure> {
  const events = await spooled(proxy);
  await proxy.ready();
  const cpu = cpuSeconds(proxy.pid);
  const startedAt = performance.now();
  const before = await spooled(proxy);
  let peak = 0;
  while ((await spooled(proxy)) > 0) {
    peak = Math.max(peak, residentMb(proxy.pid));
    await sleep(20);
  }
  const duration = (performance.now() - startedAt) / 1000;
  console.log(`  ${events} spooled, ${before} when the proxy noticed that Kafka was back`);
  return {
    cpuMicros: ((cpuSeconds(proxy.pid) - cpu) * 1e6) / before,
    brokerMicros: Number.NaN,
    perSecond: before / duration,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    p999Ms: Number.NaN,
    residentMb: peak,
    failed: 0,
    missing: 0,
  };
}

async function spooled(proxy: Proxy): Promise<number> {
  const response = await fetch(`${proxy.url}/monitoring/ready`);
  return Number(/"events":(\d+)/.exec(await response.text())?.[1] ?? 0);
}

function reportOf(all: readonly Row[]): string {
  const lines = all.map(({ name, connections, measure }) => {
    const { cpuMicros, perSecond, p50Ms, p99Ms, p999Ms, failed } = measure;
    const yardstick = all.find((row) => row.name.startsWith('bare'))?.measure.cpuMicros ?? Number.NaN;
    const numbers = [
      cpuMicros,
      cpuMicros / yardstick,
      perSecond,
      p50Ms,
      p99Ms,
      p999Ms,
      measure.residentMb,
      failed,
    ];
    const digits = [1, 2, 0, 1, 1, 1, 0, 0];
    const cells = numbers.map((number, index) =>
      Number.isNaN(number) ? '–' : number.toFixed(digits[index]),
    );
    return `| ${[name, connections, ...cells].join(' | ')} |`;
  });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return `# Cost of an event, straight, spooled and drained

Commit ${commit}. \`make bench-states\`: wrk, ${seconds} s each; the events of \`examples/\` in turn; no compression; one Kafka broker on the same
machine, \`acks=all\`; the spool on its disk. CPU is user and system time of the proxy's process for each event; the ratio is to the bare server of the
same run. "Drained, nothing new" is the time from when Kafka is seen to be back until the spool is empty. "With new ones" is
measured from that moment on, the latency that of the new events; its CPU counts the drained ones' work as the new ones'.

| | connections | CPU µs an event | ratio | events/s | p50 ms | p99 ms | p99.9 ms | resident MB | not 2xx |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}
