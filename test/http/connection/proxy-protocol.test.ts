/** Clients behind a load balancer that speaks the PROXY protocol, and clients that speak HTTP/2. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { readProxyHeader } from '../../../src/http/connection/proxy-header.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { writeCertificate } from '../../stage/certificate.ts';
import { logged, logLines } from '../../stage/log-lines.ts';
import { errorOf, parsed } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');

/** A header of version 2. */
function binary(
  command: number,
  family: number,
  addresses: Buffer | number[],
  more = Buffer.alloc(0),
): Buffer {
  const rest = Buffer.concat([Buffer.from(addresses), more]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([SIGNATURE, Buffer.of(0x20 | command, family), length, rest]);
}

const V4 = [203, 0, 113, 7, 198, 51, 100, 1, 0x12, 0x34, 0, 80];
const V6 = Buffer.from('20010db8000000000000000000000007'.repeat(2) + '12340050', 'hex');
/** A TLV of 60,000 bytes, as a load balancer that passes on a certificate sends it. */
const LONG = Buffer.alloc(60_000, 1);

const headers: Readonly<Record<string, readonly [header: Buffer | string, client: string | undefined]>> = {
  'version 1, IPv4': ['PROXY TCP4 203.0.113.7 198.51.100.1 4660 80\r\n', '203.0.113.7:4660'],
  'version 1, IPv6': ['PROXY TCP6 2001:db8::7 2001:db8::1 4660 80\r\n', '2001:db8::7:4660'],
  'version 1, unknown': ['PROXY UNKNOWN\r\n', undefined],
  'version 1, unknown with addresses': [`PROXY UNKNOWN ${'f'.repeat(80)}\r\n`, undefined],
  'version 2, IPv4': [binary(1, 0x11, V4), '203.0.113.7:4660'],
  'version 2, IPv4 with a long TLV': [binary(1, 0x11, V4, LONG), '203.0.113.7:4660'],
  'version 2, IPv6': [binary(1, 0x21, V6), '2001:db8::7:4660'],
  'version 2, a check of the load balancer': [binary(0, 0, []), undefined],
  'version 2, a Unix socket': [binary(1, 0x31, Buffer.alloc(216)), undefined],
  'no header': ['', undefined],
};

const broken: Readonly<Record<string, Buffer | string>> = {
  'a family that does not exist': 'PROXY TCP5 203.0.113.7 198.51.100.1 4660 80\r\n',
  'a wrong address': 'PROXY TCP4 2001:db8::7 198.51.100.1 4660 80\r\n',
  'a port that is too large': 'PROXY TCP4 203.0.113.7 198.51.100.1 65536 80\r\n',
  'a port that is missing': 'PROXY TCP4 203.0.113.7\r\n',
  'a line without end': `PROXY TCP4 ${'1'.repeat(200)}`,
  'version 3': Buffer.concat([SIGNATURE, Buffer.of(0x31, 0x11, 0, 12), Buffer.from(V4)]),
  'a command that does not exist': binary(2, 0x11, V4),
  'addresses that are too short': binary(1, 0x21, V4),
};

void suite('the PROXY protocol', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-balancer-'));
  const stage = new Stage();
  let proxies: Readonly<Record<'HTTP' | 'TLS' | 'untrusting' | 'off', Proxy>>;

  before(async () => {
    const { cert, key } = await writeCertificate(folder);
    const settings = { LOGGING__PRESET: 'json', SERVER__ACCESS_LOG: 'true', SERVER__PROXY_PROTOCOL: 'true' };
    const tls = ['--ssl-certfile', cert, '--ssl-keyfile', key];
    const [HTTP, TLS, untrusting, off] = await Promise.all([
      stage.proxyWithoutKafka({ settings }),
      stage.proxyWithoutKafka({ settings, args: tls }),
      stage.proxyWithoutKafka({ settings: { ...settings, SERVER__FORWARDED_ALLOW_IPS: '192.0.2.1' } }),
      stage.proxyWithoutKafka({ settings: { ...settings, SERVER__PROXY_PROTOCOL: 'false' } }),
    ]);
    proxies = { HTTP, TLS, untrusting, off };
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  /** Sends a header and then a request, over TLS or not. Gives the answer, and the client in its line of the log. */
  async function ask(over: 'HTTP' | 'TLS', pieces: readonly Buffer[], id: string, head: string[] = []) {
    const { port } = proxies[over];
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const request = rawPost(runEvent('proxied'), [`X-Request-ID: ${id}`, ...head]);
    const [last = Buffer.alloc(0), ...before] = pieces.toReversed();
    for (const piece of before.toReversed()) {
      socket.write(piece);
      // Each piece is to arrive by itself.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    let talk: Socket = socket;
    if (over === 'TLS') {
      if (last.length > 0) socket.write(last);
      talk = connectTls({ socket, rejectUnauthorized: false });
      await once(talk, 'secureConnect');
      talk.write(request);
    } else talk.write(Buffer.concat([last, request]));
    const answer: unknown[] = await once(talk, 'data');
    socket.destroy();
    return { answer: String(answer[0]), client: await clientOf(proxies[over], id) };
  }

  async function clientOf(proxy: Proxy, id: string): Promise<unknown> {
    await logged(proxy, `"request_id":"${id}"`);
    const lines = proxy.log.split('\n').filter((line) => line.includes(`"request_id":"${id}"`));
    return parsed(lines.find((line) => line.includes('request answered')) ?? '{}')['client'];
  }

  for (const over of ['HTTP', 'TLS'] as const) {
    for (const [what, [header, client]] of Object.entries(headers)) {
      test(`names the client over ${over}: ${what}`, async () => {
        const bytes = Buffer.from(header);
        const named = client === undefined ? /^127\.0\.0\.1:\d+$/ : new RegExp(`^${client}$`);
        const id = `${over}-${what}`.replaceAll(/[^a-zA-Z0-9]/g, '-');
        const whole = await ask(over, [bytes], id);
        assert.match(whole.answer, /^HTTP\/1\.1 201 /);
        assert.match(String(whole.client), named);
        // Byte for byte at the start, where the kinds are told apart.
        const split = [...bytes.subarray(0, 30)].map((byte) => Buffer.of(byte));
        const torn = await ask(over, [...split, bytes.subarray(30)], `${id}-torn`);
        assert.match(torn.answer, /^HTTP\/1\.1 201 /);
        assert.match(String(torn.client), named);
      });
    }
  }

  test('names the peer whose X-Forwarded-For is not trusted', async () => {
    const forwarded = ['X-Forwarded-For: 192.0.2.99'];
    const header = Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 4660 80\r\n');
    assert.equal((await ask('HTTP', [header], 'not-trusted', forwarded)).client, '203.0.113.7:4660');
    const own = Buffer.from('PROXY TCP4 127.0.0.1 198.51.100.1 4660 80\r\n');
    assert.equal((await ask('HTTP', [own], 'trusted', forwarded)).client, '192.0.2.99');
  });

  for (const [what, header] of Object.entries(broken)) {
    test(`is refused where it is broken: ${what}`, async () => {
      assert.equal(readProxyHeader(Buffer.from(header)).kind, 'broken');
      const connection = await RawConnection.open(proxies.HTTP.port);
      await connection.send(header);
      const { status, body } = await connection.answer();
      assert.equal(status, 400);
      assert.match(errorOf(body).message, /^The header of the PROXY protocol is broken: /);
      assert.equal(await connection.closed, 'ended');
    });
  }

  for (const kind of ['off', 'untrusting'] as const) {
    test(`is refused where it is not expected: ${kind}`, async () => {
      for (const header of ['PROXY TCP4 203.0.113.7 198.51.100.1 4660 80\r\n', binary(1, 0x11, V4)]) {
        const connection = await RawConnection.open(proxies[kind].port);
        await connection.send(header);
        const { status, body } = await connection.answer();
        assert.equal(status, 400);
        assert.match(errorOf(body).message, /begins with the PROXY protocol.*server\.proxy_protocol/);
        connection.cut();
      }
    });
  }

  test('does not keep the connection of a client that leaves during it', async () => {
    for (const end of ['finish', 'cut', 'cut', 'cut', 'cut'] as const) {
      const connection = await RawConnection.open(proxies.HTTP.port);
      await connection.send('PROXY TCP4 203');
      connection[end]();
    }
    for (;;) {
      const response = await fetch(`${proxies.HTTP.url}/monitoring/metrics`, {
        headers: { connection: 'close' },
      });
      if (/^http2kafka_connections 1$/m.test(await response.text())) break;
    }
    // A connection that was reset before it was accepted is not taken for one over a Unix socket.
    assert.doesNotMatch(proxies.HTTP.log, /"client":"unix"/);
  });

  test('HTTP/2 without TLS is answered in HTTP/2: use HTTP/1.1', async () => {
    const session = connectHttp2(proxies.off.url);
    session.on('error', () => undefined);
    const request = session.request({ ':method': 'POST', ':path': '/api/v1/lineage' });
    request.on('error', () => undefined);
    const goAway: unknown[] = await once(session, 'goaway');
    // HTTP_1_1_REQUIRED, RFC 9113 §7.
    assert.equal(goAway[0], 0xd);
    assert.match(String(goAway[2]), /Use HTTP\/1\.1/);
    session.destroy();
    const lines = (await logLines(proxies.off)).map((line) => parsed(line));
    assert.ok(lines.some(({ reason }) => String(reason).includes('HTTP/2 is not served here')));
  });
});
