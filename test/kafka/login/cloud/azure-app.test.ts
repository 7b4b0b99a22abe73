/** The token for Azure Event Hubs in App Service and Container Apps, in a process of its own: the library remembers where it runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloud, environment, imitate, issued } from './cloud-stage.ts';

void test('the token for Azure Event Hubs is given for the managed identity of an app', async (t) => {
  const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
  const answer = { access_token: 'app-token', expires_on, token_type: 'Bearer' };
  const service = await imitate(t, () => [200, answer]);
  environment(t, { IDENTITY_ENDPOINT: `${service.url}/msi/token`, IDENTITY_HEADER: 'app-secret' });
  assert.equal((await issued(cloud('azure'))).token, 'app-token');
  const [asked] = service.asked;
  assert.equal(asked?.headers['x-identity-header'], 'app-secret');
  assert.equal(asked.query.get('resource'), 'https://lineage.servicebus.windows.net');
});
