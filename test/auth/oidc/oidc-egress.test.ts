/** An OpenID provider that is reached through an HTTP proxy only: no name server of this machine knows its name. */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { EgressProxies } from '../../../src/support/egress-proxy.ts';
import { CertificateAuthority } from '../../../tools/certificates.ts';
import { temporaryFile } from '../../config/loading.ts';
import { connectProxy } from '../../stage/connect-proxy.ts';
import { newKey, signed } from './hand-signed.ts';
import { startKeyServer } from './key-server.ts';
import { claimsFor, oidcStage } from './oidc-stage.ts';

const HOST = 'sso.invalid';

async function provider(test: TestContext, host = HOST) {
  const authority = await CertificateAuthority.create();
  const server = await startKeyServer('', await authority.issue({ name: 'provider', hosts: [host] }));
  test.after(() => server.stop());
  const port = new URL(server.origin).port;
  const issuer = `https://${HOST}:${port}`;
  const key = newKey('ES256');
  server.issuer = issuer;
  server.keys = [key.jwk];
  server.answer = ({ url }, response) => {
    const document = url === '/keys' ? { keys: server.keys } : { issuer, jwks_uri: `${issuer}/keys` };
    response.end(JSON.stringify(document));
  };
  return { issuer, port, key, caFile: temporaryFile(test, 'ca.pem', authority.pem) };
}

suite('an OpenID provider behind an HTTP proxy', () => {
  test('is asked through tunnels, and its certificate is checked', async (t) => {
    const { issuer, port, key, caFile } = await provider(t);
    const proxy = await connectProxy(t);
    const proxies = new EgressProxies({ HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${proxy.port}` });
    const stage = oidcStage(t, issuer, { caFile, proxies });
    assert.equal(await stage.verdict(await signed(key, claimsFor(issuer))), 'subject');
    assert.deepEqual(proxy.asked, [`${HOST}:${port}`, `${HOST}:${port}`]);
    assert.equal(proxy.credentials[0], `Basic ${Buffer.from('user:hunter2').toString('base64')}`);
    assert.doesNotMatch(stage.log.join(''), /hunter2/);
  });

  test('is not trusted with the certificate of another name', async (t) => {
    const { issuer, caFile } = await provider(t, 'other.invalid');
    const proxy = await connectProxy(t);
    const proxies = new EgressProxies({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    const stage = oidcStage(t, issuer, { caFile, proxies });
    await stage.untilProblem('the OpenID provider shows a certificate that is not trusted');
    assert.match(stage.log.join(''), new RegExp(`through the HTTP proxy 127\\.0\\.0\\.1:${proxy.port}`));
  });

  test('is not asked where the proxy refuses: the log names the proxy, without its credentials', async (t) => {
    const { issuer, caFile } = await provider(t);
    const proxy = await connectProxy(t, 407);
    const proxies = new EgressProxies({ HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${proxy.port}` });
    const stage = oidcStage(t, issuer, { caFile, proxies });
    await stage.untilProblem(
      'the OpenID provider cannot be reached: the HTTP proxy (HTTPS_PROXY) answers with status 407',
    );
    assert.match(stage.log.join(''), new RegExp(`127\\.0\\.0\\.1:${proxy.port}`));
    assert.doesNotMatch(stage.log.join(''), /hunter2|aHVudGVyMg|dXNlcjpodW50ZXIy/);
  });

  test('is not asked where the proxy does not listen', async (t) => {
    const { issuer, caFile } = await provider(t);
    const proxies = new EgressProxies({ HTTPS_PROXY: 'http://user:hunter2@127.0.0.1:1' });
    const stage = oidcStage(t, issuer, { caFile, proxies });
    await stage.untilProblem(
      'the OpenID provider cannot be reached: the HTTP proxy (HTTPS_PROXY) cannot be reached',
    );
    assert.match(
      stage.log.join(''),
      /the HTTP proxy 127\.0\.0\.1:1 \(HTTPS_PROXY\) cannot be reached: .*ECONNREFUSED/,
    );
    assert.doesNotMatch(stage.log.join(''), /hunter2/);
  });
});
