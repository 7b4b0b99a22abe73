/**
 * `make screenshots`: the pictures of the page at `/` in docs/images, from a real proxy with a real Kafka. Real clients
 * have sent the events of examples/. Three engines do not arrive: a wrong path, an expired token, an event that is not valid.
 * Their requests are those that the engines themselves have sent in tools/compat/mistakes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { findChromium } from './chromium.ts';
import { expiredToken, TOKEN_SECRET } from './compat/mistakes/scene.ts';
import { startBroker } from './kafka/broker.ts';
import { temporaryFolder } from './kafka/folders.ts';
import { createTopic } from './kafka/topics.ts';
import { freePorts } from './kafka/ports.ts';
import { startProxy, type Proxy } from './proxy.ts';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs', 'images');
const PYTHON = 'python-requests/2.34.2';

/** Senders, and how the programs call themselves that they send with. */
const SENDERS: Readonly<Record<string, string>> = {
  airflow: PYTHON,
  dbt: PYTHON,
  python: PYTHON,
  spark: 'Apache-HttpClient/5.6.4 (Java/17.0.15)',
  trino: 'Apache-HttpClient/5.5 (Java/25.0.3)',
};

/** Events that are spooled for the picture of their delivery, and in one request. A broker takes 20,000 a second. */
const SPOOLED = 200_000;
const BATCH = 1000;

/** A name that leads to this machine, as browsers on other machines call the proxy. */
const ELSEWHERE = 'lineage.example.org';

