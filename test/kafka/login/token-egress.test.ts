/** A token endpoint that is reached through an HTTP proxy only. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { suite, test, type TestContext } from 'node:test';
import type { Finding } from '../../../src/commands/check-config/finding.ts';
import { checkProvider, checkToken } from '../../../src/commands/check-config/service-checks.ts';
import { requestToken } from '../../../src/kafka/login/token-endpoint.ts';
import { EgressProxies } from '../../../src/support/egress-proxy.ts';
import { CertificateAuthority } from '../../../tools/certificates.ts';
import { loaded, temporaryFile } from '../../config/loading.ts';
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
  test('is asked by check-config through the proxy, as serve does it', async (t) => {
    const proxy = await connectProxy(t);
    const { tokenEndpoint, caFile } = await endpoint(t);
    const { settings } = loaded({
      environment: {
        HTTP2KAFKA__KAFKA__SECURITY__TYPE: 'OAUTHBEARER',
        HTTP2KAFKA__KAFKA__SECURITY__OAUTH__TOKEN_ENDPOINT: tokenEndpoint,
        HTTP2KAFKA__KAFKA__SECURITY__OAUTH__CLIENT_ID: 'id',
        HTTP2KAFKA__KAFKA__SECURITY__OAUTH__CLIENT_SECRET: 'hunter2',
        HTTP2KAFKA__KAFKA__SECURITY__OAUTH__CA_FILE: caFile,
        HTTP2KAFKA__AUTH__OIDC__ISSUER: 'https://issuer.invalid',
        HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'proxy',
      },
    });
    const before = process.env['HTTPS_PROXY'];
    process.env['HTTPS_PROXY'] = `http://127.0.0.1:${proxy.port}`;
    t.after(() => {
      if (before === undefined) delete process.env['HTTPS_PROXY'];
      else process.env['HTTPS_PROXY'] = before;
    });
    const findings: Finding[] = [];
    await checkToken(settings, (finding) => findings.push(finding));
    assert.deepEqual(
      findings.map(({ severity, message }) => `${severity}: ${message}`),
      ['ok: the endpoint gives a token'],
    );
    await checkProvider(settings, () => undefined);
    assert.deepEqual(proxy.asked, [new URL(tokenEndpoint).host, 'issuer.invalid:443']);
  });

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
