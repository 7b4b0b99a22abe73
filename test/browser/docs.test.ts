import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { chromium, type BrowserContext, type Locator, type Page } from 'playwright-core';
import { exampleRunEvent } from '../../src/http/pages/openapi-examples.ts';
import { findChromium } from '../../tools/chromium.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { useStage } from '../stage/stage.ts';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const EVENT_PATHS = ['/api/v1/lineage', '/v1/openlineage', '/api/v1/lineage/batch'];

void suite('the API page in a browser', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-browser-'));
  const stage = useStage();
  let proxy: Proxy;
  let mounted: Proxy;
  let browser: BrowserContext;

  before(async () => {
    const executablePath = findChromium();
    assert.ok(executablePath !== undefined, 'there is no Chromium: run tools/chromium.ts');
    [proxy, mounted, browser] = await Promise.all([
      stage.proxy(),
      stage.proxy({ args: ['--root-path', '/base'] }),
      chromium.launchPersistentContext(folder, { executablePath, args: ARGUMENTS }),
    ]);
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens the page. Its requests and complaints (errors, warnings, failed requests) are collected from then on. */
  async function open(url: string): Promise<{ page: Page; requests: string[]; complaints: string[] }> {
    const page = await browser.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
    page.on('response', (response) => {
      if (response.status() >= 300) complaints.push(`${response.url()}: ${response.status()}`);
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(url);
    await operation(page, '/api/v1/lineage').waitFor();
    return { page, requests, complaints };
  }

  test('shows the paths for events, and makes no request to another origin', async () => {
    for (const end of ['/docs', '/docs/']) {
      const { page, requests, complaints } = await open(`${proxy.url}${end}`);
      assert.equal(await page.title(), 'http2kafka');
      assert.match(await page.locator('.info').innerText(), /http2kafka.*\d+\.\d+\.\d+/s);
      const paths = await page.locator('#operations-tag-Events + * .opblock-summary-path').allInnerTexts();
      assert.deepEqual(
        paths.map((path) => path.replaceAll('\u200b', '')),
        EVENT_PATHS,
      );
      await page.waitForLoadState('networkidle');
      assert.ok(requests.length > 4);
      assert.deepEqual(
        requests.filter((url) => !url.startsWith(`${proxy.url}/`)),
        [],
      );
      assert.deepEqual(complaints, []);
      await page.close();
    }
  });

  test('sends its example to Kafka', async () => {
    const { page, complaints } = await open(`${proxy.url}/docs`);
    await assertSent(page);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test('works when another server mounts the proxy under a path', async () => {
    const { page, requests, complaints } = await open(`${mounted.url}/base/docs`);
    await assertSent(page);
    assert.deepEqual(
      requests.filter((url) => !url.startsWith(`${mounted.url}/base/`)),
      [],
    );
    assert.deepEqual(complaints, []);
    await page.close();
  });

  async function assertSent(page: Page): Promise<void> {
    const block = operation(page, '/api/v1/lineage');
    await block.locator('.opblock-summary').click();
    await block.locator('.execute').click();
    const answer = block.locator('.live-responses-table .response');
    assert.equal(await answer.locator('.response-col_status').innerText(), '201');
    const id = /x-request-id: (\S+)/.exec(
      await answer.locator('.headerline', { hasText: 'x-request-id' }).innerText(),
    )?.[1];
    assert.deepEqual(JSON.parse((await stage.valueOf(id)).toString()), exampleRunEvent);
  }
});

/** The part of the page about the POST to a path. */
function operation(page: Page, path: string): Locator {
  return page.locator('.opblock-post', { has: page.locator(`[data-path="${path}"]`) });
}
