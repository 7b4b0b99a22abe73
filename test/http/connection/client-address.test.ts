import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type RequestOptions } from 'node:http';
import type { ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, suite, test } from 'node:test';
import { TrustedPeers } from '../../../src/http/connection/client-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'http2kafka-client-'));
const socketPath = join(folder, 'socket');

/** The client address that `TrustedPeers` gives for a request with this `X-Forwarded-For`. The peer is an address of this machine. */
async function clientOf(
  trusted: readonly string[],
  forwarded: string,
  from: RequestOptions = {},
  listen: ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<string> {
  const peers = new TrustedPeers(trusted);
  const server = createServer((request, response) => response.end(peers.clientOf(request).client));
  server.listen(listen);
  await once(server, 'listening');
  const address = server.address();
  const to =
    typeof address === 'string' ? { socketPath: address } : { host: '127.0.0.1', port: address?.port };
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(
    { ...to, ...from, headers: { 'x-forwarded-for': forwarded }, agent: false },
    (response) => void text(response).then(resolve, reject),
  );
  sent.on('error', reject).end();
  const client = await promise;
  server.close();
  return client;
}

void suite('the client address of a request', { timeout: 60_000 }, () => {
  after(() => rmSync(folder, { recursive: true }));

  test('is the address that a trusted peer names, also behind several trusted proxies', async () => {
    for (const [forwarded, client] of [
      ['203.0.113.7', '203.0.113.7'],
      ['203.0.113.7, 10.200.0.9', '203.0.113.7'],
      ['203.0.113.7,10.0.0.1 , 127.9.9.9', '203.0.113.7'],
      ['203.0.113.7, ::ffff:10.0.0.1', '203.0.113.7'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['2001:db8::7', '2001:db8::7'],
      ['203.0.113.7:4711, 10.0.0.1:80', '203.0.113.7'],
      ['[2001:db8::7]:4711', '2001:db8::7'],
      ['10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ] as const) {
      assert.equal(await clientOf(['10.0.0.0/8', '127.0.0.0/8'], forwarded), client, forwarded);
    }
  });

  test('is the last address that is no trusted proxy: the addresses before it may be forged', async () => {
    const trusted = ['127.0.0.1', '10.0.0.0/8'];
    assert.equal(await clientOf(trusted, '10.1.1.1, 192.0.2.1, 198.51.100.9, 10.0.0.1'), '198.51.100.9');
    assert.equal(await clientOf(trusted, '127.0.0.1, 11.0.0.1'), '11.0.0.1');
  });

  test('is that of the peer, where it is not trusted or names no address', async () => {
    const from = { localAddress: '127.0.0.2' };
    for (const trusted of [[], ['127.0.0.1'], ['127.0.0.4/31', '2001::/16'], ['unix:']]) {
      assert.match(await clientOf(trusted, '203.0.113.7', from), /^127\.0\.0\.2:\d+$/, trusted.join());
    }
    for (const forwarded of [
      '',
      'unknown',
      'unix:',
      '203.0.113.7, _hidden',
      '1.2.3',
      '203.0.113.7\u00e9 "x',
    ]) {
      assert.match(await clientOf(['127.0.0.0/8'], forwarded, from), /^127\.0\.0\.2:\d+$/, forwarded);
    }
  });

  test('is an IPv4 address on a socket for both versions of IP', async () => {
    const both = { port: 0, host: '::' };
    assert.match(await clientOf([], '203.0.113.7', {}, both), /^127\.0\.0\.1:\d+$/);
    for (const trusted of ['127.0.0.1', '127.0.0.0/8', '::ffff:127.0.0.0/104', '*']) {
      assert.equal(await clientOf([trusted], '203.0.113.7', {}, both), '203.0.113.7', trusted);
    }
    assert.equal(await clientOf(['::1'], '203.0.113.7', { host: '::1' }, both), '203.0.113.7');
  });

  test('is taken from a peer on a Unix socket only where such peers are trusted', async () => {
    const unix = { path: socketPath };
    for (const trusted of [[], ['127.0.0.1'], ['0.0.0.0/0', '::/0']]) {
      assert.equal(await clientOf(trusted, '203.0.113.7', {}, unix), 'unix', trusted.join());
    }
    for (const trusted of ['unix:', '*']) {
      assert.equal(await clientOf([trusted], '203.0.113.7', {}, unix), '203.0.113.7', trusted);
    }
  });
});
