/** A token endpoint that is reached through an HTTP proxy only. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { suite, test, type TestContext } from 'node:test';
import { requestToken } from '../../../src/kafka/login/token-endpoint.ts';
import { EgressProxies } from '../../../src/support/egress-proxy.ts';
import { CertificateAuthority } from '../../../tools/certificates.ts';
import { temporaryFile } from '../../config/loading.ts';
import { connectProxy } from '../../stage/connect-proxy.ts';

async function endpoint(test: TestContext) {
  const authority = await CertificateAuthority.create();
  const { pem: cert, keyPem: key } = await authority.issue({ name: 'endpoint', hosts: ['sso.invalid'] });
  const server = createServer({ cert, key }, (_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: 'token', token_type: 'bearer', expires_in: 60 }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  test.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return {
    tokenEndpoint: `https://sso.invalid:${port}/token`,
    ...{ clientId: 'id', clientSecret: 'hunter2', scope: undefined, audience: undefined },
    caFile: temporaryFile(test, 'ca.pem', authority.pem),
  };
}

suite('a token endpoint behind an HTTP proxy', () => {
  test('gives a token through a tunnel', async (t) => {
    const proxy = await connectProxy(t);
    const proxies = new EgressProxies({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    const settings = await endpoint(t);
    assert.equal((await requestToken({ ...settings, proxies }, Date.now())).token, 'token');
    assert.deepEqual(proxy.asked, [new URL(settings.tokenEndpoint).host]);
  });

  test('gives none where the proxy refuses, and the error names the proxy', async (t) => {
    const proxy = await connectProxy(t, 403);
    const proxies = new EgressProxies({ HTTPS_PROXY: `http://user:hunter3@127.0.0.1:${proxy.port}` });
    await assert.rejects(requestToken({ ...(await endpoint(t)), proxies }, Date.now()), (error: Error) => {
      assert.match(error.message + JSON.stringify(error), /HTTPS_PROXY/);
      assert.doesNotMatch(error.message + JSON.stringify(error), /hunter/);
      return true;
    });
  });
});
