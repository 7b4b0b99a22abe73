/** Events that a page of another origin has a browser post. */
import { Socket } from 'node:net';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { TrustedPeers } from '../../../src/http/connection/client-address.ts';
import { isOfOtherOrigin } from '../../../src/http/cors.ts';

const of = (origin: string | undefined, host: string, isTls = false, site?: string) =>
  isOfOtherOrigin(
    { ...(origin !== undefined && { origin }), ...(site !== undefined && { 'sec-fetch-site': site }) },
    [host],
    isTls,
  );

suite('the origin of a page', () => {
  const own: readonly (readonly [origin: string, host: string, isTls?: boolean])[] = [
    ['http://proxy.example:8002', 'proxy.example:8002'],
    ['http://proxy.example', 'proxy.example'],
    ['http://proxy.example', 'proxy.example:80'],
    ['http://proxy.example:80', 'proxy.example'],
    ['https://proxy.example', 'proxy.example', true],
    ['https://proxy.example', 'proxy.example:443', true],
    ['https://proxy.example:8002', 'proxy.example:8002', true],
    // A reverse proxy may end TLS.
    ['https://proxy.example', 'proxy.example'],
    ['http://proxy.example:8002', 'Proxy.EXAMPLE:8002'],
    ['http://xn--prxy-6qa.example', 'pröxy.example'],
    ['http://[::1]:8002', '[0:0::1]:8002'],
    ['http://127.0.0.1:8002', '127.0.0.1:8002'],
  ];
  for (const [origin, host, isTls] of own) {
    test(`${origin} is that of ${host}${isTls === true ? ' with TLS' : ''}`, () => {
      assert.ok(!of(origin, host, isTls));
    });
  }

  const others: readonly (readonly [origin: string, host: string, isTls?: boolean])[] = [
    ['http://evil.example', 'proxy.example'],
    ['http://evil.example:8002', 'proxy.example:8002'],
    ['http://proxy.example:8003', 'proxy.example:8002'],
    ['http://proxy.example', 'proxy.example:8002'],
    ['http://proxy.example:8002', 'proxy.example'],
    ['http://proxy.example', 'proxy.example:443'],
    ['https://proxy.example', 'proxy.example:80'],
    ['http://proxy.example', 'proxy.example', true],
    ['http://www.proxy.example', 'proxy.example'],
    ['http://proxy.example', 'www.proxy.example'],
    ['http://proxy.example.evil.example', 'proxy.example'],
    ['http://proxy.example.', 'proxy.example'],
    ['http://127.0.0.1:8002', 'localhost:8002'],
    ['null', 'proxy.example'],
    ['null', 'null'],
    ['', 'proxy.example'],
    ['file://', 'proxy.example'],
    ['chrome-extension://proxy.example', 'proxy.example'],
    ['http://proxy.example, http://evil.example', 'proxy.example'],
    ['http://proxy.example', ''],
  ];
  for (const [origin, host, isTls] of others) {
    test(`${origin} is not that of ${host}${isTls === true ? ' with TLS' : ''}`, () => {
      assert.ok(of(origin, host, isTls));
    });
  }

  test('is what the browser says in Sec-Fetch-Site, where it says it', () => {
    for (const site of ['same-origin', 'none'])
      assert.ok(!of('http://evil.example', 'proxy.example', false, site));
    for (const site of ['cross-site', 'same-site', 'same-origin, cross-site', 'SAME-ORIGIN', 'other', '']) {
      assert.ok(of('http://proxy.example', 'proxy.example', false, site), site);
      assert.ok(of(undefined, 'proxy.example', false, site), site);
    }
  });

  test('is not needed: clients that are no browsers send none', () => {
    assert.ok(!of(undefined, 'proxy.example'));
  });

  test('may be the name that a trusted proxy was called by, and no other', () => {
    const headers = { host: 'inner:8002', 'x-forwarded-host': 'public.example, second.example' };
    const hosts = (remoteAddress: string, trusted: readonly string[]) =>
      new TrustedPeers(trusted).hostsOf({
        socket: Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress }),
        headers,
      });
    assert.deepEqual(hosts('10.0.0.1', ['10.0.0.0/8']), ['inner:8002', 'public.example', 'second.example']);
    assert.deepEqual(hosts('192.0.2.1', ['10.0.0.0/8']), ['inner:8002']);
    assert.deepEqual(hosts('10.0.0.1', []), ['inner:8002']);
  });
});
