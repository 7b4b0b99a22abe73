/**
 * `make bench-strangers`: what a flood of wrong credentials costs, each one new, and what a good sender beside it sees of it.
 *
 *     node benchmark/strangers.ts [--seconds 10] [--connections 64]
 */
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../tools/kafka/broker.ts';
import { temporaryFolder } from '../tools/kafka/folders.ts';
import { startOidcServer } from '../tools/oidc-server.ts';
import { startProxy, type Proxy } from '../tools/proxy.ts';
import { startBareServer } from './bare-server.ts';
import { GoodSender } from './good-sender.ts';
import { measureLoad, requireWrk } from './load.ts';
import { cpuSeconds, residentMb } from './process-tree.ts';

const KEY = 'h2k_benchmark';
const SECRET = randomBytes(32).toString('hex');

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '64' } },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

const folder = temporaryFolder('http2kafka-bench-');
const event = readFileSync(join(import.meta.dirname, '..', 'examples', 'trino', '01-start.json'));

const CLIENT = { id: 'stranger', secret: randomBytes(16).toString('hex') };
const provider = await startOidcServer({ clients: [CLIENT], audience: 'http2kafka' });

/** `Authorization` of each request, with its number where the `#` is. */
const FLOODS: Readonly<Record<string, string | undefined>> = {
  'no credential': undefined,
  'unknown API keys': 'Bearer h2k_unknown-#',
  'personal tokens with a wrong signature': `Bearer ${wrongToken()}`,
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

\`make bench-strangers\`: wrk over ${connections} connections, ${seconds} s each, every wrong credential a new one; beside it a good sender, who posts one
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
      AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET,
      AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
    },
  });
  await proxy.ready();
  return proxy;
}

/** The yardstick: what the same requests cost a server that knows everybody and does nothing. */
async function measureBare(): Promise<void> {
  const { url, pid, stop } = await startBareServer();
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

/** A personal token of which all is as it should be but the signature. */
function wrongToken(): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'data-rentgen',
    jti: randomUUID(),
    token_name: 'x',
    sub_id: 1,
    preferred_username: 'x',
  };
  const times = { scope: 'all:read', nbf: now, exp: now + 86_400 };
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, ...times })}`;
  const signature = createHmac('sha256', 'another secret').update(text).digest('base64url');
  return `personal_token_${wronglySigned(`${text}.${signature}`)}`;
}

/** The same token with the ten digits of its request's number near the end of the signature. */
function wronglySigned(token: string): string {
  return `${token.slice(0, -12)}#AA`;
}

function scriptOf(authorization: string | undefined): string {
  const script = join(folder, 'strangers.lua');
  const body = join(folder, 'event.json');
  writeFileSync(body, event);
  const line = authorization === undefined ? '' : `Authorization: ${authorization}\\r\\n`;
  const [head = '', tail] = line.split('#');
  const number = tail === undefined ? '' : `.. string.format("%010d", next) .. "${tail}"`;
  writeFileSync(
    script,
    `local file = io.open(${JSON.stringify(body)}, "rb")
local body = file:read("*a")
file:close()
local rest = "Content-Type: application/json\\r\\nContent-Length: " .. #body .. "\\r\\n\\r\\n" .. body
local next = 0
request = function()
  next = next + 1
  return "POST /api/v1/lineage HTTP/1.1\\r\\nHost: proxy\\r\\n${head}" ${number} .. rest
end
done = function(summary, latency)
  io.write("99.9th percentile: ", latency:percentile(99.9), "us\\n")
end
`,
  );
  return script;
}
