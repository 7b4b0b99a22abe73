/**
 * Proxies that log in to a real broker with the tokens of the clouds. Azure's tokens are JWTs, which Kafka's own validator checks. The
 * forms of AWS and Google are checked by a validator that is written from what they document (CloudTokenValidator.java).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startBroker, type Broker } from '../../../../tools/kafka/broker.ts';
import { installKafka, listJars } from '../../../../tools/kafka/install.ts';
import { findJava } from '../../../../tools/kafka/java.ts';
import { readRecords } from '../../../../tools/kafka/records.ts';
import { endOffsets } from '../../../../tools/kafka/topics.ts';
import { startOidcServer, type OidcServer } from '../../../../tools/oidc-server.ts';
import { startProxy, type Proxy } from '../../../../tools/proxy.ts';
import { ranProgram } from '../../../config/child.ts';
import { logged } from '../../../stage/log-lines.ts';
import { created, post, spooled } from '../../../stage/posting.ts';
import { runEvent } from '../../../stage/sample-events.ts';
import { AUDIENCE, CLIENT, oauthListener } from '../secure-broker.ts';
import { kafkaIs } from '../secure-stage.ts';
import { imitate, NOWHERE } from './cloud-stage.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const ACCESS_TOKEN = 'ya29.access';
const CONNECTION_STRING =
  'Endpoint=sb://lineage.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0+/=';
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';

type Variables = Readonly<Record<string, string>>;

interface Cloud {
  readonly listener: string;
  /** Settings below `KAFKA__SECURITY__OAUTH__`. */
  readonly settings: Variables;
  /** Where the library of the cloud finds credentials. */
  readonly environment: (test: TestContext) => Variables | Promise<Variables>;
}

/** With the compiler of the JDK that runs Kafka. */
async function compileValidator(folder: string): Promise<void> {
  const libraries = await installKafka();
  const jars = (await listJars(libraries)).map((jar) => join(libraries, jar)).join(':');
  const source = join(import.meta.dirname, 'CloudTokenValidator.java');
  const compiler = ['-m', 'jdk.compiler/com.sun.tools.javac.Main'];
  await promisify(execFile)(findJava(), [...compiler, '-d', folder, '-cp', jars, source]);
}

