/** The token for Azure Event Hubs: where its credentials come from, and what is asked of Microsoft Entra. */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { CloudToken } from '../../../../src/kafka/login/cloud/cloud-token.ts';
import { freePorts } from '../../../../tools/kafka/ports.ts';
import { brokerErrorOf } from '../broker-errors.ts';
import {
  cloud,
  environment,
  folderOf,
  imitate,
  imitateHosts,
  issued,
  type Answer,
  type Asked,
} from './cloud-stage.ts';

const AZURE = cloud('azure');
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const CLIENT = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: 'c0ffee00-1111-2222-3333-444455556666' };
const SECRET = 'hunter2~secret';
const HOUR_S = 3599;
const HOUR_MS = 3_600_000;

const granted: Answer = [
  200,
  { token_type: 'Bearer', expires_in: HOUR_S, ext_expires_in: HOUR_S, access_token: 'entra-token' },
];

/** Microsoft Entra, which answers requests for a token so. */
function entra(test: TestContext, answer: Answer) {
  const token = `/${TENANT}/oauth2/v2.0/token`;
  return imitateHosts(test, ['login.microsoftonline.com'], ({ path }) =>
    path === token ? answer : undefined,
  );
}

/** The metadata service of a virtual machine. */
const machine = ({ path, headers }: Asked): Answer | undefined => {
  if (!/^\/metadata\/identity\/oauth2\/token\/?$/.test(path) || headers['metadata'] !== 'true')
    return undefined;
  const expires_on = String(Math.floor(Date.now() / 1000) + HOUR_S);
  return [
    200,
    { access_token: 'machine-token', expires_in: String(HOUR_S), expires_on, token_type: 'Bearer' },
  ];
};

void suite('the token for Azure Event Hubs', { timeout: 60_000 }, () => {
  test('is given for a client secret', async (t) => {
    const { service, variables } = await entra(t, granted);
    environment(t, { ...variables, ...CLIENT, AZURE_CLIENT_SECRET: SECRET });
    const { token, lifetimeMs } = await issued(AZURE);
    assert.equal(token, 'entra-token');
    assert.ok(lifetimeMs > HOUR_MS / 2 && lifetimeMs < HOUR_MS * 1.1, String(lifetimeMs));
    const [asked] = service.asked;
    assert.equal(asked?.headers.host, 'login.microsoftonline.com');
    const { grant_type, client_id, client_secret, scope } = Object.fromEntries(asked.form);
    assert.deepEqual([grant_type, client_id], ['client_credentials', CLIENT.AZURE_CLIENT_ID]);
    assert.deepEqual([client_secret, scope], [SECRET, 'https://lineage.servicebus.windows.net/.default']);
  });

  test('is given for a workload identity', async (t) => {
    const { service, variables } = await entra(t, granted);
    const file = folderOf(t)('token', 'eyJpod.token.x');
    environment(t, { ...variables, ...CLIENT, AZURE_FEDERATED_TOKEN_FILE: file });
    assert.equal((await issued(AZURE)).token, 'entra-token');
    const form = service.asked[0]?.form;
    assert.equal(form?.get('client_assertion'), 'eyJpod.token.x');
    assert.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  });

  // One test: the library remembers the address of the metadata service in the whole process.
  test('is missing without credentials, and given for the managed identity of a machine when it answers', async (t) => {
    const [port = 0] = await freePorts(1);
    environment(t, {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${port}`,
      AZURE_CLIENT_ID: 'user-assigned',
    });
    const source = new CloudToken(AZURE);
    assert.equal(
      (await brokerErrorOf(source.issue(Date.now()))).problem,
      'the library of Azure finds no credentials on this machine (kafka.security.oauth.cloud)',
    );
    const service = await imitate(t, machine, { port });
    assert.equal((await source.issue(Date.now())).token, 'machine-token');
    const query = service.asked[0]?.query;
    assert.equal(query?.get('resource'), 'https://lineage.servicebus.windows.net');
    assert.equal(query.get('client_id'), 'user-assigned');
  });

  test('is missing where Entra refuses, and the error names the reason', async (t) => {
    const error_description = `AADSTS7000215: Invalid client secret provided. Trace ID: 1`;
    const { variables } = await entra(t, [
      401,
      { error: 'invalid_client', error_description, error_codes: [7000215] },
    ]);
    environment(t, { ...variables, ...CLIENT, AZURE_CLIENT_SECRET: SECRET });
    const { problem, message, login } = await brokerErrorOf(issued(AZURE));
    assert.equal(problem, 'Azure gives no token: AADSTS7000215 (kafka.security.oauth.cloud)');
    assert.match(message, /Invalid client secret/);
    assert.ok(!message.includes(SECRET));
    assert.ok(login);
  });

  test('is missing while Entra cannot be reached', async (t) => {
    environment(t, { ...CLIENT, AZURE_CLIENT_SECRET: SECRET });
    assert.equal(
      (await brokerErrorOf(issued(AZURE))).problem,
      'the service of Azure that gives credentials does not answer (kafka.security.oauth.cloud)',
    );
  });
});
