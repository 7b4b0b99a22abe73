/** The page at `/` in a browser, before a real proxy with a real Kafka. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { findChromium } from '../../tools/chromium.ts';
import { freePorts } from '../../tools/kafka/ports.ts';
import { ranProgram } from '../config/child.ts';
import { LoginProvider } from '../stage/login-provider.ts';
import { created, get, post } from '../stage/posting.ts';
import { runEvent } from '../stage/sample-events.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
];

const axe = createRequire(import.meta.url).resolve('axe-core');

suite('the page in a browser', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-page-'));
  const stage = useStage();
  let proxy: StagedProxy;
  let browser: Browser;
  const complaints: string[] = [];

  before(async () => {
    const executablePath = findChromium();
    assert.ok(executablePath !== undefined, 'there is no Chromium: run tools/chromium.ts');
    const settings = { SPOOL__AFTER: '300ms', SERVER__GRACEFUL_SHUTDOWN_TIMEOUT_S: '3600' };
    [proxy, browser] = await Promise.all([
      stage.proxy({ settings }),
      chromium.launch({ executablePath, args: ARGUMENTS, env: { ...process.env, HOME: folder } }),
    ]);
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('request', (request) => {
      if (!request.url().startsWith(new URL(url).origin)) complaints.push(request.url());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  async function assertAccessible(page: Page): Promise<void> {
    await page.addScriptTag({ path: axe }).catch(() => undefined);
    const found: unknown = await page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`))',
    );
    assert.deepEqual(found, []);
    const wider: unknown = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    assert.ok(typeof wider === 'number' && wider <= 0, `${String(wider)} pixels too wide`);
  }

  const rowsOf = (page: Page) => page.locator('#rows tr');

  test('shows without script what arrives, what is refused, and how to connect', async () => {
    created(await proxy.post(runEvent('readable')));
    await post(proxy, '{"eventTime": "SECRET"}');
    const page = await open(`${proxy.url}/`, { javaScriptEnabled: false });
    assert.match(
      await rowsOf(page).last().innerText(),
      /in Kafka\s+–\s+readable\s+test\s+START.*input\.runs\/\d+@\d+/s,
    );
    assert.match(await page.locator('#refused').innerText(), /Wrong event.*body\.producer: Field required/s);
    assert.match(await page.locator('#standing').innerText(), /input\.runs\s+events go to Kafka\s+ok/);
    await page.getByText('curl', { exact: true }).click();
    assert.ok(
      (await page.locator('pre').last().innerText()).startsWith(`curl -i http://127.0.0.1:${proxy.port}/api`),
    );
    assert.ok(!(await page.content()).includes('SECRET'));
    await page.getByLabel('Job', { exact: true }).fill('nothing like it');
    await page.getByRole('button', { name: 'Filter' }).click();
    assert.equal(await rowsOf(page).count(), 0);
    await page.context().close();
  });

  test('goes live, with filters; it stops and goes on', async () => {
    const page = await open(`${proxy.url}/`);
    await page.getByText('Live.').waitFor();
    await proxy.post(runEvent('live one'));
    await page.locator('#rows', { hasText: 'live one' }).waitFor();
    await page.getByLabel('Job', { exact: true }).fill('ONE');
    await page.getByRole('button', { name: 'Filter' }).press('Enter');
    await page.locator('#rows tr:only-child', { hasText: 'live one' }).waitFor();
    assert.match(page.url(), /job=ONE/);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped.').waitFor();
    await proxy.post(runEvent('one while it is stopped'));
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.locator('#rows', { hasText: 'one while it is stopped' }).waitFor();
    assert.equal(await rowsOf(page).count(), 2);
    await page.context().close();
  });

  test('is right for all, whatever the names and the window', async () => {
    const names = [
      '<img src=x onerror=alert(1)>',
      'מספרים ואותיות',
      '\u202egnitrats',
      '🚀🧪',
      'x'.repeat(2000),
    ];
    for (const name of names) {
      await proxy.post(
        runEvent(name, { job: { namespace: name, name }, run: { runId: crypto.randomUUID() } }),
      );
    }
    for (const [width, colorScheme] of [
      [320, 'dark'],
      [1920, 'light'],
    ] as const) {
      const page = await open(`${proxy.url}/`, {
        viewport: { width, height: 900 },
        colorScheme,
        bypassCSP: true,
      });
      await page.getByText('Live.').waitFor();
      assert.equal(await page.locator('img').count(), 0);
      assert.ok(await rowsOf(page).getByText('מספרים ואותיות').first().isVisible());
      await page.evaluate('document.querySelectorAll("details").forEach((one) => (one.open = true))');
      await assertAccessible(page);
      await page.context().close();
    }
  });

  test('tells of an outage of Kafka, and of its end', async () => {
    const page = await open(`${proxy.url}/`);
    await stage.broker.kill();
    await proxy.post(runEvent('in the outage'));
    await page.locator('#rows tr', { hasText: 'in the outage' }).getByText('on disk').waitFor();
    await page.getByText('Kafka is unavailable. Events are kept on disk: 1.').waitFor();
    await stage.broker.restart();
    await page.getByText('Events go to Kafka.').waitFor();
    await page.context().close();
  });

  test('asks users and senders from elsewhere to log in', async () => {
    const made = await ranProgram(['token', 'page-user', 'ana']);
    const user = /'(.*)'/.exec(made.stderr)?.[1] ?? '';
    const file = join(folder, 'senders.yaml');
    const key = await ranProgram(['token', 'key', 'trino']);
    const limitTo = (namespace: string) =>
      writeFileSync(file, `senders:\n${key.stderr}\n    namespaces: [${namespace}]\n`);
    limitTo('shop');
    const guarded = await stage.proxyWithoutKafka({
      settings: { SERVER__PAGE__USERS: user, SERVER__PAGE__SENDERS: 'true', AUTH__SENDERS_FILE: file },
    });
    const elsewhere = { 'x-forwarded-for': '192.0.2.1' };
    for (const path of ['/page/stream', '/page/parts']) {
      assert.equal((await get(guarded, path, { headers: elsewhere })).status, 404);
    }
    assert.equal((await get(proxy, '/', { headers: { ...elsewhere, accept: 'text/html' } })).status, 404);
    const page = await open(`${guarded.url}/`, { extraHTTPHeaders: elsewhere, bypassCSP: true });
    await assertAccessible(page);
    const login = async (password: string) => {
      await page.getByLabel('Name').fill('ana');
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
    };
    await login('wrong');
    await page.getByRole('alert').getByText('Name or password is wrong.').waitFor();
    await login(made.stdout.trim());
    await page.getByText('Live.').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();

    const headers = { authorization: `Bearer ${key.stdout.trim()}` };
    await guarded.post(runEvent('sold', { job: { namespace: 'shop', name: 'sold' } }), { headers });
    await page.getByLabel('Key or token of a sender').fill(key.stdout.trim());
    await page.getByRole('button', { name: 'Log in as a sender' }).click();
    await rowsOf(page).getByText('sold').waitFor();
    await assertAccessible(page);
    limitTo('stock');
    guarded.signal('SIGHUP');
    await page.getByText('Nothing has arrived that fits.').waitFor();
    assert.equal(await rowsOf(page).count(), 0);
    await page.context().close();
    await guarded.kill();
  });

  test('lets accounts of an OpenID provider log in, which is another site', async () => {
    const [port = 0] = await freePorts(1);
    const redirectUri = `http://127.0.0.1:${port}/page/oidc/callback`;
    const provider = await LoginProvider.start({ clientId: 'page', redirectUri });
    const guarded = await stage.proxyWithoutKafka({
      port,
      settings: {
        SERVER__PAGE__OIDC__ISSUER: provider.issuer,
        SERVER__PAGE__OIDC__CLIENT_ID: 'page',
        SERVER__PAGE__OIDC__REDIRECT_URI: redirectUri,
        SERVER__PAGE__OIDC__USERS: 'ana',
      },
    });
    const extraHTTPHeaders = { 'x-forwarded-for': '192.0.2.1' };
    const form = await open(`${guarded.url}/`, { extraHTTPHeaders, bypassCSP: true });
    await assertAccessible(form);
    await form.context().close();
    const context = await browser.newContext({ extraHTTPHeaders });
    const page = await context.newPage();
    await page.goto(`${guarded.url}/`);
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByLabel('Account').fill('ana');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Live.').waitFor();
    assert.equal(page.url(), `${guarded.url}/`);
    const second = await context.newPage();
    await second.goto(`${guarded.url}/`);
    await second.getByText('Live.').waitFor();
    // Both pages show the form then: their session is the same.
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await second.getByRole('heading', { name: 'Log in' }).waitFor();
    await context.close();
    await provider.stop();
    await guarded.kill();
  });

  test('does not keep the proxy from stopping, and complains of nothing', async () => {
    const page = await open(`${proxy.url}/`);
    await page.getByText('Live.').waitFor();
    assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
    await page.getByText('The connection is lost.').waitFor();
    await page.context().close();
    assert.deepEqual(complaints, []);
  });
});
