// `check-config --connect` against a real broker with rights (StandardAuthorizer).
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { reasonOf } from '../../src/commands/check-config/finding.ts';
import { BrokerError } from '../../src/kafka/broker-error.ts';
import { startBroker, type Broker } from '../../tools/kafka/broker.ts';
import { freePorts } from '../../tools/kafka/ports.ts';
import { createTopic, setTopicConfig } from '../../tools/kafka/topics.ts';
import { rule, setScramPassword } from '../../tools/kafka/users.ts';
import { startOidcServer } from '../../tools/oidc-server.ts';
import { startPostgres } from '../../tools/postgres.ts';
import { SECRET_KEY } from '../auth/personal-tokens/personal-token-samples.ts';
import { ranProgram } from '../config/child.ts';

const Report = Type.Object({
  exit_code: Type.Integer(),
  findings: Type.Array(
    Type.Object({
      severity: Type.Union([Type.Literal('error'), Type.Literal('warning'), Type.Literal('ok')]),
      place: Type.String(),
      message: Type.String(),
      advice: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  notes: Type.Array(Type.String()),
  settings: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
});

const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';

type Settings = Readonly<Record<string, string>>;

/** The findings as lines: `error kafka.bootstrap_servers: …`. Asserts that all outputs agree about the exit code. */
async function connected(settings: Settings, ...args: string[]) {
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`HTTP2KAFKA__${name}`, value]),
  );
  const { status, stdout, stderr } = await ranProgram(['check-config', '--connect', '--json', ...args], env);
  assert.equal(stderr, '');
  const report = Value.Parse(Report, JSON.parse(stdout));
  assert.equal(status, report.exit_code);
  const lines = report.findings.map(
    ({ severity, place, message, advice }) => `${severity} ${place}: ${message}. ${advice ?? ''}`,
  );
  assert.equal(
    report.findings.some(({ severity }) => severity === 'error'),
    status !== 0,
  );
  return { status, text: lines.join('\n') };
}

/** The same, again and again until the text matches: rules take effect a moment later. */
async function eventually(wanted: RegExp, settings: Settings) {
  for (let tries = 0; ; tries += 1) {
    const found = await connected(settings);
    if (wanted.test(found.text) || tries === 20) {
      assert.match(found.text, wanted);
      return found;
    }
  }
}