void suite("logging in to the clouds' Kafka", { timeout: 240_000, concurrency: 3 }, () => {
  const classes = mkdtempSync(join(tmpdir(), 'http2kafka-validator-'));
  let oidc: OidcServer;
  let broker: Broker;

  before(async () => {
    await compileValidator(classes);
    oidc = await startOidcServer({ clients: [CLIENT], audience: AUDIENCE });
    broker = await startBroker({
      classes,
      jvm: [
        `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${oidc.jwksUri}`,
        `-Dtest.aws.secret=${SECRET}`,
        `-Dtest.google.token=${ACCESS_TOKEN}`,
      ],
      listeners: { ENTRA: 'SASL_PLAINTEXT', CLOUD: 'SASL_PLAINTEXT', PASSWORD: 'SASL_PLAINTEXT' },
      properties: {
        ...oauthListener('entra', oidc),
        ...oauthListener('cloud', oidc),
        'listener.name.cloud.oauthbearer.sasl.server.callback.handler.class': 'CloudTokenValidator',
        'listener.name.password.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.password.plain.sasl.jaas.config': `${PLAIN} user_$ConnectionString="${CONNECTION_STRING}";`,
      },
    });
  });
  after(async () => {
    await broker.stop();
    await oidc.goAway();
    rmSync(classes, { recursive: true });
  });

  const aws: Cloud = {
    listener: 'CLOUD',
    settings: { CLOUD__PROVIDER: 'aws', CLOUD__REGION: 'eu-central-1' },
    environment: () => ({ AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: SECRET }),
  };
  const clouds: Readonly<Record<string, Cloud>> = {
    'Amazon MSK': aws,
    'Event Hubs': {
      listener: 'ENTRA',
      settings: { CLOUD__PROVIDER: 'azure', SCOPE: 'https://lineage.servicebus.windows.net/.default' },
      environment: async (t) => {
        const access_token = await oidc.token(CLIENT);
        const expires_on = String(Math.floor(Date.now() / 1000) + 600);
        const app = await imitate(t, () => [200, { access_token, expires_on, token_type: 'Bearer' }]);
        return { IDENTITY_ENDPOINT: `${app.url}/token`, IDENTITY_HEADER: 'secret' };
      },
    },
    "Google's managed Kafka": {
      listener: 'CLOUD',
      settings: { CLOUD__PROVIDER: 'google' },
      environment: async (t) => {
        const token = { access_token: ACCESS_TOKEN, expires_in: 3599, token_type: 'Bearer' };
        const metadata = await imitate(t, ({ path }) => {
          if (path.endsWith('/token')) return [200, token];
          return path.endsWith('/email') ? [200, 'lineage@example.com'] : [200, {}];
        });
        return { GCE_METADATA_HOST: `127.0.0.1:${metadata.port}` };
      },
    },
  };

  const settingsOf = ({ listener, settings }: Cloud, topic: string): Variables => ({
    KAFKA__BOOTSTRAP_SERVERS: broker.listeners[listener] ?? '',
    KAFKA__SECURITY__TYPE: 'OAUTHBEARER',
    PRODUCER__MAIN_TOPIC: topic,
    ...Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`KAFKA__SECURITY__OAUTH__${name}`, value]),
    ),
  });

  async function launch(test: TestContext, cloud: Cloud, topic: string, more: Variables): Promise<Proxy> {
    const environment = { ...NOWHERE, ...more };
    const proxy = await startProxy({
      settings: { ...settingsOf(cloud, topic), SPOOL__AFTER: '20s' },
      environment,
    });
    test.after(() => proxy.stop('SIGKILL'));
    return proxy;
  }

  async function isWritten(proxy: Proxy, topic: string): Promise<void> {
    await kafkaIs(proxy, /^ok$/);
    await endOffsets(broker.bootstrapServers, topic);
    const event = runEvent('login');
    created(await post(proxy, event), proxy.log);
    const records = await readRecords(broker.bootstrapServers, topic);
    assert.deepEqual(
      records.map(({ value }) => value?.toString()),
      [event.toString()],
    );
  }

  for (const [name, cloud] of Object.entries(clouds)) {
    test(`${name}: an event is written`, async (t) => {
      const topic = `taken-${cloud.settings['CLOUD__PROVIDER'] ?? ''}`;
      const proxy = await launch(t, cloud, topic, await cloud.environment(t));
      await isWritten(proxy, topic);
      assert.ok(!proxy.log.includes(SECRET) && !proxy.log.includes(ACCESS_TOKEN));
    });
  }

  test('Event Hubs by connection string: an event is written', async (t) => {
    const proxy = await startProxy({
      settings: {
        KAFKA__BOOTSTRAP_SERVERS: broker.listeners['PASSWORD'] ?? '',
        KAFKA__SECURITY__TYPE: 'PLAIN',
        KAFKA__SECURITY__USER: '$ConnectionString',
        KAFKA__SECURITY__PASSWORD: CONNECTION_STRING,
        PRODUCER__MAIN_TOPIC: 'taken-by-connection-string',
      },
    });
    t.after(() => proxy.stop('SIGKILL'));
    await isWritten(proxy, 'taken-by-connection-string');
    assert.ok(!proxy.log.includes(CONNECTION_STRING));
  });

  test('without credentials the reason is reported, and the event is kept', async (t) => {
    const proxy = await launch(t, aws, 'untaken', {});
    const said = await kafkaIs(
      proxy,
      /^the library of AWS finds no credentials on this machine \(kafka\.security\.oauth\.cloud\)$/,
    );
    spooled(await post(proxy, runEvent('kept')));
    await logged(proxy, `cannot be written to: ${said}`);
  });

  test('a wrong key is refused by the broker, which is reported', async (t) => {
    const wrong = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wrong-secret' };
    const proxy = await launch(t, aws, 'untaken', wrong);
    await kafkaIs(proxy, /^Kafka refuses the login: it does not accept the token/);
    assert.doesNotMatch(proxy.log, /wrong-secret/);
  });

  test('check-config --connect gets a token and logs in, or says why not', async (t) => {
    const settings = Object.fromEntries(
      Object.entries(settingsOf(aws, 'checked')).map(([name, value]) => [`HTTP2KAFKA__${name}`, value]),
    );
    const checked = async (more: Variables) => {
      const { stdout } = await ranProgram(['check-config', '--connect'], {
        ...NOWHERE,
        ...settings,
        ...more,
      });
      return stdout;
    };
    const good = await checked(await aws.environment(t));
    assert.match(good, /kafka\.security\.oauth\.cloud: the library of the cloud gives a token/);
    assert.match(good, /takes the login \(OAUTHBEARER\)/);
    assert.match(
      await checked({}),
      /kafka\.security\.oauth\.cloud: the library of AWS finds no credentials on this machine/,
    );
  });
});
