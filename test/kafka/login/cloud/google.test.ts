/** The token for Google's managed Kafka: its form, and where its credentials come from. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
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

const GOOGLE = cloud('google');
const ACCOUNT = 'lineage@example.iam.gserviceaccount.com';
const HOUR_S = 3599;
const ACCESS_TOKEN = 'ya29.c.access+token/=';

const Claims = Type.Object({
  exp: Type.Integer(),
  iat: Type.Integer(),
  iss: Type.Literal('Google'),
  scope: Type.Literal('kafka'),
  sub: Type.String(),
});

/** Reads a token as Google's brokers do. */
function read(token: string) {
  const [header = '', claims = '', accessToken = ''] = token
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.deepEqual(JSON.parse(header), { typ: 'JWT', alg: 'GOOG_OAUTH2_TOKEN' });
  return { ...Value.Parse(Claims, JSON.parse(claims)), accessToken };
}

/** The metadata service of a machine or a pod. */
const metadata = ({ path, headers }: Asked): Answer | undefined => {
  if (headers['metadata-flavor'] !== 'Google') return [403, 'no header'];
  switch (path) {
    case '/computeMetadata/v1/instance':
      return [200, {}];
    case '/computeMetadata/v1/instance/service-accounts/default/token':
      return [200, { access_token: ACCESS_TOKEN, expires_in: HOUR_S, token_type: 'Bearer' }];
    case '/computeMetadata/v1/instance/service-accounts/default/email':
      return [200, ACCOUNT];
    default:
      return undefined;
  }
};

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY_FILE = JSON.stringify({
  type: 'service_account',
  client_email: ACCOUNT,
  private_key_id: 'key-1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  token_uri: 'https://oauth2.googleapis.com/token',
});

const granted: Answer = [200, { access_token: ACCESS_TOKEN, expires_in: HOUR_S, token_type: 'Bearer' }];

void suite("the token for Google's managed Kafka", { timeout: 60_000 }, () => {
  test('is the access token of the machine in the form of a JWT', async (t) => {
    const service = await imitate(t, metadata);
    environment(t, { GCE_METADATA_HOST: `127.0.0.1:${service.port}` });
    const from = Math.floor(Date.now() / 1000);
    const { token, lifetimeMs } = await issued(GOOGLE);
    const { accessToken, sub, iat, exp } = read(token);
    assert.deepEqual([accessToken, sub], [ACCESS_TOKEN, ACCOUNT]);
    assert.ok(iat >= from && exp > from + 3000 && exp <= Math.ceil(Date.now() / 1000) + HOUR_S);
    assert.ok(lifetimeMs > 3_000_000 && lifetimeMs < 3_700_000, String(lifetimeMs));
    const scopes = service.asked.map(({ query }) => query.get('scopes')).filter((scope) => scope !== null);
    assert.deepEqual(scopes, ['https://www.googleapis.com/auth/cloud-platform']);
  });

  test('is given for the key of a service account', async (t) => {
    const { service, variables } = await imitateHosts(t, ['oauth2.googleapis.com'], () => granted);
    environment(t, { ...variables, GOOGLE_APPLICATION_CREDENTIALS: folderOf(t)('key.json', KEY_FILE) });
    const { accessToken, sub } = read((await issued(GOOGLE)).token);
    assert.deepEqual([accessToken, sub], [ACCESS_TOKEN, ACCOUNT]);
    assert.equal(service.asked[0]?.form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  });

  /** A user, whose credentials name no account. */
  const user = JSON.stringify({
    ...{ type: 'authorized_user', client_id: 'id', client_secret: 'hunter2', refresh_token: 'refresh' },
  });

  test('needs an account where the credentials name none', async (t) => {
    const { variables } = await imitateHosts(t, ['oauth2.googleapis.com'], () => granted);
    environment(t, { ...variables, GOOGLE_APPLICATION_CREDENTIALS: folderOf(t)('user.json', user) });
    assert.equal(
      (await brokerErrorOf(issued(GOOGLE))).problem,
      'the credentials of Google name no account (kafka.security.oauth.cloud.account)',
    );
    const { sub } = read((await issued(cloud('google', { account: 'user@example.com' }))).token);
    assert.equal(sub, 'user@example.com');
  });

  test('is missing without credentials, until there are some', async (t) => {
    const [port = 0] = await freePorts(1);
    environment(t, { GCE_METADATA_HOST: `127.0.0.1:${port}` });
    const source = new CloudToken(GOOGLE);
    assert.equal(
      (await brokerErrorOf(source.issue(Date.now()))).problem,
      'the library of Google finds no credentials on this machine (kafka.security.oauth.cloud)',
    );
    await imitate(t, metadata, { port });
    assert.equal(read((await source.issue(Date.now())).token).sub, ACCOUNT);
  });

  test('is missing where Google refuses, and the error names the reason', async (t) => {
    const { variables } = await imitateHosts(t, ['oauth2.googleapis.com'], () => [
      400,
      { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' },
    ]);
    environment(t, { ...variables, GOOGLE_APPLICATION_CREDENTIALS: folderOf(t)('key.json', KEY_FILE) });
    const { problem, message } = await brokerErrorOf(issued(GOOGLE));
    assert.equal(problem, 'Google gives no token: invalid_grant (kafka.security.oauth.cloud)');
    assert.match(message, /invalid_grant/);
    assert.doesNotMatch(message, /eyJ|PRIVATE KEY/);
  });

  test('is missing while Google cannot be reached', async (t) => {
    environment(t, { GOOGLE_APPLICATION_CREDENTIALS: folderOf(t)('key.json', KEY_FILE) });
    assert.equal(
      (await brokerErrorOf(issued(GOOGLE))).problem,
      'the service of Google that gives credentials does not answer (kafka.security.oauth.cloud)',
    );
  });
});
