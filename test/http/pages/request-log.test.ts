/** The log lines of requests over HTTP: refusals of every kind, and the access log. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Proxy } from '../../../tools/proxy.ts';
import { logLines } from '../../stage/log-lines.ts';
import { get, parsed, post } from '../../stage/posting.ts';
import { RawConnection } from '../../stage/raw-connection.ts';
import { jobEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

void suite('the log of requests', { timeout: 120_000 }, () => {
  const stage = new Stage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.proxyWithoutKafka({
      settings: { LOGGING__PRESET: 'json', SERVER__ACCESS_LOG_PROBES: 'false' },
      args: ['--root-path', '/base', '--access-log'],
    });
  });

  after(() => stage.stop());

  const linesOf = async (message: string) =>
    (await logLines(proxy)).map((line) => parsed(line)).filter((line) => line['message'] === message);

  test('has a line for each refused request, with the path as the client wrote it', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const long = `/base/${'x'.repeat(300)}`;
    await post(proxy, jobEvent('lost'), { path: '/base/api/v1/lineages/?api_key=secret', headers });
    await get(proxy, '/base/api/v1/lineage', { headers });
    await post(proxy, '{}', { path: '/base/monitoring/ping', headers });
    await get(proxy, long, { headers });
    await get(proxy, '/base/%zz?key=secret', { headers });
    await post(proxy, jobEvent('page'), { headers: { ...headers, 'sec-fetch-site': 'cross-site' } });
    const connection = await RawConnection.open(proxy.port);
    await connection.send('GET /broken?key=secret HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    assert.equal((await connection.answer()).status, 400);
    connection.cut();
    const garbage = await RawConnection.open(proxy.port);
    await garbage.send('nonsense\r\n\r\n');
    assert.equal((await garbage.answer()).status, 400);
    garbage.cut();
    const lines = await linesOf('request refused');
    const clients = lines.map(({ client }) => client);
    assert.deepEqual(
      clients.slice(0, 6),
      Array.from({ length: 6 }, () => '203.0.113.7'),
    );
    for (const client of clients.slice(6)) assert.match(String(client), /^127\.0\.0\.1:\d+$/);
    assert.deepEqual(
      lines.map(({ code, method, path }) => [code, method, path]),
      [
        ['not_found', 'POST', '/base/api/v1/lineages/'],
        ['method_not_allowed', 'GET', '/base/api/v1/lineage'],
        ['method_not_allowed', 'POST', '/base/monitoring/ping'],
        ['not_found', 'GET', long.slice(0, 200)],
        ['bad_request', 'GET', '/base/%zz'],
        ['forbidden', 'POST', '/api/v1/lineage'],
        ['bad_request', 'GET', '/broken'],
        ['bad_request', undefined, undefined],
      ],
    );
    assert.match(String(lines[0]?.['reason']), /There is nothing at .*Events go to POST/);
    assert.doesNotMatch(proxy.log, /secret/);
  });

  test('has the same request id in the answer, in the line of the refusal and in the access log', async () => {
    const { headers } = await get(proxy, '/base/nowhere');
    const id = headers['x-request-id'];
    const lines = (await logLines(proxy))
      .map((line) => parsed(line))
      .filter(({ request_id }) => request_id === id);
    assert.deepEqual(lines.map(({ message }) => message).sort(), ['request answered', 'request refused']);
  });

  test('has the members of the access log, and no probes where the setting says so', async () => {
    const event = jobEvent('accessed');
    assert.equal((await post(proxy, event, { headers: { 'x-request-id': 'accessed' } })).status, 201);
    assert.equal((await get(proxy, '/base/monitoring/ping')).status, 200);
    assert.equal((await get(proxy, '/base/openapi.json?secret')).status, 200);
    const lines = await linesOf('request answered');
    const line = lines.find(({ request_id }) => request_id === 'accessed');
    assert.deepEqual(
      [line?.['level'], line?.['method'], line?.['path'], line?.['status'], line?.['bytes']],
      ['info', 'POST', '/api/v1/lineage', 201, event.length],
    );
    assert.ok(Number(line?.['duration_ms']) > 0);
    assert.match(String(line?.['client']), /^127\.0\.0\.1:\d+$/);
    const paths = lines.map(({ path }) => path);
    assert.ok(paths.includes('/base/openapi.json'));
    assert.ok(!paths.includes('/base/monitoring/ping'));
  });
});
