import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Proxy } from '../../../tools/proxy.ts';
import { writeCertificate } from '../../stage/certificate.ts';
import { get, post, spooled } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const SETTINGS = { SPOOL__AFTER: '100ms' };
const PAGES = ['/', '/docs', '/docs/static/index.css', '/openapi.json', '/monitoring/ping', '/nothing'];

void suite('the headers for browsers', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-headers-'));
  const stage = new Stage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.launch({ settings: SETTINGS });
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  test('forbid loading from other origins, framing, and guessing of types', async () => {
    for (const path of PAGES) {
      const { headers } = await get(proxy, path);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /default-src 'none'/, path);
      assert.match(policy, /frame-ancestors 'none'/, path);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/, path);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['x-frame-options'], 'DENY', path);
      assert.equal(headers['referrer-policy'], 'no-referrer', path);
      assert.equal(headers['strict-transport-security'], undefined, path);
      assert.equal(headers['access-control-allow-origin'], undefined, path);
    }
  });

  test('forbid caching of what changes', async () => {
    for (const path of PAGES.filter((path) => !path.includes('/static/'))) {
      assert.equal((await get(proxy, path)).headers['cache-control'], 'no-store', path);
    }
    assert.notEqual((await get(proxy, '/docs/static/index.css')).headers['cache-control'], 'no-store');
  });

  test('are not on the answers to events', async () => {
    const answer = await post(proxy, runEvent('headers'));
    spooled(answer);
    assert.deepEqual(Object.keys(answer.headers).toSorted(), [
      'connection',
      'content-length',
      'date',
      'x-application-version',
      'x-delivery',
      'x-request-id',
    ]);
  });

  test('make browsers stay with TLS where the proxy serves TLS', async () => {
    const { cert, key, pem } = await writeCertificate(folder);
    const args = ['--ssl-certfile', cert, '--ssl-keyfile', key];
    const secure = await stage.launch({ settings: SETTINGS, args });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const sent = request(
      { host: '127.0.0.1', port: secure.port, path: '/docs', ca: pem, agent: false },
      (answer) => {
        resolve(answer.headers['strict-transport-security']);
        answer.resume();
      },
    );
    sent.on('error', reject).end();
    assert.match(String(await promise), /^max-age=\d{8}/);
  });
});
