import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { startOidcServer, type OidcServer, type OidcServerOptions } from '../../../tools/oidc-server.ts';
import { AUDIENCE, oidcStage } from './oidc-stage.ts';

const client = { id: 'trino', secret: 'trino-secret' };

async function provider(test: TestContext, others: Partial<OidcServerOptions> = {}): Promise<OidcServer> {
  const server = await startOidcServer({ clients: [client], audience: AUDIENCE, ...others });
  test.after(() => server.stop());
  return server;
}

suite('tokens of a real provider', () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA'] as const) {
    test(`signed with ${algorithm} are accepted`, async (t) => {
      const server = await provider(t, { algorithm });
      const stage = oidcStage(t, server.issuer);
      assert.equal(await stage.verdict(await server.token(client)), 'trino');
    });
  }

  test('are refused for another audience', async (t) => {
    const server = await provider(t, { audience: 'account' });
    const stage = oidcStage(t, server.issuer);
    assert.equal(await stage.verdict(await server.token(client)), "audience: Audience doesn't match");
  });

  test('are refused without the required scope', async (t) => {
    const server = await provider(t, { scopes: ['events', 'other'] });
    const stage = oidcStage(t, server.issuer, { requiredScope: 'events' });
    assert.equal(await stage.verdict(await server.token(client, 'other events')), 'trino');
    const lacking = 'claims: The token lacks the required scope';
    assert.equal(await stage.verdict(await server.token(client, 'other')), lacking);
    assert.equal(await stage.verdict(await server.token(client)), lacking);
  });

  test('name their sender in a claim of the provider', async (t) => {
    const server = await provider(t, { claims: { team: 'Lineage' } });
    const stage = oidcStage(t, server.issuer, { nameClaim: 'team' });
    assert.equal(await stage.verdict(await server.token(client)), 'Lineage');
  });

  test('are accepted after a key rotation, and old ones until the provider removes their key', async (t) => {
    const server = await provider(t);
    const stage = oidcStage(t, server.issuer, {}, { refresh: 20 });
    const old = await server.token(client);
    assert.equal(await stage.verdict(old), 'trino');
    server.rotateKeys('keep');
    assert.equal(await stage.verdict(await server.token(client)), 'trino');
    assert.equal(await stage.verdict(old), 'trino');
    server.forgetOldKeys();
    await stage.untilVerdict(old, 'unknown-key: Unable to find a signing key that matches');
    assert.equal(await stage.verdict(await server.token(client)), 'trino');
  });
});

test('without a provider, there is no metric about it', async () => {
  const text = await createMetrics().registry.getSingleMetricAsString('http2kafka_oidc_up');
  assert.deepEqual(
    text.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
    [],
  );
});
