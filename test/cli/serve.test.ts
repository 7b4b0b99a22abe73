import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import type { Proxy } from '../../tools/proxy.ts';
import { ranProgram } from '../config/child.ts';
import { logged, logLines } from '../stage/log-lines.ts';
import { created, errorOf, get, post, spooled } from '../stage/posting.ts';
import { RawConnection, rawPost } from '../stage/raw-connection.ts';
import { inState, readiness } from '../stage/readiness.ts';
import { runEvent } from '../stage/sample-events.ts';
import { useStage } from '../stage/stage.ts';

const ORIGIN = 'https://ui.example.org';

void suite('http2kafka serve', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-serve-'));
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    const args = [
      '--header',
      'X-One: 1',
      '--header',
      'X-Two: a: b',
      '--root-path',
      '/base',
      '--limit-concurrency',
      '2',
      '--access-log',
    ];
    const settings = {
      SERVER__CORS__ENABLED: 'true',
      SERVER__CORS__ALLOW_ORIGINS: JSON.stringify([ORIGIN]),
      SERVER__CORS__ALLOW_CREDENTIALS: 'true',
      SERVER__CORS__ALLOW_METHODS: '["POST"]',
      SERVER__CORS__ALLOW_HEADERS: '["Content-Type", "X-Request-ID"]',
    };
    proxy = await stage.proxy({ args, settings });
  });
  after(() => rmSync(folder, { recursive: true }));

  test('ends with one line in the log when its port is taken', async () => {
    const env = {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
      HTTP2KAFKA__SPOOL__PATH: join(folder, 'port taken'),
    };
    const { status, stdout, stderr } = await ranProgram(['--port', String(proxy.port)], env);
    assert.deepEqual([status, stdout], [1, '']);
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 1, stderr);
    assert.match(
      String(lines[0]),
      new RegExp(
        `FATAL: cannot listen on http://127.0.0.1:${proxy.port}: another program listens there\\. .*--port\\.$`,
      ),
    );
  });

  test('starts without Kafka, says so in one line, and is ready to keep events', async () => {
    const lonely = await stage.proxyWithoutKafka();
    await logged(lonely, 'cannot be written to');
    assert.equal((await get(lonely, '/monitoring/ping')).status, 200);
    const { problem, kafka } = await readiness(lonely);
    assert.deepEqual([problem, kafka], [undefined, 'no broker answers']);
    const lines = (await logLines(lonely)).filter((line) => /ERROR|cannot be written/.test(line));
    assert.equal(lines.length, 1, lonely.log);
    assert.match(String(lines[0]), /ERROR: Kafka at 127\.0\.0\.1:1 cannot be written to: .+/);
    assert.doesNotMatch(lonely.log, /^\s+at /m, 'no stack');
  });

  test('starts without a configured Kafka, and delivers the kept events after a restart with one', async () => {
    const settings = { SPOOL__PATH: join(folder, 'no Kafka yet') };
    const early = await stage.launch({ settings: { ...settings, KAFKA__BOOTSTRAP_SERVERS: '' } });
    await logged(early, 'events stay in the spool');
    const { problem, state, kafka } = await readiness(early);
    assert.deepEqual([problem, state], [undefined, 'spooling']);
    assert.equal(kafka, 'no Kafka is configured (kafka.bootstrap_servers)');
    const events = Array.from({ length: 20 }, (_, n) => runEvent('early', { n }));
    for (const event of events) spooled(await post(early, event));
    const lines = (await logLines(early)).filter((line) => /(WARN|ERROR): /.test(line));
    assert.deepEqual(
      lines.map((line) => line.replace(/^\[[^\]]*\] /, '')),
      [
        'WARN: no Kafka is configured (kafka.bootstrap_servers): events stay in the spool',
        'WARN: events go to the spool {"topic":"input.runs"}',
      ],
    );
    assert.deepEqual(await early.stop(), { code: 0, signal: null });

    const late = await stage.proxy({ settings });
    await inState(late, 'straight');
    const values = (await stage.records()).filter(({ key }) => key?.toString() === 'run:test/early');
    assert.deepEqual(
      values.map(({ value }) => value?.toString()),
      events.map(String),
    );
  });

  test('ends with one line in the log when its spool folder cannot be used', async () => {
    const file = join(folder, 'no folder');
    writeFileSync(file, '');
    const taken = join(folder, 'taken');
    const first = await stage.proxy({ settings: { SPOOL__PATH: taken } });
    for (const [path, reason] of [
      [file, 'ENOTDIR|EEXIST|not a (folder|directory)'],
      [taken, 'another http2kafka is using it'],
    ] as const) {
      const env = { HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers };
      const { status, stdout, stderr } = await ranProgram(['--port', '0', '--spool-path', path], env);
      assert.deepEqual([status, stdout], [1, '']);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.match(stderr, new RegExp(`FATAL: cannot keep events in ${path}: .*(${reason}).*--spool-path`));
    }
    created(await post(first, runEvent('taken')));
    // The kernel releases the lock on the folder also when its owner is killed.
    first.signal('SIGKILL');
    await first.ended;
    const second = await stage.proxy({ settings: { SPOOL__PATH: taken } });
    created(await post(second, runEvent('taken')));
  });

  test('warns when every client in the network may post', async () => {
    const open = await stage.proxyWithoutKafka({ args: ['--host', '0.0.0.0'] });
    await logged(open, 'WARN: SENDERS ARE NOT CHECKED: everyone who reaches 0.0.0.0 may post events');
    assert.doesNotMatch(proxy.log, /SENDERS ARE NOT CHECKED/);
    const local = await stage.proxyWithoutKafka({ args: ['--host', '127.1.2.3'] });
    // This line comes two seconds after the start.
    await logged(local, 'cannot be written to');
    assert.doesNotMatch(local.log, /SENDERS ARE NOT CHECKED/);
  });

  test('listens on a Unix domain socket, also when a killed proxy has left its file behind', async () => {
    const path = join(folder, 'socket');
    const killed = await stage.proxyWithoutKafka({
      args: ['--uds', path],
      settings: { SERVER__UDS_MODE: '0666' },
    });
    assert.equal(statSync(path).mode & 0o777, 0o666, 'the mode of the setting');
    killed.signal('SIGKILL');
    await killed.ended;
    assert.ok(existsSync(path));
    const listener = await stage.launch({ args: ['--uds', path, '--access-log'] });
    assert.match(listener.log, new RegExp(`listens on ${path}\n`));
    assert.equal(statSync(path).mode & 0o777, 0o660, 'the default: owner and group');
    await logged(listener, 'Kafka can be written to');
    assert.equal(await postTo(path, runEvent('socket')), 201);
    await assert.rejects(stage.launch({ args: ['--uds', path] }), /another program listens there/);
    assert.equal(await postTo(path, runEvent('socket')), 201);
    assert.deepEqual(await listener.stop(), { code: 0, signal: null });
    assert.match(listener.log, /INFO: unix - "POST \/api\/v1\/lineage HTTP\/1\.1" 201/);
    assert.equal(existsSync(path), false);
  });

  test('does not replace a file at the path of its socket', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await assert.rejects(stage.launch({ args: ['--uds', path] }), /cannot listen on/);
    assert.ok(existsSync(path));
  });

  test('puts the headers of --header on every answer', async () => {
    const answers = await Promise.all([
      post(proxy, runEvent('headers')),
      post(proxy, '{}'),
      get(proxy, '/monitoring/ping'),
      get(proxy, '/nothing'),
      get(proxy, '/%zz'),
      get(proxy, '/docs/static/index.css'),
      get(proxy, '/', { headers: { long: 'a'.repeat(17_000) } }),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 422, 200, 404, 400, 200, 431],
    );
    for (const { headers } of answers) assert.deepEqual([headers['x-one'], headers['x-two']], ['1', 'a: b']);
  });

  test('serves its paths below --root-path', async () => {
    created(await post(proxy, runEvent('below'), { path: '/base/api/v1/lineage' }));
    assert.equal((await get(proxy, '/base/monitoring/ready')).status, 200);
  });

  test('answers 503 above --limit-concurrency, and takes events again below it', async () => {
    const slow = await Promise.all([RawConnection.open(proxy.port), RawConnection.open(proxy.port)]);
    const slowly = rawPost(runEvent('slow'), ['Expect: 100-continue']);
    const body = slowly.indexOf('\r\n\r\n') + 4;
    for (const connection of slow) {
      await connection.send(slowly.subarray(0, body));
      assert.equal((await connection.answer()).status, 100);
    }
    const { status, text, headers } = await post(proxy, runEvent('too many'));
    assert.deepEqual([status, errorOf(text).code, headers['retry-after']], [503, 'unavailable', '1']);
    assert.equal((await get(proxy, '/monitoring/ping')).status, 200, 'monitoring is answered all the same');
    for (const connection of slow) {
      await connection.send(slowly.subarray(body));
      created(await connection.answer());
      connection.cut();
    }
    created(await post(proxy, runEvent('few enough')));
  });

  test('allows requests from pages of an allowed origin', async () => {
    for (const path of ['/api/v1/lineage', '/v1/openlineage', '/api/v1/lineage/batch', '/monitoring/ping']) {
      const preflight = {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      };
      const { status, headers, text } = await get(proxy, path, { method: 'OPTIONS', headers: preflight });
      assert.deepEqual([status, text], [200, '']);
      assert.equal(headers['access-control-allow-origin'], ORIGIN);
      assert.equal(headers['access-control-allow-credentials'], 'true');
      assert.equal(headers['access-control-allow-methods'], 'POST');
      assert.equal(headers['access-control-allow-headers'], 'Content-Type, X-Request-ID');
      assert.ok(headers['x-application-version'] !== undefined && headers['x-request-id'] !== undefined);
    }
    const answers = [
      await post(proxy, runEvent('page'), { headers: { origin: ORIGIN, 'sec-fetch-site': 'cross-site' } }),
      await post(proxy, '{}', { headers: { origin: ORIGIN } }),
      await get(proxy, '/monitoring/ping', { headers: { origin: ORIGIN } }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 422, 200],
    );
    for (const { headers } of answers) {
      assert.equal(headers['access-control-allow-origin'], ORIGIN);
      assert.equal(headers['access-control-expose-headers'], 'X-Request-ID, X-Application-Version');
      assert.equal(headers.vary, 'Origin');
    }
  });

  test('allows no requests from pages of another origin', async () => {
    const headers = {
      origin: 'https://ui.example.org.evil.example',
      'access-control-request-method': 'POST',
    };
    const preflight = await get(proxy, '/api/v1/lineage', { method: 'OPTIONS', headers });
    assert.equal(preflight.status, 405);
    const posted = await post(proxy, runEvent('other page'), { headers });
    for (const answer of [preflight, posted]) {
      assert.deepEqual(
        Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
        [],
      );
    }
  });

  test('refuses an event that a browser posts for a page of another origin, with or without a preflight request', async () => {
    for (const [site, status] of [
      ['cross-site', 403],
      ['same-site', 403],
      ['same-origin', 201],
      ['none', 201],
    ] as const) {
      const headers = { origin: 'https://evil.example', 'sec-fetch-site': site };
      assert.equal((await post(proxy, runEvent('page'), { headers })).status, status, site);
    }
  });

  test('logs the client address that a trusted peer names, and ignores other peers', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.7, 198.51.100.9, 127.0.0.1' };
    await get(proxy, '/trusted', { headers: forwarded });
    await get(proxy, '/odd', { headers: { 'x-forwarded-for': 'odd\u00e9 "x' } });
    await getFrom('127.0.0.2', proxy, '/untrusted', forwarded);
    await get(proxy, '/plain');
    const lines = (await logLines(proxy)).map((line) => line.replace(/^\[[^\]]*\] /, ''));
    const line = (path: string) => lines.find((line) => line.includes(`"GET ${path} HTTP/1.1" 404`));
    assert.equal(line('/trusted'), 'INFO: 198.51.100.9 - "GET /trusted HTTP/1.1" 404');
    assert.match(String(line('/odd')), /^INFO: 127\.0\.0\.1:\d+ - /);
    assert.match(String(line('/untrusted')), /^INFO: 127\.0\.0\.2:\d+ - /);
    assert.match(String(line('/plain')), /^INFO: 127\.0\.0\.1:\d+ - /);
  });
});

async function postTo(socketPath: string, body: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request({ socketPath, path: '/api/v1/lineage', method: 'POST', agent: false }, (response) => {
    buffer(response).then(() => resolve(response.statusCode ?? 0), reject);
  });
  sent.on('error', reject).end(body);
  return promise;
}

/** Gets a page from another address of this machine. */
async function getFrom(
  localAddress: string,
  { port }: Proxy,
  path: string,
  headers: Record<string, string>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const sent = request({ host: '127.0.0.1', port, path, localAddress, headers, agent: false }, (response) => {
    buffer(response).then(() => resolve(undefined), reject);
  });
  sent.on('error', reject).end();
  return promise;
}
