/** The token for Amazon MSK: where its credentials come from, and its signature. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CloudToken } from '../../../../src/kafka/login/cloud/cloud-token.ts';
import { freePorts } from '../../../../tools/kafka/ports.ts';
import { brokerErrorOf } from '../broker-errors.ts';
import { cloud, environment, folderOf, imitate, issued, type Answer, type Asked } from './cloud-stage.ts';
import { verify } from './signature.ts';

/** AWS' own example keys. */
const ID = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const SESSION = 'AQoDYXdzEPT//////////wEXAMPLE+tc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW==';
const AWS = cloud('aws');
const MINUTE_MS = 60_000;

/** Temporary credentials, as the metadata service of EC2 and that of containers give them. */
const temporary = (lifetimeMs = 60 * MINUTE_MS) => ({
  Code: 'Success',
  Type: 'AWS-HMAC',
  AccessKeyId: ID,
  SecretAccessKey: SECRET,
  Token: SESSION,
  Expiration: new Date(Date.now() + lifetimeMs).toISOString(),
});

/** An answer of the Security Token Service. */
const assumed = (action: string): Answer => [
  200,
  `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>
    <AccessKeyId>${ID}</AccessKeyId><SecretAccessKey>${SECRET}</SecretAccessKey><SessionToken>${SESSION}</SessionToken>
    <Expiration>${new Date(Date.now() + 60 * MINUTE_MS).toISOString()}</Expiration></Credentials>
    </${action}Result></${action}Response>`,
];

/** The address in a token, after its signature was computed again. */
function signedAddress(token: string): URL {
  const address = Buffer.from(token, 'base64url').toString();
  // AWS' packages add it after the signature.
  const { given, computed } = verify(address, SECRET, { unsigned: ['User-Agent'] });
  assert.equal(given, computed, address);
  return new URL(address);
}

