import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { created, get, post, spooled } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { CLIENT, PASSWORD, PLAIN_PASSWORD, PLAIN_USER, USER } from './secure-broker.ts';
import { kafkaIs, SecureStage } from './secure-stage.ts';

type Security = Readonly<Record<string, string>>;

interface Way {
  readonly name: string;
  readonly listener: string;
  readonly security: () => Security;
}

interface Wrong extends Way {
  /** What `/monitoring/ready` says of it. */
  readonly problem: RegExp;
}

const KEY_PASSWORD = 'a key"s secret';

void suite('logging in to Kafka', { timeout: 240_000, concurrency: 3 }, () => {
  let stage: SecureStage;
  before(async () => {
    stage = await SecureStage.start();
  });
  after(() => stage.stop());

  const tls = (): Security => ({ TLS__ENABLED: 'true', TLS__CA_FILE: stage.ca });
  const plain = { TYPE: 'PLAINTEXT', USER: PLAIN_USER, PASSWORD: PLAIN_PASSWORD };
  const scram = (type: string): Security => ({ TYPE: type, USER, PASSWORD });
  const oauth = (): Security => ({
    TYPE: 'OAUTHBEARER',
    OAUTH__TOKEN_ENDPOINT: stage.secure.oidc.tokenEndpoint,
    OAUTH__CLIENT_ID: CLIENT.id,
    OAUTH__CLIENT_SECRET: CLIENT.secret,
  });
  const certificate = (name: 'client' | 'expiredClient'): Security => {
    const { cert, key } = stage.secure[name].write(stage.folder, name, KEY_PASSWORD);
    return { ...tls(), TLS__CERT_FILE: cert, TLS__KEY_FILE: key, TLS__KEY_PASSWORD: KEY_PASSWORD };
  };
  const tokenFile = (token: string): Security => ({
    TYPE: 'OAUTHBEARER',
    OAUTH__TOKEN_FILE: stage.write(`token-${Buffer.byteLength(token)}`, `${token}\n`),
  });

  const ways: readonly Way[] = [
    { name: 'TLS', listener: 'TLS', security: tls },
    { name: 'TLS with a certificate of ours', listener: 'MTLS', security: () => certificate('client') },
    { name: 'PLAIN', listener: 'PLAIN', security: () => plain },
    { name: 'PLAIN over TLS', listener: 'PLAIN_TLS', security: () => ({ ...plain, ...tls() }) },
    { name: 'SCRAM-SHA-256', listener: 'SCRAM', security: () => scram('SCRAM-SHA-256') },
    { name: 'SCRAM-SHA-512', listener: 'SCRAM', security: () => scram('scram-sha-512') },
    {
      name: 'SCRAM-SHA-512 over TLS',
      listener: 'SCRAM_TLS',
      security: () => ({ ...scram('SCRAM-SHA-512'), ...tls() }),
    },
    {
      name: 'OAUTHBEARER with client credentials',
      listener: 'OAUTH',
      security: () => ({ ...oauth(), OAUTH__EXTENSIONS: 'logicalCluster=lkc-1,identityPoolId=pool-1' }),
    },
    {
      name: 'OAUTHBEARER over TLS, and the token, too',
      listener: 'OAUTH_TLS',
      security: () => ({
        ...oauth(),
        ...tls(),
        OAUTH__TOKEN_ENDPOINT: stage.secure.oidc.secureTokenEndpoint,
        OAUTH__CA_FILE: stage.ca,
      }),
    },
  ];
  for (const { name, listener, security } of ways) {
    test(`${name}: an event is written`, async () => {
      await isWritten(listener, security());
    });
  }

  test('OAUTHBEARER with a token from a file: an event is written', async () => {
    await isWritten('OAUTH', tokenFile(await stage.secure.oidc.token(CLIENT)));
  });

  async function isWritten(listener: string, security: Security): Promise<void> {
    const topic = `taken-${Math.random()}`;
    const proxy = await stage.launch(listener, topic, security);
    await kafkaIs(proxy, /^ok$/);
    await logged(proxy, 'Kafka can be written to');
    await stage.topicIsThere(topic);
    const event = runEvent('login');
    created(await post(proxy, event), proxy.log);
    assert.deepEqual(await stage.values(topic), [event.toString()]);
    saysNoSecret(proxy, security);
    await proxy.stop('SIGKILL');
  }

  const wrong: readonly Wrong[] = [
    {
      name: 'a wrong password (PLAIN)',
      listener: 'PLAIN',
      security: () => ({ ...plain, PASSWORD: 'wrong-password' }),
      problem:
        /^Kafka refuses the login: user or password is wrong \(kafka\.security\.user, kafka\.security\.password\)$/,
    },
    {
      name: 'an unknown user (SCRAM)',
      listener: 'SCRAM',
      security: () => ({ ...scram('SCRAM-SHA-256'), USER: 'nobody' }),
      problem: /^Kafka refuses the login: user or password is wrong/,
    },
    {
      name: 'a mechanism that the broker does not offer',
      listener: 'PLAIN',
      security: () => scram('SCRAM-SHA-512'),
      problem: /^Kafka does not offer SCRAM-SHA-512 on this port, but PLAIN \(kafka\.security\.type\)$/,
    },
    {
      name: 'a login where none is required',
      listener: 'PLAINTEXT',
      security: () => plain,
      problem: /^Kafka wants no login on this port \(kafka\.security\.type/,
    },
    {
      name: 'no login where one is required',
      listener: 'SCRAM',
      security: () => ({}),
      problem:
        /^Kafka closes the connection without an answer: it may want a login \(kafka\.security\.type\)$/,
    },
    {
      name: 'no TLS where it is required',
      listener: 'TLS',
      security: () => ({}),
      problem: /^Kafka speaks TLS on this port \(kafka\.security\.tls\.enabled\)$/,
    },
    {
      name: 'a login without TLS where it is required',
      listener: 'PLAIN_TLS',
      security: () => plain,
      problem:
        /^Kafka closes the connection before the login: it may want TLS \(kafka\.security\.tls\.enabled\)$/,
    },
    {
      name: 'TLS where there is none',
      listener: 'PLAINTEXT',
      security: tls,
      problem: /^Kafka does not speak TLS on this port \(kafka\.security\.tls\.enabled/,
    },
    {
      name: 'an unknown authority',
      listener: 'UNKNOWN',
      security: tls,
      problem:
        /^the certificate of the broker comes from an authority that is not known \(kafka\.security\.tls\.ca_file\)$/,
    },
    {
      name: 'no authority given',
      listener: 'TLS',
      security: () => ({ TLS__ENABLED: 'true' }),
      problem: /^the certificate of the broker comes from an authority that is not known/,
    },
    {
      name: 'the name of another host',
      listener: 'WRONG_NAME',
      security: tls,
      problem: /^the certificate of the broker is for another host name$/,
    },
    {
      name: 'an expired certificate of the broker',
      listener: 'EXPIRED',
      security: tls,
      problem: /^the certificate of the broker has expired$/,
    },
    {
      name: 'no client certificate where one is required',
      listener: 'MTLS',
      security: tls,
      problem: /^Kafka wants to see a certificate \(kafka\.security\.tls\.cert_file/,
    },
    {
      name: 'an expired client certificate',
      listener: 'MTLS',
      security: () => certificate('expiredClient'),
      problem:
        /^the certificate that the proxy shows to Kafka has expired \(kafka\.security\.tls\.cert_file\)$/,
    },
    {
      name: 'a wrong client secret',
      listener: 'OAUTH',
      security: () => ({ ...oauth(), OAUTH__CLIENT_SECRET: 'wrong-secret' }),
      problem: /^the token endpoint refuses the proxy \(kafka\.security\.oauth\.client_id/,
    },
    {
      name: 'an unavailable token endpoint',
      listener: 'OAUTH',
      security: () => ({ ...oauth(), OAUTH__TOKEN_ENDPOINT: 'http://127.0.0.1:1/token' }),
      problem: /^the token endpoint does not answer \(kafka\.security\.oauth\.token_endpoint\)$/,
    },
    {
      name: 'a token endpoint of an unknown authority',
      listener: 'OAUTH',
      security: () => ({ ...oauth(), OAUTH__TOKEN_ENDPOINT: stage.secure.oidc.secureTokenEndpoint }),
      problem:
        /^the certificate of the token endpoint comes from an authority that is not known \(kafka\.security\.oauth\.ca_file\)$/,
    },
    {
      name: 'a token of another issuer key',
      listener: 'OAUTH',
      security: () =>
        tokenFile(`${jwt({ alg: 'RS256', kid: 'x' })}.${jwt({ exp: 4e9, sub: 'x' })}.c2lnbmF0dXJl`),
      problem: /^Kafka refuses the login: it does not accept the token \(kafka\.security\.oauth\)$/,
    },
    {
      name: 'a token that has expired',
      listener: 'OAUTH',
      security: () => tokenFile(`${jwt({ alg: 'RS256' })}.${jwt({ exp: 1 })}.c2lnbmF0dXJl`),
      problem:
        /^the token for Kafka has expired, and the file has no newer one \(kafka\.security\.oauth\.token_file\)$/,
    },
  ];
  for (const { name, listener, security, problem } of wrong) {
    test(`${name}: is reported, and the event is kept`, async () => {
      const given = security();
      const proxy = await stage.launch(listener, 'untaken', given);
      const said = await kafkaIs(proxy, problem);
      spooled(await post(proxy, runEvent('kept')));
      await logged(proxy, `cannot be written to: ${said}`);
      const { text } = await get(proxy, '/monitoring/ready');
      assert.doesNotMatch(text, /127\.0\.0\.1/);
      saysNoSecret(proxy, given, text);
      assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
    });
  }
});

function jwt(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function saysNoSecret(proxy: Proxy, security: Security, more = ''): void {
  for (const [name, value] of Object.entries(security)) {
    if (!/PASSWORD|SECRET$/.test(name)) continue;
    assert.ok(!`${proxy.log}${more}`.includes(value), `${name} is in what the proxy says`);
  }
}
