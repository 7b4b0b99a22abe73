import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { freePorts } from '../../../tools/kafka/ports.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { ranProgram } from '../../config/child.ts';
import { logged } from '../../stage/log-lines.ts';
import { errorOf, get, parsed } from '../../stage/posting.ts';
import { RawConnection } from '../../stage/raw-connection.ts';
import { Stage } from '../../stage/stage.ts';

const STOPPING = 'finishing what is in hand';

void suite('the listener for monitoring', { timeout: 120_000 }, () => {
  const stage = new Stage();
  let port: number;
  let proxy: Proxy;

  before(async () => {
    [port = 0] = await freePorts(1);
    const settings = { SERVER__MONITORING__PORT: String(port), SERVER__MONITORING__HOST: '127.0.0.1' };
    proxy = await stage.proxyWithoutKafka({ settings, args: ['--timeout-graceful-shutdown', '3600'] });
  });
  after(() => stage.stop());

  const monitoringOf = (path: string, options?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, options);

  test('serves ping, ready and metrics, as the other port does', async () => {
    await logged(proxy, `monitoring listens on http://127.0.0.1:${port}`);
    for (const path of ['/monitoring/ping', '/monitoring/ready?a=b', '/monitoring/metrics']) {
      assert.equal((await monitoringOf(path)).status, 200, path);
      assert.equal((await get(proxy, path)).status, 200, path);
    }
    const { headers } = await monitoringOf('/monitoring/ping');
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.ok(headers.get('x-request-id'));
    const metrics = await (await monitoringOf('/monitoring/metrics')).text();
    assert.match(metrics, /http_requests_total{path="\/monitoring\/ping",method="GET",status="200"} [1-9]/);
    const posted = await monitoringOf('/monitoring/ping', { method: 'POST', body: '{}' });
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
  });

  test('takes no event, and serves nothing else', async () => {
    for (const path of ['/api/v1/lineage', '/', '/docs', '/openapi.json']) {
      for (const method of ['GET', 'POST']) {
        const answer = await monitoringOf(path, { method, ...(method === 'POST' && { body: '{}' }) });
        assert.equal(answer.status, 404, `${method} ${path}`);
        assert.equal(errorOf(await answer.text()).code, 'not_found');
      }
    }
  });

  test('stops the start when its port is taken', async () => {
    const env = {
      HTTP2KAFKA__SERVER__MONITORING__PORT: String(port),
      HTTP2KAFKA__SPOOL__PATH: temporaryFolder('http2kafka-monitoring-'),
    };
    const { status, stderr } = await ranProgram(['--port', '0'], env);
    assert.equal(status, 1);
    assert.match(
      stderr,
      new RegExp(
        `FATAL: cannot listen on http://127\\.0\\.0\\.1:${port}: .*server\\.monitoring\\.port\\.\n$`,
      ),
    );
  });

  test('answers until the end, also when the other port accepts no more connections', async () => {
    // A request in flight keeps the proxy from its end.
    const slow = await RawConnection.open(proxy.port);
    await slow.send('POST /api/v1/lineage HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{');
    while (!(await (await monitoringOf('/monitoring/metrics')).text()).includes('http2kafka_connections 1'))
      await sleep(20);
    proxy.signal('SIGTERM');
    await logged(proxy, STOPPING);
    await assert.rejects(connectUntilRefused(proxy), /ECONNREFUSED/);
    assert.deepEqual(parsed(await (await monitoringOf('/monitoring/ping')).text()), { status: 'ok' });
    const ready = await monitoringOf('/monitoring/ready');
    assert.deepEqual([ready.status, errorOf(await ready.text()).message], [503, 'The proxy is stopping']);
    slow.cut();
    assert.deepEqual(await proxy.ended, { code: 0, signal: null });
  });
});

async function connectUntilRefused(proxy: Proxy): Promise<never> {
  for (;;) (await RawConnection.open(proxy.port)).cut();
}
