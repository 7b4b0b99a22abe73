/** The page at `/` over HTTP: what it tells of engines that do not arrive, its bounds, and where it is served. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { SNIPPETS } from '../../../src/page/html/connect.ts';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { freePorts } from '../../../tools/kafka/ports.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { claims, SECRET_KEY, tokenOf } from '../../auth/personal-tokens/personal-token-samples.ts';
import { get, post, spooled } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const HTML = { accept: 'text/html' };

/** The text of the page without tags, for the eye of a person. */
async function textOf(proxy: Proxy, path = '/'): Promise<string> {
  const answer = await get(proxy, path, { headers: HTML });
  assert.equal(answer.status, 200);
  return answer.text
    .replace(/<[^>]*>/g, ' ')
    .replace(/&quot;/g, '"')
    .replace(/\s+/g, ' ');
}

suite('the page', { timeout: 60_000 }, () => {
  const stage = new Stage();
  after(() => stage.stop());

  test('tells alone why a Trino, a Spark and a dbt do not arrive', async () => {
    const folder = temporaryFolder('http2kafka-senders-');
    const senders = join(folder, 'senders.yaml');
    const key = 'h2k_of_dbt';
    const hash = createHash('sha256').update(key).digest('hex');
    writeFileSync(senders, `senders:\n  - name: dbt\n    api_keys: ['sha256:${hash}']\n`);
    const proxy = await stage.proxyWithoutKafka({
      settings: {
        AUTH__SENDERS_FILE: senders,
        AUTH__PERSONAL_TOKENS__ENABLED: 'true',
        AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY,
        AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
      },
    });
    const json = { 'content-type': 'application/json' };
    const trino = { ...json, 'user-agent': 'openlineage-java/1.55.0', authorization: `Bearer ${key}` };
    await post(proxy, runEvent('query'), { path: '/lineage', headers: trino });
    const old = tokenOf({ ...claims, token_name: 'spark-prod', exp: 1_755_100_000 });
    const spark = { ...json, authorization: `Bearer personal_token_${old}` };
    for (let i = 0; i < 3; i++) await post(proxy, runEvent('spark'), { headers: spark });
    const dbt = { ...json, authorization: `Bearer ${key}` };
    const broken = runEvent('model', { run: { runId: 'not-a-uuid' }, eventTime: undefined });
    await post(proxy, broken, { headers: dbt });

    const text = await textOf(proxy);
    assert.match(
      text,
      /Wrong path: events go to \/api\/v1\/lineage not_found Correct the URL in [^.]*\. 1 .*path POST \/lineage .*openlineage-java\/1\.55\.0/,
    );
    assert.match(
      text,
      /Expired token unauthorized Get a new token[^.]*\. 3 .*Token has expired: the token "spark-prod" of alice/,
    );
    assert.match(
      text,
      /dbt Wrong event: it is not valid invalid_request The producer of the event has to change it\. .* 1 /,
    );
    assert.match(
      text,
      /body\.eventTime : Field required body\.run\.runId : Input should be a valid UUID .* job model/,
    );
    assert.match(text, /Senders need a credential: an API key, a personal token of Data\.Rentgen/);
    const { text: all } = await get(proxy, '/', { headers: HTML });
    for (const secret of [SECRET_KEY, key, old]) assert.ok(!all.includes(secret));
  });

  test('takes no room from events: streams are bounded, and are not in flight', async () => {
    const proxy = await stage.proxyWithoutKafka({ args: ['--limit-concurrency', '1'] });
    const cut = new AbortController();
    const open = () => fetch(`${proxy.url}/page/stream`, { signal: cut.signal });
    const streams = await Promise.all(Array.from({ length: 16 }, open));
    for (const { status, headers } of streams) {
      assert.deepEqual([status, headers.get('content-type')], [200, 'text/event-stream']);
    }
    const further = await open();
    assert.equal(further.status, 503);
    await further.text();
    spooled(await post(proxy, runEvent('beside the streams')));
    cut.abort();
  });

  test('is also on the port of monitoring, if the settings say so', async () => {
    const [port = 0] = await freePorts(1);
    const proxy = await stage.proxyWithoutKafka({
      settings: { SERVER__MONITORING__PORT: String(port), SERVER__PAGE__ON_MONITORING: 'true' },
    });
    const headers = { ...HTML, 'x-forwarded-for': '192.0.2.1' };
    const shown = await fetch(`http://127.0.0.1:${port}/`, { headers });
    assert.equal(shown.status, 200);
    assert.match(await shown.text(), /Everyone who reaches server\.monitoring\.port may see this page/);
    assert.equal((await fetch(`http://127.0.0.1:${port}/page/page.js`, { headers })).status, 200);
    assert.equal((await get(proxy, '/', { headers })).status, 404);
  });

  test('is not there if the settings turn it off', async () => {
    const proxy = await stage.proxyWithoutKafka({ settings: { SERVER__PAGE__ENABLED: 'false' } });
    for (const path of ['/', '/page/stream', '/page/page.css', '/page/parts']) {
      assert.equal((await get(proxy, path, { headers: HTML })).status, 404, path);
    }
  });

  test('has the settings of docs/clients.md for each engine', () => {
    const clients = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'clients.md'), 'utf8');
    for (const { title, lines } of SNIPPETS) {
      for (const line of lines) assert.ok(clients.includes(line.trim()), `${title}: ${line}`);
    }
  });
});
