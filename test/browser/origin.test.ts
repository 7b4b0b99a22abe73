/** A page of another origin in a browser, over plain HTTP and by names that are not localhost: no Sec-Fetch-Site is sent there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { chromium, type BrowserContext } from 'playwright-core';
import { findChromium } from '../../tools/chromium.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { jobEvent } from '../stage/sample-events.ts';
import { Stage } from '../stage/stage.ts';

const PATHS = ['/api/v1/lineage', '/v1/openlineage', '/api/v1/lineage/batch', '/', '//api/v1/lineage/'];

void suite('a page in a browser', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-origin-'));
  const stage = new Stage();
  let proxy: Proxy;
  let browser: BrowserContext;
  let pages: Server;
  let port: number;

  before(async () => {
    const executablePath = findChromium();
    assert.ok(executablePath !== undefined, 'there is no Chromium: run tools/chromium.ts');
    pages = createServer(({ url }, response) => {
      // In a sandbox, a page has the origin `null`.
      if (url === '/sandbox') response.setHeader('content-security-policy', 'sandbox allow-scripts');
      response.setHeader('content-type', 'text/html').end('<p>page</p>');
    });
    await once(pages.listen(0, '127.0.0.1'), 'listening');
    const address = pages.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    proxy = await stage.proxyWithoutKafka({ args: ['--access-log'] });
    const args = ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.example 127.0.0.1'];
    browser = await chromium.launchPersistentContext(folder, { executablePath, args });
  });
  after(async () => {
    await browser.close();
    pages.close();
    pages.closeAllConnections();
    await stage.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The outcomes that the proxy counted of the requests to the paths of events. */
  const posted = () =>
    proxy.log
      .split('\n')
      .filter((line) => /"POST [^"]*" \d+$/.test(line.trim()))
      .map((line) => line.trim().slice(-3));

  async function postFrom(page: string, mode: 'no-cors' | 'cors', to = `http://proxy.example:${proxy.port}`) {
    const opened = await browser.newPage();
    await opened.goto(page);
    const before = posted().length;
    const urls = PATHS.map((path) => to + path);
    const body = jobEvent('page').toString();
    await opened.evaluate(
      async ([urls, body, mode]) => {
        // Bytes without a type: such a request needs no preflight, and the proxy takes them for JSON.
        for (const url of urls)
          await fetch(url, { method: 'POST', body: new Blob([body]), mode }).catch(() => undefined);
      },
      [urls, body, mode] as const,
    );
    while (posted().length < before + PATHS.length) await new Promise((resolve) => setTimeout(resolve, 5));
    await opened.close();
    return posted().slice(before);
  }

  test('of another name posts no event', async () => {
    const statuses = await postFrom(`http://evil.example:${port}/`, 'no-cors');
    assert.deepEqual(
      statuses,
      PATHS.map(() => '403'),
    );
  });

  test('of the same name at another port posts no event', async () => {
    const statuses = await postFrom(`http://proxy.example:${port}/`, 'no-cors');
    assert.deepEqual(
      statuses,
      PATHS.map(() => '403'),
    );
  });

  test('without an origin posts no event', async () => {
    const statuses = await postFrom(`http://proxy.example:${port}/sandbox`, 'no-cors');
    assert.deepEqual(
      statuses,
      PATHS.map(() => '403'),
    );
  });

  test('of the proxy itself posts events', async () => {
    const statuses = await postFrom(`http://proxy.example:${proxy.port}/docs`, 'cors');
    assert.deepEqual(statuses, ['201', '201', '422', '201', '201']);
  });
});
