/** The page at `/` over HTTP: what it tells of engines that do not arrive, its bounds, and where it is served. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request as requestTls } from 'node:https';
import { after, suite, test } from 'node:test';
import { text as textOfStream } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { SNIPPETS } from '../../../src/page/html/connect.ts';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { freePorts } from '../../../tools/kafka/ports.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { claims, SECRET_KEY, tokenOf } from '../../auth/personal-tokens/personal-token-samples.ts';
import { writeCertificate } from '../../stage/certificate.ts';
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
    const keys = { dbt: 'h2k_of_dbt', trino: 'h2k_of_trino' };
    const entries = Object.entries(keys).map(([name, key]) => {
      const hash = createHash('sha256').update(key).digest('hex');
      return `  - name: ${name}\n    api_keys: ['sha256:${hash}']\n`;
    });
    writeFileSync(senders, `senders:\n${entries.join('')}`);
    const proxy = await stage.proxyWithoutKafka({
      settings: {
        AUTH__SENDERS_FILE: senders,
        AUTH__PERSONAL_TOKENS__ENABLED: 'true',
        AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY,
        AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
      },
    });
    // The names of the programs are those that the engines send.
    const headersOf = (program: string, token: string) => ({
      'content-type': 'application/json',
      'user-agent': program,
      authorization: `Bearer ${token}`,
    });
    const trino = headersOf('Apache-HttpClient/5.5 (Java/25.0.3)', keys.trino);
    await post(proxy, runEvent('query'), { path: '/api/v1', headers: trino });
    const old = tokenOf({ ...claims, token_name: 'spark-prod', exp: 1_755_100_000 });
    const spark = headersOf('Apache-HttpClient/5.6.4 (Java/17.0.15)', `personal_token_${old}`);
    for (let i = 0; i < 3; i++) await post(proxy, runEvent('spark'), { headers: spark });
    const dbt = headersOf('python-requests/2.34.2', keys.dbt);
    // A dbt sends this if its namespace was set in a terminal that is not UTF-8.
    await post(proxy, runEvent('model', { job: { namespace: 'Caf\udce9', name: 'model' } }), {
      headers: dbt,
    });
    const unset = headersOf('Apache-HttpClient/5.6.5 (Java/21)', 'null');
    await post(proxy, runEvent('unset'), { headers: unset });

    const text = await textOf(proxy);
    assert.match(text, /Refused: 6 , the last at /);
    assert.match(
      text,
      /trino Java client \(Trino, Spark, Flink, …\) Wrong path: events go to \/api\/v1\/lineage not_found The client has a path in its URL, \/api\/v1 ,.* Trino openlineage-event-listener\.transport\.url Connect has .* 1 .*path POST \/api\/v1 /,
    );
    assert.match(
      text,
      /Java client \(Trino, Spark, Flink, …\) Expired token: the proxy does not take it any more unauthorized Get a new token, and give it to the client\. Connect says where to get one\. Whichever of these it is: Trino .* Spark spark\.openlineage\.transport\.auth\.apiKey .* 3 .*Token has expired: the token "spark-prod" of alice/,
    );
    assert.match(
      text,
      /dbt Python client \(dbt, Airflow, Dagster, …\) Wrong event: body\.job\.namespace invalid_request The event is not kept, and clients do not send it again: run the job again after the change\. The names of jobs and namespaces come from the settings of the client: correct them there\. dbt OPENLINEAGE_NAMESPACE .* 1 /,
    );
    assert.match(text, /body\.job\.namespace : Input should be [^:]*: .*text that was not UTF-8.* job model/);
    assert.match(
      text,
      /No key: the client sends a word in its place unauthorized .*Unknown API key: the client has sent the word "null": its setting for the key is missing/,
    );
    assert.match(text, /Senders need a credential, one of these: An API key\. .* A personal token\. /);
    const { text: all } = await get(proxy, '/', { headers: HTML });
    for (const secret of [SECRET_KEY, ...Object.values(keys), old]) assert.ok(!all.includes(secret));
  });

  test('names https against a port without TLS, and http against one with TLS', async () => {
    const folder = temporaryFolder('http2kafka-tls-');
    const { cert, key } = await writeCertificate(folder);
    const [plain, secure] = await Promise.all([
      stage.proxyWithoutKafka(),
      stage.proxyWithoutKafka({ args: ['--ssl-certfile', cert, '--ssl-keyfile', key] }),
    ]);
    const { promise: failed, resolve } = Promise.withResolvers<unknown>();
    connectTls({ host: '127.0.0.1', port: plain.port }).on('error', resolve);
    await failed;
    assert.match(
      await textOf(plain),
      /unknown, from 127\.0\.0\.1 https in place of http: this port does not speak TLS bad_request .* 1 /,
    );
    await assert.rejects(
      fetch(`http://127.0.0.1:${secure.port}/api/v1/lineage`, { method: 'POST', body: '{}' }),
    );
    const ca = readFileSync(cert);
    const { promise, resolve: read } = Promise.withResolvers<string>();
    const options = {
      host: '127.0.0.1',
      port: secure.port,
      ca,
      checkServerIdentity: () => undefined,
      headers: HTML,
    };
    requestTls({ ...options, path: '/' }, (answer) => void textOfStream(answer).then(read)).end();
    assert.match(
      await promise,
      /http in place of https: this port speaks TLS.*the client does not speak TLS/s,
    );
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
