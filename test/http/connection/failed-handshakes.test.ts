/** TLS handshakes that fail: the log says why, since the client has no answer that an operator could see. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Proxy } from '../../../tools/proxy.ts';
import { writeCertificate } from '../../stage/certificate.ts';
import { logged } from '../../stage/log-lines.ts';
import { parsed } from '../../stage/posting.ts';
import { Stage } from '../../stage/stage.ts';

const FAILED = 'TLS handshake failed';

void suite('a TLS handshake that fails', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-handshakes-'));
  const stage = new Stage();
  let proxy: Proxy;

  before(async () => {
    const { cert, key } = await writeCertificate(folder);
    proxy = await stage.proxyWithoutKafka({
      settings: { LOGGING__PRESET: 'json' },
      args: ['--ssl-certfile', cert, '--ssl-keyfile', key],
    });
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  /** The line that is logged while the client does this. */
  async function line(attempt: () => Promise<void>): Promise<Readonly<Record<string, unknown>>> {
    const before = proxy.log.split(FAILED).length;
    await attempt();
    await logged(proxy, FAILED, before);
    return parsed(proxy.log.split('\n').findLast((one) => one.includes(FAILED)) ?? '{}');
  }

  async function send(bytes: Buffer | string): Promise<void> {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined).end(bytes);
    await once(socket.resume(), 'close');
  }

  async function shakeHands(options: ConnectionOptions): Promise<void> {
    const socket = connectTls({ host: '127.0.0.1', port: proxy.port, ...options });
    await once(socket, 'error');
  }

  /** As curl and Java do it: with an alert (RFC 5246 §7.2.2: fatal, `unknown_ca`). Node's clients only close the connection. */
  async function refuseCertificate(): Promise<void> {
    const [inside, outside] = duplexPair();
    connectTls({ socket: inside, maxVersion: 'TLSv1.2' }).on('error', () => undefined);
    const sent: unknown[] = await once(outside, 'data');
    const [hello] = sent;
    assert.ok(Buffer.isBuffer(hello));
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined).write(hello);
    await once(socket, 'data');
    socket.end(Buffer.of(0x15, 3, 3, 0, 2, 2, 48));
    await once(socket.resume(), 'close');
    inside.destroy();
  }

  const notTls: Readonly<Record<string, Buffer | string>> = {
    'an http URL': 'POST /api/v1/lineage HTTP/1.1\r\nHost: a\r\n\r\n',
    'the PROXY protocol, version 1': 'PROXY TCP4 203.0.113.7 198.51.100.1 4660 80\r\n',
    'the PROXY protocol, version 2': Buffer.from('\r\n\r\n\0\r\nQUIT\n\x20\0\0\0', 'latin1'),
  };
  for (const [what, bytes] of Object.entries(notTls)) {
    test(`names the reason: ${what}`, async () => {
      const { client, reason } = await line(() => send(bytes));
      assert.match(String(client), /^127\.0\.0\.1:\d+$/);
      assert.match(String(reason), /does not speak TLS.* http .*server\.proxy_protocol/);
    });
  }

  test('names the reason: a client that does not trust the certificate', async () => {
    const { reason, detail } = await line(refuseCertificate);
    assert.equal(reason, 'the client does not accept the certificate of the proxy');
    assert.equal(detail, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
  });

  test('names the reason: a client that speaks older versions only', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const { reason, detail } = await line(() => shakeHands(old));
    assert.equal(reason, 'the client and the proxy have no version or cipher of TLS in common');
    assert.equal(detail, 'ERR_SSL_UNSUPPORTED_PROTOCOL');
  });

  test('names the reason: a client that speaks HTTP/2 only', async () => {
    const { reason } = await line(() => shakeHands({ ALPNProtocols: ['h2'] }));
    assert.equal(reason, 'the client speaks HTTP/2 only, and the proxy HTTP/1.1');
  });

  test('leaves no line for a connection that is only opened and closed, as by a health check', async () => {
    const before = proxy.log.split(FAILED).length;
    await send('');
    // Any later line.
    await line(() => send('GET / HTTP/1.1\r\n\r\n'));
    assert.equal(proxy.log.split(FAILED).length, before + 1);
  });
});
