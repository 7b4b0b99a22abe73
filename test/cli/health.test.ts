import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { freePorts } from '../../tools/kafka/ports.ts';
import { startProxy, type ProxyOptions } from '../../tools/proxy.ts';
import { ranProgram } from '../config/child.ts';
import { writeCertificate } from '../stage/certificate.ts';

void suite('http2kafka health', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-health-'));
  after(() => rmSync(folder, { recursive: true }));

  const socket = join(folder, 'socket');
  const cases: readonly (readonly [title: string, options: () => Promise<ProxyOptions>])[] = [
    ['on all addresses', () => Promise.resolve({ args: ['--host', '0.0.0.0', '--root-path', '/base'] })],
    ['on a Unix socket', () => Promise.resolve({ args: ['--uds', socket] })],
    ['on all addresses of IPv6', () => Promise.resolve({ args: ['--host', '::'] })],
    [
      'with TLS',
      async () => {
        const { cert, key } = await writeCertificate(folder);
        return { args: ['--ssl-certfile', cert, '--ssl-keyfile', key] };
      },
    ],
    [
      'that demands client certificates of its own authority',
      async () => {
        const { cert, key } = await writeCertificate(folder);
        const tls = ['--ssl-certfile', cert, '--ssl-keyfile', key];
        return { args: [...tls, '--ssl-ca-certs', cert, '--ssl-cert-reqs', 'required'] };
      },
    ],
  ];
  for (const [title, optionsOf] of cases) {
    test(`asks a proxy ${title}, by the same settings`, async () => {
      const options = await optionsOf();
      const proxy = await startProxy(options);
      const given = [...settingsOf(options.args ?? []), ['SERVER__PORT', String(proxy.port)]].filter(
        ([name]) => title !== 'on a Unix socket' || name !== 'SERVER__PORT',
      );
      const env = Object.fromEntries(given.map(([name = '', value = '']) => [`HTTP2KAFKA__${name}`, value]));
      const ping = await ranProgram(['health'], env);
      assert.deepEqual([ping.status, ping.stderr], [0, '']);
      assert.match(ping.stdout, /\/monitoring\/ping answers 200/);
      const ready = await ranProgram(['health', '--ready'], env);
      assert.deepEqual([ready.status, ready.stderr], [0, '']);
      assert.match(ready.stdout, /\/monitoring\/ready answers 200: .*"state"/);
      await proxy.stop();
      const stopped = await ranProgram(['health'], env);
      assert.deepEqual([stopped.status, stopped.stdout], [1, '']);
      assert.match(stopped.stderr, /ECONNREFUSED|ENOENT/);
    });
  }

  test('asks the listener for monitoring where there is one, by plain HTTP', async () => {
    const { cert, key } = await writeCertificate(folder);
    const [monitoring = 0] = await freePorts(1);
    const settings = {
      SERVER__MONITORING__PORT: String(monitoring),
      SERVER__MONITORING__HOST: '0.0.0.0',
      SERVER__ROOT_PATH: '/base',
      SERVER__SSL_CERTFILE: cert,
      SERVER__SSL_KEYFILE: key,
      SERVER__SSL_CA_CERTS: cert,
      SERVER__SSL_CERT_REQS: 'required',
    };
    const proxy = await startProxy({ settings });
    // The port of the events is unknown here, so that an answer can only come from the other one.
    const env = Object.fromEntries(
      Object.entries({ ...settings, SERVER__PORT: '0' }).map(([name, value]) => [
        `HTTP2KAFKA__${name}`,
        value,
      ]),
    );
    const asked = `http://127.0.0.1:${monitoring}/base/monitoring/ping`;
    const { status, stdout, stderr } = await ranProgram(['health'], env);
    assert.deepEqual([status, stderr], [0, '']);
    assert.ok(stdout.startsWith(`${asked} answers 200`), stdout);
    await proxy.stop();
    const stopped = await ranProgram(['health'], env);
    assert.equal(stopped.status, 1);
    assert.match(stopped.stderr, /ECONNREFUSED/);
    assert.doesNotMatch(stopped.stderr, /certificate/);
  });

  test('waits no longer than --timeout', async () => {
    const silent = createServer((connection) => connection.resume().unref()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { status, stderr } = await ranProgram(['health', '--port', String(port), '--timeout', '0.2']);
    silent.close().unref();
    assert.deepEqual(
      [status, stderr],
      [1, `http://127.0.0.1:${port}/monitoring/ping: no answer within 0.2 s\n`],
    );
  });

  for (const args of [
    ['--timeout', 'soon'],
    ['--timeout', '0'],
    ['--port', '0'],
  ]) {
    test(`ends with 2 for ${args.join(' ')}`, async () => {
      const { status, stdout } = await ranProgram(['health', ...args]);
      assert.deepEqual([status, stdout], [2, '']);
    });
  }
});

/** The flags of `serve` as the variables of the same settings. */
function settingsOf(args: readonly string[]): string[][] {
  return args.flatMap((flag, index) =>
    flag.startsWith('--')
      ? [[`SERVER__${flag.slice(2).toUpperCase().replaceAll('-', '_')}`, args[index + 1] ?? '']]
      : [],
  );
}