void suite('check-config --connect', { timeout: 240_000 }, () => {
  let broker: Broker;
  let brokers: Settings;
  let login: Settings;
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-connect-'));

  before(async () => {
    broker = await startBroker({
      listeners: { SCRAM: 'SASL_PLAINTEXT' },
      properties: {
        'auto.create.topics.enable': 'false',
        'listener.name.scram.sasl.enabled.mechanisms': 'SCRAM-SHA-256',
        'listener.name.scram.scram-sha-256.sasl.jaas.config': SCRAM,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    });
    await setScramPassword(broker.bootstrapServers, 'proxy', 'secret');
    brokers = { KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers };
    login = {
      KAFKA__BOOTSTRAP_SERVERS: broker.listeners['SCRAM'] ?? '',
      KAFKA__SECURITY__TYPE: 'SCRAM-SHA-256',
      KAFKA__SECURITY__USER: 'proxy',
      KAFKA__SECURITY__PASSWORD: 'secret',
    };
  });
  after(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  test('finds topics that are missing, and makes them with --create only', async () => {
    const topics = { PRODUCER__MAIN_TOPIC: 'made.main', PRODUCER__MALFORMED_TOPIC: 'made.malformed' };
    for (let times = 0; times < 2; times += 1) {
      const { status, text } = await connected({ ...brokers, ...topics });
      assert.equal(status, 3);
      assert.match(text, /^error producer\.main_topic: the topic made\.main does not exist\. .*--create/m);
      assert.match(text, /^error producer\.malformed_topic: the topic made\.malformed does not exist/m);
    }
    const made = await connected({ ...brokers, ...topics }, '--create');
    assert.equal(made.status, 0, made.text);
    assert.match(
      made.text,
      /^ok producer\.main_topic: the topic made\.main was made now, with 3 partitions/m,
    );
    assert.match(made.text, /^ok producer\.malformed_topic: .*made\.malformed was made now/m);
    const again = await connected({ ...brokers, ...topics }, '--create');
    assert.equal(again.status, 0);
    assert.doesNotMatch(again.text, /was made/);
  });

  test('names each broker that cannot be reached, and all findings at once', async () => {
    const { status, text } = await connected({
      KAFKA__BOOTSTRAP_SERVERS: `127.0.0.1:1,nowhere.invalid:9092,${broker.bootstrapServers}`,
      PRODUCER__MAIN_TOPIC: 'nope',
    });
    assert.equal(status, 3);
    assert.match(text, /^warning kafka\.bootstrap_servers: 127\.0\.0\.1:1: .*ECONNREFUSED/m);
    assert.match(text, /^warning kafka\.bootstrap_servers: nowhere\.invalid:9092: .*ENOTFOUND/m);
    assert.match(text, /^error producer\.main_topic: the topic nope does not exist/m);
    const none = await connected({ KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1,nowhere.invalid:9092' });
    assert.equal(none.status, 3);
    assert.match(none.text, /^error .*127\.0\.0\.1:1: .*Check the port/m);
    assert.match(none.text, /^error .*nowhere\.invalid:9092: .*Check the name/m);
    const unset = await connected({});
    assert.match(unset.text, /^error kafka\.bootstrap_servers: no broker is configured/m);
  });

  test('explains a login that is refused, and a wrong protocol', async () => {
    const wrong = await connected({ ...login, KAFKA__SECURITY__PASSWORD: 'wrong' });
    assert.equal(wrong.status, 3);
    assert.match(wrong.text, /^error kafka\.bootstrap_servers: .*Kafka refuses the login: .*password/m);
    assert.doesNotMatch(wrong.text, /'wrong'|=wrong/);
    const plain = await connected({ KAFKA__BOOTSTRAP_SERVERS: broker.listeners['SCRAM'] ?? '' });
    assert.match(plain.text, /may want a login \(kafka\.security\.type\)/);
  });

  test('says which right is missing', async () => {
    const server = broker.bootstrapServers;
    const topics = { PRODUCER__MAIN_TOPIC: 'rights', PRODUCER__MALFORMED_TOPIC: 'rights.malformed' };
    const settings = { ...login, ...topics };
    await createTopic(server, { name: 'rights', configs: { 'max.message.bytes': '6000000' } });
    await createTopic(server, { name: 'rights.malformed', configs: { 'max.message.bytes': '6000000' } });
    const none = await connected(settings);
    assert.equal(none.status, 3);
    assert.match(none.text, /^ok kafka\.bootstrap_servers: .* takes the login \(SCRAM-SHA-256\)/m);
    assert.match(none.text, /^error producer\.main_topic: .*TOPIC_AUTHORIZATION_FAILED.*DESCRIBE and WRITE/m);
    assert.match(none.text, /^error .*no producer id.*IDEMPOTENT_WRITE/m);
    for (const topic of ['rights', 'rights.malformed'])
      await rule(server, 'ALLOW', 'proxy', 'DESCRIBE', topic);
    await eventually(
      /^error producer\.main_topic: the proxy may not write to the topic rights\..*ACL WRITE/m,
      settings,
    );
    for (const topic of ['rights', 'rights.malformed']) await rule(server, 'ALLOW', 'proxy', 'WRITE', topic);
    await eventually(/^warning producer\.malformed_topic: the limits .*DESCRIBE_CONFIGS/m, settings);
    for (const topic of ['rights', 'rights.malformed'])
      await rule(server, 'ALLOW', 'proxy', 'DESCRIBE_CONFIGS', topic);
    const good = await eventually(
      /^ok producer\.malformed_topic: the topic rights\.malformed is there/m,
      settings,
    );
    assert.equal(good.status, 0, good.text);
    assert.doesNotMatch(good.text, /^(?:error|warning)/m);
  });

  test('says that a topic may not be made', async () => {
    const server = broker.bootstrapServers;
    const topics = { PRODUCER__MAIN_TOPIC: 'forbidden', PRODUCER__MALFORMED_TOPIC: 'forbidden.malformed' };
    for (const topic of Object.values(topics)) await rule(server, 'ALLOW', 'proxy', 'DESCRIBE', topic);
    await eventually(/the topic forbidden does not exist/, { ...login, ...topics });
    const { status, text } = await connected({ ...login, ...topics }, '--create');
    assert.equal(status, 3);
    assert.match(
      text,
      /^error producer\.main_topic: .*cannot be made: TOPIC_AUTHORIZATION_FAILED.*ACL CREATE/m,
    );
  });

  test('compares the limits of the topics with the settings', async () => {
    const server = broker.bootstrapServers;
    const settings = {
      ...brokers,
      PRODUCER__MAIN_TOPIC: 'limits',
      PRODUCER__MALFORMED_TOPIC: 'limits.malformed',
    };
    await createTopic(server, {
      name: 'limits',
      configs: {
        'max.message.bytes': '70000',
        'compression.type': 'lz4',
        'cleanup.policy': 'compact',
        'message.timestamp.before.max.ms': '60000',
      },
    });
    await createTopic(server, {
      name: 'limits.malformed',
      configs: { 'message.timestamp.type': 'LogAppendTime' },
    });
    const { status, text } = await connected(settings);
    assert.equal(status, 0);
    for (const wanted of [
      /^warning producer\.main_topic: max\.message\.bytes is 70000, and producer\.max_request_size is 5242880/m,
      /^warning producer\.main_topic: compression\.type is lz4/m,
      /^warning producer\.main_topic: cleanup\.policy is compact/m,
      /^warning producer\.main_topic: message\.timestamp\.before\.max\.ms is 60000, and spool\.max_age is 604800000 ms/m,
      /^warning producer\.malformed_topic: message\.timestamp\.type is LogAppendTime/m,
    ])
      assert.match(text, wanted);
    await setTopicConfig(server, 'limits', { 'min.insync.replicas': '2' });
    const short = await eventually(
      /^error producer\.main_topic: .*min\.insync\.replicas is 2: no event can be/m,
      settings,
    );
    assert.equal(short.status, 3);
  });

  test('names a broker by the address that it advertises and does not have', async (t) => {
    const [port = 0] = await freePorts(1);
    const own = await startBroker({
      port,
      listeners: { OUTER: 'PLAINTEXT' },
      properties: {
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},OUTER://nowhere.invalid:9092`,
      },
    });
    t.after(() => own.stop());
    const { status, text } = await connected({ KAFKA__BOOTSTRAP_SERVERS: own.listeners['OUTER'] ?? '' });
    assert.equal(status, 3);
    assert.match(
      text,
      /^error kafka\.bootstrap_servers: broker 1 advertises nowhere\.invalid:9092, .*ENOTFOUND.*advertised\.listeners/m,
    );
    assert.match(
      text,
      /^warning producer\.main_topic: .*The brokers make it for the first event, with 3 partitions/m,
    );
  });

  test('asks the issuer, the token endpoint and the database', async (t) => {
    const client = { id: 'proxy', secret: 'a secret' };
    const oidc = await startOidcServer({ clients: [client], audience: 'kafka' });
    t.after(() => oidc.stop());
    const postgres = await startPostgres();
    t.after(() => postgres.stop());
    const asked = {
      KAFKA__BOOTSTRAP_SERVERS: broker.listeners['SCRAM'] ?? '',
      AUTH__OIDC__ISSUER: oidc.issuer,
      AUTH__OIDC__AUDIENCE: 'kafka',
      SERVER__PAGE__OIDC__ISSUER: oidc.issuer,
      SERVER__PAGE__OIDC__CLIENT_ID: 'page',
      SERVER__PAGE__OIDC__REDIRECT_URI: 'https://proxy.example/page/oidc/callback',
      SERVER__PAGE__OIDC__USERS: '*',
      AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY,
      DATABASE__URL: postgres.url,
      KAFKA__SECURITY__TYPE: 'OAUTHBEARER',
      KAFKA__SECURITY__OAUTH__TOKEN_ENDPOINT: oidc.tokenEndpoint,
      KAFKA__SECURITY__OAUTH__CLIENT_ID: client.id,
      KAFKA__SECURITY__OAUTH__CLIENT_SECRET: client.secret,
    };
    const { text } = await connected(asked);
    assert.match(text, /^ok auth\.oidc\.issuer: .*1 usable keys/m);
    assert.match(text, /^ok server\.page\.oidc\.issuer: .*1 usable keys/m);
    assert.match(text, /^ok kafka\.security\.oauth\.token_endpoint: the endpoint gives a token/m);
    assert.match(text, /^ok database\.url: the database answers/m);
    // The broker offers SCRAM only.
    assert.match(text, /^error kafka\.bootstrap_servers: .*does not offer OAUTHBEARER.*SCRAM-SHA-256/m);
    await oidc.goAway();
    const broken = await connected({
      ...asked,
      KAFKA__SECURITY__OAUTH__CLIENT_SECRET: 'wrong secret',
      DATABASE__URL: postgres.urlOf('postgres', 'wrong'),
    });
    assert.equal(broken.status, 3);
    assert.match(broken.text, /^error auth\.oidc\.issuer: the OpenID provider cannot be reached/m);
    assert.match(broken.text, /^error server\.page\.oidc\.issuer: the OpenID provider cannot be reached/m);
    assert.match(
      broken.text,
      /^error kafka\.security\.oauth\.token_endpoint: the token endpoint does not answer/m,
    );
    assert.match(broken.text, /^error database\.url: .*it refuses the user or the password/m);
    assert.doesNotMatch(broken.text, /wrong secret/);
  });

  test('says a reason once', () => {
    const problem = 'the credentials of Google name no account (kafka.security.oauth.cloud.account)';
    assert.equal(reasonOf(new BrokerError(problem, problem)), problem);
    assert.equal(reasonOf(new BrokerError(`b:9092: ${problem}`, problem)), `b:9092: ${problem}`);
    assert.equal(reasonOf(new BrokerError('ECONNREFUSED', 'no answer')), 'no answer (ECONNREFUSED)');
  });

  test('refuses --create alone, and prints a configuration error as JSON', async () => {
    const create = await ranProgram(['check-config', '--create']);
    assert.deepEqual([create.status, create.stdout], [2, '']);
    const { status, stdout } = await ranProgram(['check-config', '--json', '--port', 'many']);
    const report = Value.Parse(Report, JSON.parse(stdout));
    assert.deepEqual([status, report.exit_code, report.settings], [1, 1, null]);
    assert.deepEqual(
      report.findings.map(({ severity, place }) => [severity, place]),
      [['error', '--port']],
    );
    const file = join(folder, 'senders.yaml');
    writeFileSync(file, 'senders: [{nam: x}]\n');
    const senders = await ranProgram(['check-config', '--json'], { HTTP2KAFKA__AUTH__SENDERS_FILE: file });
    const [finding] = Value.Parse(Report, JSON.parse(senders.stdout)).findings;
    assert.deepEqual([senders.status, finding?.severity, finding?.place], [1, 'error', 'auth.senders_file']);
  });
});
