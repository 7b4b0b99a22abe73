import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EgressProxies, type ProxyVariables } from '../../src/support/egress-proxy.ts';

const PROXY = { HTTPS_PROXY: 'http://proxy.example:3128' };

/** Host and port of the proxy for a URL; undefined for none. */
const wayTo = (url: string, variables: ProxyVariables) =>
  new EgressProxies(variables).proxyFor(new URL(url))?.name;

suite('the HTTP proxy of the environment', () => {
  test('is by the scheme of the URL, in lower case first', () => {
    const variables = { ...PROXY, HTTP_PROXY: 'plain.example:80', https_proxy: 'http://lower.example' };
    assert.equal(wayTo('https://sso.example', PROXY), 'proxy.example:3128');
    assert.equal(wayTo('http://sso.example', PROXY), undefined);
    assert.equal(wayTo('http://sso.example', variables), 'plain.example:80');
    assert.equal(wayTo('https://sso.example', variables), 'lower.example:80');
    assert.equal(wayTo('https://sso.example', { ...PROXY, https_proxy: '' }), 'proxy.example:3128');
    assert.equal(wayTo('https://sso.example', { HTTPS_PROXY: 'https://tls.example' }), 'tls.example:443');
    assert.equal(wayTo('https://sso.example', { HTTPS_PROXY: 'http://[::1]:3128' }), '[::1]:3128');
    assert.equal(wayTo('https://sso.example', {}), undefined);
    assert.equal(wayTo('https://sso.example', { HTTPS_PROXY: '' }), undefined);
  });

  test('is not asked by plain HTTP for this machine', () => {
    const variables = { HTTP_PROXY: 'http://proxy.example' };
    for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '[::1]', 'a.localhost']) {
      assert.equal(wayTo(`http://${host}:8080`, variables), undefined);
    }
  });

  const exceptions: Readonly<
    Record<string, readonly [matching: readonly string[], others: readonly string[]]>
  > = {
    '*': [['a', '10.0.0.1', '[::1]'], []],
    'sso.example': [
      ['sso.example', 'SSO.example', 'a.sso.example', 'sso.example.'],
      ['example', 'asso.example', 'sso.example.org'],
    ],
    '.sso.example': [['sso.example', 'a.sso.example'], ['asso.example']],
    '*.sso.example': [['a.sso.example', 'a.b.sso.example'], ['asso.example']],
    'SSO.Example.': [['sso.example'], ['sso.example.org']],
    'sso.example:8443': [
      ['sso.example:8443', 'a.sso.example:8443'],
      ['sso.example', 'sso.example:443'],
    ],
    'sso.example:443': [['sso.example'], ['sso.example:8443']],
    '10.0.0.1': [['10.0.0.1'], ['10.0.0.10', '10.0.0.2', 'sso.example']],
    '10.0.0.0/8': [
      ['10.0.0.1', '10.255.0.1'],
      ['11.0.0.1', 'sso.example'],
    ],
    '10.0.0.1:8443': [['10.0.0.1:8443'], ['10.0.0.1']],
    '10.0.0.0/99': [[], ['10.0.0.0']],
    'fd00::/8': [['[fd00::1]'], ['[fe80::1]', '10.0.0.1']],
    '::1': [['[::1]', '[0:0::1]'], ['[::2]']],
    '[::1]:8443': [['[::1]:8443'], ['[::1]']],
    'a.example, b.example c.example': [['a.example', 'b.example', 'c.example'], ['d.example']],
    ' , ': [[], ['a.example']],
  };
  for (const [list, [matching, others]] of Object.entries(exceptions)) {
    test(`is not asked for NO_PROXY=${list}`, () => {
      for (const name of ['NO_PROXY', 'no_proxy']) {
        const variables = { ...PROXY, [name]: list };
        for (const host of matching) assert.equal(wayTo(`https://${host}`, variables), undefined, host);
        for (const host of others)
          assert.equal(wayTo(`https://${host}`, variables), 'proxy.example:3128', host);
      }
    });
  }

  test('has credentials, which are in no name', () => {
    const proxies = new EgressProxies({ HTTPS_PROXY: 'http://us%40er:p%3Aass%ZZ@proxy.example:3128' });
    const proxy = proxies.proxyFor(new URL('https://sso.example'));
    assert.equal(proxy?.name, 'proxy.example:3128');
    assert.equal(proxy.authorization, `Basic ${Buffer.from('us@er:p%3Aass%ZZ').toString('base64')}`);
  });

  for (const value of [
    'socks5://user:hunter2@proxy.example',
    'http://',
    'hunter2 hunter2',
    'http://a:99999',
  ]) {
    test(`is refused without repeating it: ${value}`, () => {
      assert.throws(
        () => new EgressProxies({ HTTPS_PROXY: value }),
        ({ message }: Error) =>
          /^HTTPS_PROXY is not the address of an HTTP proxy/.test(message) && !/hunter2/.test(message),
      );
    });
  }
});