void suite('the token for Amazon MSK', { timeout: 60_000 }, () => {
  test("the tests compute AWS' own example of a signature", () => {
    // "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", Amazon S3 API Reference.
    const address =
      'https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';
    const { given, computed } = verify(address, SECRET, { payload: 'UNSIGNED-PAYLOAD' });
    assert.equal(computed, given);
  });

  test('is an address with the signature of the keys in the environment', async (t) => {
    environment(t, { AWS_ACCESS_KEY_ID: ID, AWS_SECRET_ACCESS_KEY: SECRET });
    const { token, lifetimeMs } = await issued(AWS);
    const { host, pathname, searchParams } = signedAddress(token);
    assert.equal(host, 'kafka.eu-central-1.amazonaws.com');
    assert.equal(pathname, '/');
    assert.equal(searchParams.get('Action'), 'kafka-cluster:Connect');
    assert.match(searchParams.get('X-Amz-Credential') ?? '', /\/eu-central-1\/kafka-cluster\/aws4_request$/);
    assert.equal(searchParams.get('X-Amz-Expires'), '900');
    assert.ok(lifetimeMs > 14 * MINUTE_MS && lifetimeMs < 16 * MINUTE_MS, String(lifetimeMs));
  });

  test('is signed with the keys of a profile', async (t) => {
    const file = folderOf(t)(
      'credentials',
      `[lineage]\naws_access_key_id=${ID}\naws_secret_access_key=${SECRET}\n`,
    );
    environment(t, { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'lineage' });
    signedAddress((await issued(AWS)).token);
  });

  test('is signed with the keys of a role that the profile assumes', async (t) => {
    const sts = await imitate(t, () => assumed('AssumeRole'));
    const config =
      '[profile lineage]\nrole_arn=arn:aws:iam::123456789012:role/lineage\ncredential_source=Environment\nregion=eu-central-1\n';
    environment(t, {
      ...{ AWS_CONFIG_FILE: folderOf(t)('config', config), AWS_PROFILE: 'lineage' },
      ...{ AWS_ACCESS_KEY_ID: 'AKIDOTHER', AWS_SECRET_ACCESS_KEY: 'other', AWS_ENDPOINT_URL_STS: sts.url },
    });
    const { searchParams } = signedAddress((await issued(AWS)).token);
    assert.equal(searchParams.get('X-Amz-Security-Token'), SESSION);
    const [asked] = sts.asked;
    assert.equal(asked?.form.get('RoleArn'), 'arn:aws:iam::123456789012:role/lineage');
    assert.match(asked.headers.authorization ?? '', /Credential=AKIDOTHER\//);
  });

  const webIdentity = (t: Parameters<typeof folderOf>[0], sts: string) => ({
    AWS_WEB_IDENTITY_TOKEN_FILE: folderOf(t)('token', 'eyJweb.identity.token'),
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pod',
    AWS_ENDPOINT_URL_STS: sts,
  });

  test('is signed with the keys of the role of a pod (web identity)', async (t) => {
    const sts = await imitate(t, () => assumed('AssumeRoleWithWebIdentity'));
    environment(t, webIdentity(t, sts.url));
    signedAddress((await issued(AWS)).token);
    const form = sts.asked[0]?.form;
    assert.equal(form?.get('Action'), 'AssumeRoleWithWebIdentity');
    assert.equal(form.get('WebIdentityToken'), 'eyJweb.identity.token');
    assert.equal(form.get('RoleSessionName'), 'http2kafka');
  });

  test('is signed with the keys that a container or a pod identity gets', async (t) => {
    const agent = await imitate(t, ({ path }) =>
      path === '/v1/credentials' ? [200, temporary()] : undefined,
    );
    environment(t, {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: folderOf(t)('token', 'pod-token'),
    });
    signedAddress((await issued(AWS)).token);
    assert.equal(agent.asked[0]?.headers.authorization, 'pod-token');
  });

  /** The metadata service of EC2 in its version 2, which wants a session. */
  const metadata =
    (lifetimeMs?: number) =>
    ({ method, path, headers }: Asked): Answer | undefined => {
      if (method === 'PUT' && path === '/latest/api/token') return [200, 'session'];
      if (headers['x-aws-ec2-metadata-token'] !== 'session') return [401, 'no session'];
      if (path === '/latest/meta-data/iam/security-credentials/') return [200, 'lineage'];
      return path.endsWith('/security-credentials/lineage') ? [200, temporary(lifetimeMs)] : undefined;
    };

  test('is signed with the keys of the machine, and lives no longer than they', async (t) => {
    const service = await imitate(t, metadata(6 * MINUTE_MS + 123));
    environment(t, { AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url });
    const { token, lifetimeMs } = await issued(AWS);
    // AWS takes whole seconds.
    assert.match(signedAddress(token).searchParams.get('X-Amz-Expires') ?? '', /^\d+$/);
    assert.ok(lifetimeMs > 5 * MINUTE_MS && lifetimeMs < 7 * MINUTE_MS, String(lifetimeMs));
  });

  test('is missing without credentials, until there are some', async (t) => {
    const [port = 0] = await freePorts(1);
    environment(t, { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}` });
    const source = new CloudToken(AWS);
    const error = await brokerErrorOf(source.issue(Date.now()));
    assert.equal(
      error.problem,
      'the library of AWS finds no credentials on this machine (kafka.security.oauth.cloud)',
    );
    assert.ok(error.login);
    await imitate(t, metadata(), { port });
    signedAddress((await source.issue(Date.now())).token);
  });

  test('is missing where AWS refuses, and the error names the reason', async (t) => {
    const refusal = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
      <Message>Not authorized with eyJweb.identity.token</Message></Error></ErrorResponse>`;
    const sts = await imitate(t, () => [403, refusal]);
    environment(t, webIdentity(t, sts.url));
    const { problem, message } = await brokerErrorOf(issued(AWS));
    assert.equal(problem, 'AWS gives no token: AccessDenied (kafka.security.oauth.cloud)');
    assert.match(message, /Not authorized/);
    assert.doesNotMatch(message, /eyJweb/);
  });

  test('is missing while AWS cannot be reached', async (t) => {
    environment(t, webIdentity(t, 'http://127.0.0.1:1'));
    assert.equal(
      (await brokerErrorOf(issued(AWS))).problem,
      'the service of AWS that gives credentials does not answer (kafka.security.oauth.cloud)',
    );
  });
});