const executablePath = findChromium();
if (executablePath === undefined) throw new Error('there is no Chromium: run make chromium');
mkdirSync(images, { recursive: true });
const broker = await startBroker();
const senders = join(temporaryFolder('http2kafka-screenshots-'), 'senders.yaml');
writeFileSync(
  senders,
  [
    'senders:',
    ...Object.keys(SENDERS).map((name) => `  - name: ${name}\n    api_keys: ['sha256:${sha256(name)}']`),
  ].join('\n'),
);
await createTopic(broker.bootstrapServers, { name: 'input.runs', partitions: 3 });
const proxy = await startProxy({
  settings: {
    KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
    SPOOL__AFTER: '300ms',
    AUTH__SENDERS_FILE: senders,
    AUTH__PERSONAL_TOKENS__ENABLED: 'true',
    AUTH__PERSONAL_TOKENS__SECRET_KEY: TOKEN_SECRET,
    AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
    CHECK__CONSUMERS: 'data-rentgen',
    SERVER__PAGE__SENDERS: 'true',
    // The password is of no use: no one knows it.
    SERVER__PAGE__USERS: `ana:scrypt:16384:${'A'.repeat(22)}:${'A'.repeat(43)}`,
  },
});
const problem = await proxy.ready();
if (problem !== undefined) throw new Error(problem);
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  await open(page, proxy.url);
  await page.screenshot({ path: join(images, 'page-empty.png'), clip: top(1440, 400) });

  for (const sender of Object.keys(SENDERS)) await postExamples(proxy, sender);
  await post(proxy, '/api/v1/lineage', ofAnotherRun(example('spark', '01-start.json')), { sender: 'spark' });
  await post(proxy, '/api/v1', '{}', { sender: 'trino' });
  await post(proxy, '/api/v1/lineage', '{}', { sender: 'spark', credential: expiredToken() });
  // As of a dbt with its namespace from a terminal that is not UTF-8.
  const broken = example('dbt', '01-model-start.json').replaceAll(
    '"namespace": "shop"',
    String.raw`"namespace": "Caf\udce9"`,
  );
  await post(proxy, '/api/v1/lineage', broken, { sender: 'dbt' });

  await open(page, proxy.url);
  await page.screenshot({ path: join(images, 'page.png') });
  // As high as each part: a long table scrolls by itself.
  await page.setViewportSize({ width: 1440, height: 1600 });
  for (const part of ['refused', 'runs', 'quality', 'standing']) {
    await page.locator(`#${part}`).screenshot({ path: join(images, `page-${part}.png`) });
  }
  await page.getByText('Trino', { exact: true }).last().click();
  await page.locator('section', { has: page.locator('#h-connect') }).screenshot({
    path: join(images, 'page-connect.png'),
  });
  const wide = await browser.newPage({ viewport: { width: 1920, height: 700 }, colorScheme: 'dark' });
  await open(wide, proxy.url);
  await wide.screenshot({ path: join(images, 'page-wide.png') });
  await wide.goto(`http://${ELSEWHERE}:${proxy.port}/`);
  await wide.screenshot({ path: join(images, 'page-login.png'), clip: top(640, 260) });

  await broker.kill();
  await postExamples(proxy, 'spark');
  await page.getByText('Kafka is unavailable.').waitFor();
  await page.locator('#standing').screenshot({ path: join(images, 'page-outage.png') });
  const narrow = await browser.newPage({ viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
  await open(narrow, proxy.url);
  await narrow.screenshot({ path: join(images, 'page-narrow.png') });

  await spoolMany(proxy);
  const started = broker.start();
  // The page asks every few seconds, and the delivery takes no longer.
  while (!(await page.getByText('Events are delivered from disk').isVisible())) await open(page, proxy.url);
  await takeState(page, 'page-drain.png');
  await started;
  await takeFull(page);
  await takeParked(page);
} finally {
  await browser.close();
  await proxy.stop('SIGKILL');
  await broker.stop({ limitMs: 0 });
}
console.log(`wrote ${images}`);

/** So many that a picture can be taken while they are delivered. */
async function spoolMany(to: Proxy): Promise<void> {
  const event = example(
    'trino',
    readdirSync(join(root, 'examples', 'trino')).find((file) => file.includes('start')) ?? '',
  );
  const batch = `[${new Array(BATCH).fill(event).join()}]`;
  for (let sent = 0; sent < SPOOLED; sent += BATCH) {
    await post(to, '/api/v1/lineage/batch', batch, { sender: 'trino' });
  }
}

/** A proxy without a broker, whose spool has little room. */
async function takeFull(page: Page): Promise<void> {
  const [nowhere = 0] = await freePorts(1);
  const full = await startProxy({
    settings: {
      KAFKA__BOOTSTRAP_SERVERS: `127.0.0.1:${nowhere}`,
      SPOOL__MAX_BYTES: '6MiB',
      SPOOL__AFTER: '300ms',
    },
  });
  const event = example('spark', '01-start.json');
  while ((await post(full, '/api/v1/lineage', event, { sender: 'spark' })) !== 503);
  await open(page, full.url);
  await page.getByText('Events are refused').waitFor();
  await takeState(page, 'page-full.png');
  await full.stop('SIGKILL');
}

/** An event in the spool that neither its topic nor the dead-letter topic takes. */
async function takeParked(page: Page): Promise<void> {
  const [nowhere = 0] = await freePorts(1);
  const path = temporaryFolder('http2kafka-screenshots-');
  const topics = { PRODUCER__MAIN_TOPIC: 'narrow', PRODUCER__MALFORMED_TOPIC: 'narrow-dead' };
  const settings = { SPOOL__PATH: path, SPOOL__AFTER: '300ms', ...topics };
  const before = await startProxy({
    settings: { ...settings, KAFKA__BOOTSTRAP_SERVERS: `127.0.0.1:${nowhere}` },
  });
  const padding = randomBytes(45_000).toString('base64');
  const large = example('spark', '01-start.json').replace('{', `{"padding": "${padding}",`);
  await post(before, '/api/v1/lineage', large, { sender: 'spark' });
  await before.stop('SIGKILL');
  for (const name of Object.values(topics)) {
    await createTopic(broker.bootstrapServers, {
      name,
      partitions: 1,
      configs: { 'max.message.bytes': '20000' },
    });
  }
  const after = await startProxy({
    settings: { ...settings, KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers },
  });
  await open(page, after.url);
  await page
    .getByText(/Parked/)
    .first()
    .waitFor();
  await takeState(page, 'page-parked.png');
  await after.stop('SIGKILL');
}

/** The summary and where things stand. */
async function takeState(page: Page, file: string): Promise<void> {
  await page.locator('#standing').screenshot({ path: join(images, file) });
}

async function open(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/`);
  await page.getByText('Live.').waitFor();
}

function top(width: number, height: number) {
  return { x: 0, y: 0, width, height };
}

function example(sender: string, file: string): string {
  return readFileSync(join(root, 'examples', sender, file), 'utf8');
}

/** The event in a run of its own, which does not end. */
function ofAnotherRun(event: string): string {
  return event.replace(
    /("runId": "[^"]*)[0-9a-f]"/,
    (_, start: string) => `${start}${start.endsWith('0') ? 1 : 0}"`,
  );
}

async function postExamples(to: Proxy, sender: string): Promise<void> {
  for (const file of readdirSync(join(root, 'examples', sender)).sort()) {
    if (file.endsWith('.json')) await post(to, '/api/v1/lineage', example(sender, file), { sender });
  }
}

/** Resolves to the status of the answer. */
async function post(
  to: Proxy,
  path: string,
  body: string,
  { sender, credential = keyOf(sender) }: { sender: string; credential?: string },
): Promise<number> {
  const answer = await fetch(`${to.url}${path}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': SENDERS[sender] ?? '',
      authorization: `Bearer ${credential}`,
    },
  });
  await answer.text();
  return answer.status;
}

function keyOf(sender: string): string {
  return `h2k_of_${sender}`;
}

function sha256(sender: string): string {
  return createHash('sha256').update(keyOf(sender)).digest('hex');
}
