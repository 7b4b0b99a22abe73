/**
 * `make screenshots`: the pictures of the page at `/` in docs/images, from a real proxy with a real Kafka. Real clients
 * have sent the events of examples/. Three engines do not arrive: a wrong path, an expired token, an event that is not valid.
 */
import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { findChromium } from './chromium.ts';
import { startBroker } from './kafka/broker.ts';
import { temporaryFolder } from './kafka/folders.ts';
import { createTopic } from './kafka/topics.ts';
import { startProxy, type Proxy } from './proxy.ts';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs', 'images');
const SECRET = 'a secret of the pictures only';
const SENDERS = ['airflow', 'dbt', 'python', 'spark', 'trino'];

const executablePath = findChromium();
if (executablePath === undefined) throw new Error('there is no Chromium: run make chromium');
mkdirSync(images, { recursive: true });
const broker = await startBroker();
const senders = join(temporaryFolder('http2kafka-screenshots-'), 'senders.yaml');
writeFileSync(
  senders,
  ['senders:', ...SENDERS.map((name) => `  - name: ${name}\n    api_keys: ['sha256:${sha256(name)}']`)].join(
    '\n',
  ),
);
await createTopic(broker.bootstrapServers, { name: 'input.runs', partitions: 3 });
const proxy = await startProxy({
  settings: {
    KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
    SPOOL__AFTER: '300ms',
    AUTH__SENDERS_FILE: senders,
    AUTH__PERSONAL_TOKENS__ENABLED: 'true',
    AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET,
    AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
    CHECK__CONSUMERS: 'data-rentgen',
  },
});
const problem = await proxy.ready();
if (problem !== undefined) throw new Error(problem);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const sender of SENDERS) await postExamples(proxy, sender);
  await post(proxy, '/lineage', '{}', {
    authorization: `Bearer ${keyOf('trino')}`,
    'user-agent': 'openlineage-java/1.55.0',
  });
  await post(proxy, '/api/v1/lineage', '{}', { authorization: `Bearer personal_token_${expiredToken()}` });
  const broken = {
    eventTime: '2026-11-22 10:15',
    run: { runId: '42' },
    job: { namespace: 'shop', name: 'daily.orders' },
  };
  await post(proxy, '/api/v1/lineage', JSON.stringify(broken), { authorization: `Bearer ${keyOf('dbt')}` });

  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  await page.goto(`${proxy.url}/`);
  await page.getByText('Live.').waitFor();
  await page.screenshot({ path: join(images, 'page.png') });
  await page.locator('#refused').screenshot({ path: join(images, 'page-refused.png') });
  await page.locator('#quality').screenshot({ path: join(images, 'page-quality.png') });
  await broker.kill();
  await postExamples(proxy, 'spark');
  await page.getByText('Kafka is unavailable.').waitFor();
  await page.locator('#standing').screenshot({ path: join(images, 'page-outage.png') });
  const narrow = await browser.newPage({ viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
  await narrow.goto(`${proxy.url}/`);
  await narrow.getByText('Live.').waitFor();
  await narrow.screenshot({ path: join(images, 'page-narrow.png') });
} finally {
  await browser.close();
  await proxy.stop('SIGKILL');
  await broker.stop({ limitMs: 0 });
}
console.log(`wrote ${images}`);

async function postExamples(to: Proxy, sender: string): Promise<void> {
  const folder = join(root, 'examples', sender);
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.json')) continue;
    await post(to, '/api/v1/lineage', readFileSync(join(folder, file), 'utf8'), {
      authorization: `Bearer ${keyOf(sender)}`,
    });
  }
}

async function post(to: Proxy, path: string, body: string, headers: Record<string, string>): Promise<void> {
  const answer = await fetch(`${to.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  await answer.text();
}

function keyOf(sender: string): string {
  return `h2k_of_${sender}`;
}

function sha256(sender: string): string {
  return createHash('sha256').update(keyOf(sender)).digest('hex');
}

function expiredToken(): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({
    jti: '01989d2c-7a5e-7b3c-9f10-2a4b6c8d0e1f',
    token_name: 'spark-prod',
    sub_id: 5,
    preferred_username: 'alice',
    scope: 'all:write',
    nbf: 1_754_956_800,
    exp: 1_755_100_000,
    iss: 'data-rentgen',
  })}`;
  return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`;
}
