/**
 * `make bench-strangers`: the cost of a flood of wrong credentials, each different, and its effect on a good sender.
 *
 *     node benchmark/strangers.ts [--seconds 10] [--connections 64]
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../tools/kafka/broker.ts';
import { temporaryFolder } from '../tools/kafka/folders.ts';
import { startOidcServer } from '../tools/oidc-server.ts';
import { claims, SECRET_KEY, tokenOf } from '../test/auth/personal-tokens/personal-token-samples.ts';
import { startProxy, type Proxy } from '../tools/proxy.ts';
import { startBareServer } from './contenders/running.ts';
import { GoodSender } from './loads/good-sender.ts';
import { measureLoad, requireWrk } from './loads/load.ts';
import { cpuSeconds, residentMb } from './measure/process-tree.ts';
import { NUMBER, writeNumberedPosts } from './loads/wrk-script.ts';

const KEY = 'h2k_benchmark';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '64' } },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

const folder = temporaryFolder('http2kafka-bench-');
const event = readFileSync(join(import.meta.dirname, '..', 'examples', 'trino', '01-start.json'));

const CLIENT = { id: 'stranger', secret: randomBytes(16).toString('hex') };
const provider = await startOidcServer({ clients: [CLIENT], audience: 'http2kafka' });

/** `Authorization` of each request. `NUMBER` is replaced by the number of the request. */
const FLOODS: Readonly<Record<string, string | undefined>> = {
  'no credential': undefined,
  'unknown API keys': `Bearer h2k_unknown-${NUMBER}`,
  'personal tokens with a wrong signature': `Bearer personal_token_${wronglySigned(tokenOf(claims))}`,
  'access tokens with a wrong signature': `Bearer ${wronglySigned(await provider.token(CLIENT))}`,
  'the good sender alone': `Bearer ${KEY}`,
};

requireWrk();
const broker = await startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });
const proxy = await start();
const rows: string[] = [];
await measure('warming up', FLOODS['the good sender alone']);
rows.length = 0;
await measureBare();
for (const [name, authorization] of Object.entries(FLOODS)) await measure(name, authorization);
await proxy.stop();
await broker.stop();
await provider.stop();
const report = `# A flood of wrong credentials

\`make bench-strangers\`: wrk over ${connections} connections, ${seconds} s each, every wrong credential different. At the same time a good sender posts one
event after the other. CPU is user and system time of the proxy for each answer.

| | answers/s | CPU µs each | resident MB before | after | the good sender's events | taken | p50 ms | p99 ms |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
console.log(`\n${report}`);
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'strangers.md'), report);

async function start(): Promise<Proxy> {
  const senders = join(folder, 'senders.yaml');
  const hash = createHash('sha256').update(KEY).digest('hex');
  writeFileSync(senders, `senders:\n  - name: good\n    api_keys: ['sha256:${hash}']\n`);
  const proxy = await startProxy({
    program: 'built',
    settings: {
      KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
      AUTH__SENDERS_FILE: senders,
      AUTH__OIDC__ISSUER: provider.issuer,
      AUTH__OIDC__AUDIENCE: 'http2kafka',
      AUTH__PERSONAL_TOKENS__ENABLED: 'true',
      AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY,
      AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
    },
  });
  await proxy.ready();
  return proxy;
}

/** The yardstick: the cost of the same requests for a server that checks nothing. */
async function measureBare(): Promise<void> {
  const { url, pid, stop } = await startBareServer(broker);
  const load = { url, pid, script: scriptOf(undefined), seconds, connections };
  await measureLoad({ ...load, seconds: 2 });
  const { perSecond, cpuMicros } = await measureLoad(load);
  rows.push(
    `| bare node:http server | ${perSecond.toFixed(0)} | ${cpuMicros.toFixed(1)} | – | – | – | – | – | – |`,
  );
  await stop();
}

async function measure(name: string, authorization: string | undefined): Promise<void> {
  const before = residentMb(proxy.pid);
  const sender = new GoodSender(`${proxy.url}/api/v1/lineage`, KEY, event);
  const cpu = cpuSeconds(proxy.pid);
  const load = { url: `${proxy.url}/api/v1/lineage`, pid: proxy.pid, script: scriptOf(authorization) };
  const { failed, perSecond } = await measureLoad({ ...load, seconds, connections });
  const answers = failed + perSecond * seconds;
  const micros = ((cpuSeconds(proxy.pid) - cpu) * 1e6) / answers;
  const times = await sender.stop();
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1);
  const memory = [before, residentMb(proxy.pid)].map((mb) => mb.toFixed(0));
  const cells = [name, (answers / seconds).toFixed(0), micros.toFixed(1), ...memory];
  rows.push(`| ${[...cells, times.length, sender.taken, at(0.5), at(0.99)].join(' | ')} |`);
  console.log(rows.at(-1));
}

/** The same token with the ten digits of its request's number near the end of the signature. */
function wronglySigned(token: string): string {
  return `${token.slice(0, -12)}${NUMBER}AA`;
}

function scriptOf(authorization: string | undefined): string {
  return writeNumberedPosts(event, {
    'Content-Type': 'application/json',
    ...(authorization !== undefined && { Authorization: authorization }),
  });
}
