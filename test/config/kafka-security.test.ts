import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { regionOf, scopeOf } from '../../src/config/rules/cloud-rules.ts';
import { CertificateAuthority, type CertificateFiles } from '../../tools/certificates.ts';
import { errorsOf, loaded } from './loading.ts';

type Given = Readonly<Record<string, string>>;

const variable = (name: string) => `HTTP2KAFKA__KAFKA__SECURITY__${name}`;

const environmentOf = (given: Given) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [variable(name), value]));

suite('the settings of logging in to Kafka', () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-rules-'));
  let ca = '';
  let own: CertificateFiles = { cert: '', key: '' };
  let locked: CertificateFiles = { cert: '', key: '' };

  before(async () => {
    const authority = await CertificateAuthority.create();
    ca = join(folder, 'ca.pem');
    writeFileSync(ca, authority.pem);
    own = (await authority.issue({ name: 'proxy' })).write(folder, 'own');
    locked = (await authority.issue({ name: 'proxy' })).write(folder, 'locked', 'hunter2');
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    writeFileSync(join(folder, 'short.key'), privateKey.export(pem));
    writeFileSync(join(folder, 'exchange.key'), generateKeyPairSync('x25519').privateKey.export(pem));
    writeFileSync(join(folder, 'text'), 'no PEM at all');
    writeFileSync(join(folder, 'damaged'), authority.pem + authority.pem.replace(/^MII.{20}/m, 'AAAA'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The errors. Their places are shortened to the end of the setting's name. */
  const errors = (given: Given): readonly string[] =>
    errorsOf({ environment: environmentOf(given) }).map((error) =>
      error
        .replace('HTTP2KAFKA__KAFKA__SECURITY__', '')
        .replace(' in the environment', '')
        .replaceAll(folder, ''),
    );

  test('by default there is no login and no encryption', () => {
    const { security } = loaded().settings.kafka;
    assert.deepEqual([security.type, security.tls.enabled], ['none', false]);
  });

  const endpoint = { TYPE: 'OAUTHBEARER', OAUTH__TOKEN_ENDPOINT: 'https://id.example.com/token' };
  const cases: readonly (readonly [name: string, given: () => Given, errors: readonly string[]])[] = [
    [
      'a user without a password',
      () => ({ TYPE: 'plain', USER: 'u' }),
      ['TYPE: PLAIN needs kafka.security.password, which is not set'],
    ],
    [
      'neither user nor password',
      () => ({ TYPE: 'scram-sha-512' }),
      ['TYPE: SCRAM-SHA-512 needs kafka.security.user and kafka.security.password, which are not set'],
    ],
    [
      'a token without a source',
      () => ({ TYPE: 'OAUTHBEARER' }),
      [
        'TYPE: OAUTHBEARER needs kafka.security.oauth.token_endpoint, kafka.security.oauth.token_file or kafka.security.oauth.cloud.provider, and none is set',
      ],
    ],
    [
      'a token endpoint without credentials',
      () => endpoint,
      [
        'OAUTH__TOKEN_ENDPOINT: needs kafka.security.oauth.client_id, which is not set',
        'OAUTH__TOKEN_ENDPOINT: needs kafka.security.oauth.client_secret, which is not set',
      ],
    ],
    [
      'a token endpoint without TLS',
      () => ({
        ...endpoint,
        OAUTH__TOKEN_ENDPOINT: 'http://id.example.com/token',
        OAUTH__CLIENT_ID: 'i',
        OAUTH__CLIENT_SECRET: 's',
      }),
      [
        "OAUTH__TOKEN_ENDPOINT: 'http://id.example.com/token' where an https address (http only on this machine) was expected; kafka.security.oauth.allow_http lifts this limit",
      ],
    ],
    [
      'a JWT without a key',
      () => ({ ...endpoint, OAUTH__CLIENT_ID: 'i', OAUTH__CLIENT_AUTHENTICATION: 'private_key_jwt' }),
      [
        'OAUTH__TOKEN_ENDPOINT: needs kafka.security.oauth.assertion.file or kafka.security.oauth.assertion.private_key_file for private_key_jwt, and neither is set',
      ],
    ],
    [
      'an assertion from two places, of no client',
      () => ({
        ...endpoint,
        OAUTH__GRANT: 'jwt_bearer',
        OAUTH__ASSERTION__FILE: own.cert,
        OAUTH__ASSERTION__PRIVATE_KEY_FILE: own.key,
      }),
      [
        'OAUTH__TOKEN_ENDPOINT: needs kafka.security.oauth.client_id, which is not set',
        'OAUTH__ASSERTION__FILE: replaces kafka.security.oauth.assertion.private_key_file; remove one of the two',
      ],
    ],
    [
      'a locked key for the token endpoint',
      () => ({
        ...endpoint,
        OAUTH__CLIENT_ID: 'i',
        OAUTH__CLIENT_AUTHENTICATION: 'private_key_jwt',
        OAUTH__ASSERTION__PRIVATE_KEY_FILE: locked.key,
      }),
      [
        "OAUTH__ASSERTION__PRIVATE_KEY_FILE: the private key in '/locked.key' cannot be read: it is encrypted; set kafka.security.oauth.assertion.private_key_password",
      ],
    ],
    [
      'an assertion that is not sent',
      () => ({ ...endpoint, OAUTH__CLIENT_ID: 'i', OAUTH__ASSERTION__PRIVATE_KEY_FILE: own.key }),
      [
        'OAUTH__ASSERTION__PRIVATE_KEY_FILE: has no effect; set kafka.security.oauth.client_authentication to private_key_jwt, or kafka.security.oauth.grant to jwt_bearer',
      ],
    ],
    ...(['short.key', 'exchange.key'] as const).map(
      (name) =>
        [
          `a key that signs no JWT (${name})`,
          () => ({
            ...endpoint,
            OAUTH__CLIENT_ID: 'i',
            OAUTH__CLIENT_AUTHENTICATION: 'private_key_jwt',
            OAUTH__ASSERTION__PRIVATE_KEY_FILE: join(folder, name),
          }),
          [
            `OAUTH__ASSERTION__PRIVATE_KEY_FILE: no JWT can be signed with the private key in '/${name}': RSA with 2048 bits or more, P-256, P-384, P-521 or Ed25519 was expected`,
          ],
        ] as const,
    ),
    [
      'a region and an account of other clouds',
      () => ({
        TYPE: 'OAUTHBEARER',
        OAUTH__CLOUD__PROVIDER: 'azure',
        OAUTH__SCOPE: 's',
        OAUTH__CLOUD__REGION: 'eu-central-1',
        OAUTH__CLOUD__ACCOUNT: 'a@example.com',
      }),
      [
        'OAUTH__CLOUD__REGION: has no effect unless kafka.security.oauth.cloud.provider is aws',
        'OAUTH__CLOUD__ACCOUNT: has no effect unless kafka.security.oauth.cloud.provider is google',
      ],
    ],
    [
      'two sources of a token',
      () => ({ ...endpoint, OAUTH__CLIENT_ID: 'i', OAUTH__CLIENT_SECRET: 's', OAUTH__TOKEN_FILE: own.cert }),
      ['OAUTH__TOKEN_FILE: replaces kafka.security.oauth.token_endpoint; remove one of the two'],
    ],
    [
      'a token file that does not exist',
      () => ({ TYPE: 'OAUTHBEARER', OAUTH__TOKEN_FILE: join(folder, 'nothing') }),
      ["OAUTH__TOKEN_FILE: '/nothing' is not a file that can be read"],
    ],
    [
      'Kerberos with a password and a keytab',
      () => ({ TYPE: 'GSSAPI', PRINCIPAL: 'p', PASSWORD: 'hunter2', KEYTAB: own.key }),
      ['KEYTAB: replaces kafka.security.password; remove one of the two'],
    ],
    [
      'Kerberos without any credential',
      () => ({ TYPE: 'GSSAPI' }),
      [
        'TYPE: GSSAPI needs kafka.security.principal, which is not set',
        'TYPE: GSSAPI needs kafka.security.keytab or kafka.security.password, and neither is set',
      ],
    ],
    [
      'files of TLS without TLS',
      () => ({ TLS__CA_FILE: ca }),
      [
        'TLS__CA_FILE: has no effect without TLS; set kafka.security.tls.enabled to true, or remove this setting',
      ],
    ],
    [
      'a certificate without its key',
      () => ({ TLS__ENABLED: 'true', TLS__CERT_FILE: own.cert }),
      ['TLS__CERT_FILE: needs kafka.security.tls.key_file, which is not set'],
    ],
    [
      'a CA file without certificates',
      () => ({ TLS__ENABLED: 'true', TLS__CA_FILE: join(folder, 'text') }),
      ['TLS__CA_FILE: \'/text\' has no certificate in it: "-----BEGIN CERTIFICATE-----" (PEM) was expected'],
    ],
    [
      'an authority that is damaged',
      () => ({ TLS__ENABLED: 'true', TLS__CA_FILE: join(folder, 'damaged') }),
      ["TLS__CA_FILE: certificate 2 of 2 in '/damaged' cannot be read: it is damaged"],
    ],
    [
      'the key of another certificate',
      () => ({ TLS__ENABLED: 'true', TLS__CERT_FILE: locked.cert, TLS__KEY_FILE: own.key }),
      ["TLS__KEY_FILE: the private key in '/own.key' does not belong to the certificate in '/locked.pem'"],
    ],
    [
      'a key without its password',
      () => ({ TLS__ENABLED: 'true', TLS__CERT_FILE: locked.cert, TLS__KEY_FILE: locked.key }),
      [
        "TLS__KEY_FILE: the private key in '/locked.key' cannot be read: it is encrypted; set kafka.security.tls.key_password",
      ],
    ],
    [
      'a key with a wrong password',
      () => ({
        TLS__ENABLED: 'true',
        TLS__CERT_FILE: locked.cert,
        TLS__KEY_FILE: locked.key,
        TLS__KEY_PASSWORD: 'hunter3',
      }),
      [
        "TLS__KEY_FILE: the private key in '/locked.key' cannot be read: kafka.security.tls.key_password does not open it",
      ],
    ],
    [
      'a cloud without its login',
      () => ({ OAUTH__CLOUD__PROVIDER: 'google' }),
      ['OAUTH__CLOUD__PROVIDER: has no effect unless kafka.security.type is OAUTHBEARER'],
    ],
    [
      'a cloud and a token endpoint',
      () => ({
        ...endpoint,
        OAUTH__CLIENT_ID: 'i',
        OAUTH__CLIENT_SECRET: 's',
        OAUTH__CLOUD__PROVIDER: 'google',
      }),
      ['OAUTH__CLOUD__PROVIDER: replaces kafka.security.oauth.token_endpoint; remove one of the two'],
    ],
    [
      'a cloud and a token file',
      () => ({ TYPE: 'OAUTHBEARER', OAUTH__TOKEN_FILE: own.cert, OAUTH__CLOUD__PROVIDER: 'google' }),
      ['OAUTH__CLOUD__PROVIDER: replaces kafka.security.oauth.token_file; remove one of the two'],
    ],
    [
      'AWS without a region',
      () => ({ TYPE: 'OAUTHBEARER', OAUTH__CLOUD__PROVIDER: 'aws' }),
      [
        'OAUTH__CLOUD__PROVIDER: aws needs kafka.security.oauth.cloud.region, which is not set: no name in kafka.bootstrap_servers contains a region',
      ],
    ],
    [
      'a region that is none',
      () => ({ TYPE: 'OAUTHBEARER', OAUTH__CLOUD__PROVIDER: 'aws', OAUTH__CLOUD__REGION: 'Frankfurt' }),
      ["OAUTH__CLOUD__REGION: 'Frankfurt' where a region such as eu-central-1 was expected"],
    ],
    [
      'Azure without a namespace',
      () => ({ TYPE: 'OAUTHBEARER', OAUTH__CLOUD__PROVIDER: 'azure' }),
      [
        'OAUTH__CLOUD__PROVIDER: azure needs kafka.security.oauth.scope, which is not set: no name in kafka.bootstrap_servers is a namespace of Event Hubs',
      ],
    ],
    [
      'an extension without a value',
      () => ({ OAUTH__EXTENSIONS: 'auth=x' }),
      [
        'OAUTH__EXTENSIONS: \'auth=x\' where a list of "name=value", the name in letters (a comma list or a JSON array) was expected',
      ],
    ],
  ];
  for (const [name, given, expected] of cases) {
    test(`${name} stops the start`, () => assert.deepEqual(errors(given()), expected));
  }

  test("a cloud's region and scope follow from the names of the brokers", () => {
    const kafkaOf = (provider: string, server: string, more: Given = {}) =>
      loaded({
        environment: {
          ...environmentOf({ TYPE: 'OAUTHBEARER', OAUTH__CLOUD__PROVIDER: provider, ...more }),
          HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: server,
        },
      }).settings.kafka;
    const broker = 'b-1.lineage.abc123.c2.kafka.eu-central-1.amazonaws.com:9098';
    assert.equal(regionOf(kafkaOf('aws', broker)), 'eu-central-1');
    assert.equal(
      regionOf(kafkaOf('aws', 'boot-abc.c1.kafka-serverless.us-east-1.amazonaws.com:9098')),
      'us-east-1',
    );
    assert.equal(
      regionOf(kafkaOf('aws', 'b-1.x.abc123.c2.kafka.cn-north-1.amazonaws.com.cn:9098')),
      'cn-north-1',
    );
    assert.equal(regionOf(kafkaOf('aws', broker, { OAUTH__CLOUD__REGION: 'eu-west-1' })), 'eu-west-1');
    const namespace = 'Lineage.servicebus.windows.net:9093';
    assert.equal(scopeOf(kafkaOf('azure', namespace)), 'https://lineage.servicebus.windows.net/.default');
    assert.equal(
      scopeOf(kafkaOf('azure', 'lineage.servicebus.chinacloudapi.cn:9093')),
      'https://lineage.servicebus.chinacloudapi.cn/.default',
    );
    assert.equal(scopeOf(kafkaOf('azure', namespace, { OAUTH__SCOPE: 'other' })), 'other');
  });

  test('correct settings are accepted', () => {
    const files = {
      TLS__ENABLED: 'true',
      TLS__CA_FILE: ca,
      TLS__CERT_FILE: locked.cert,
      TLS__KEY_FILE: locked.key,
    };
    assert.deepEqual(errors({ ...files, TLS__KEY_PASSWORD: 'hunter2' }), []);
    assert.deepEqual(
      errors({
        ...endpoint,
        OAUTH__CLIENT_ID: 'i',
        OAUTH__CLIENT_SECRET: 's',
        OAUTH__EXTENSIONS: 'a=b c,d=e',
      }),
      [],
    );
    assert.ok(readFileSync(ca).length > 0);
  });
});
