/** What goes wrong for each alert, on a proxy of its own, and how it is mended. */
import { createHash } from 'node:crypto';
import { appendFileSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get as httpGet } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../../tools/kafka/broker.ts';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { createTopic, setTopicConfig } from '../../tools/kafka/topics.ts';
import { startOidcServer } from '../../tools/oidc-server.ts';
import { startProxy, type Proxy, type ProxyOptions } from '../../tools/proxy.ts';
import { writeCertificate } from '../stage/certificate.ts';
import { fakeClock } from '../stage/fake-clock.ts';
import { post, type Sending } from '../stage/posting.ts';
import { incompressible, runEvent } from '../stage/sample-events.ts';

export interface World {
  readonly broker: Broker;
  /** Where the proxy must listen: Prometheus reads there. */
  readonly port: number;
}

/** Each may return a promise, which is waited for. */
export interface Running {
  trouble(): unknown;
  mend(): unknown;
  end(): unknown;
}

export interface Scene {
  readonly name: string;
  readonly alerts: readonly string[];
  readonly scheme?: 'https';
  /** True if every expression of the dashboard must have data after it. */
  readonly hasData?: boolean;
  readonly begin: (world: World) => Promise<Running>;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const MALFORMED = Buffer.from('{"eventType":"START"}');
const KEY = 'h2k_of_the_alerts';
const HASH = `sha256:${createHash('sha256').update(KEY).digest('hex')}`;
const DAY_MS = 86_400_000;
const PERIOD_MS = 200;
/** Prometheus has read the metrics meanwhile. */
const SCRAPED_MS = 3000;

const proxyOf = (world: World, options: ProxyOptions = {}) =>
  startProxy({
    ...options,
    port: world.port,
    settings: { KAFKA__BOOTSTRAP_SERVERS: world.broker.bootstrapServers, ...options.settings },
  });

const send = (proxy: Proxy, body: Buffer, sending: Sending = {}) =>
  post(proxy, body, { ...sending, headers: { ...JSON_TYPE, ...sending.headers } }).catch(() => undefined);

/** Posts again and again, until it is told to stop. */
function stream(proxy: Proxy, body: () => Buffer, sending?: Sending): () => void {
  const timer = setInterval(() => void send(proxy, body(), sending), PERIOD_MS);
  return () => clearInterval(timer);
}

const nothing = () => undefined;

/** A scene in which a client posts what is refused. */
const refusedPosts = (
  name: string,
  alert: string,
  body: Buffer,
  sending: Sending = {},
  settings: () => Readonly<Record<string, string>> = () => ({}),
): Scene => ({
  name,
  alerts: [alert],
  begin: async (world) => {
    const proxy = await proxyOf(world, { settings: settings() });
    let stop = (): void => undefined;
    return {
      trouble: () => (stop = stream(proxy, () => body, sending)),
      mend: () => stop(),
      end: () => proxy.stop(),
    };
  },
});

function fileOf(text: string): string {
  const file = join(temporaryFolder('http2kafka-alerts-'), 'settings.yaml');
  writeFileSync(file, text);
  return file;
}

const SENDERS = `senders: [{ name: trino, api_keys: ['${HASH}'] }]\n`;

const RULES = 'rules: [{ name: one, when: { kind: run }, topics: [input.runs] }]\n';

export const scenes: readonly Scene[] = [
  {
    name: 'an outage of Kafka that fills the spool',
    alerts: [
      'Http2kafkaKafkaUnavailable',
      'Http2kafkaSpoolFills',
      'Http2kafkaSpoolFull',
      'Http2kafkaEventsRefused',
      'Http2kafkaNotSafeInTime',
      'Http2kafkaSpoolOld',
    ],
    hasData: true,
    begin: async (world) => {
      const settings = {
        SPOOL__MAX_BYTES: '6MiB',
        SPOOL__MAX_AGE: '60s',
        SPOOL__AFTER: '200ms',
        AUTH__SENDERS_FILE: fileOf(SENDERS),
        CHECK__CONSUMERS: 'data-rentgen',
      };
      const proxy = await proxyOf(world, { settings });
      await proxy.ready();
      const headers = { authorization: `Bearer ${KEY}` };
      const stop = stream(proxy, () => incompressible('outage', 100_000), { headers });
      await send(proxy, MALFORMED);
      return {
        trouble: () => world.broker.kill(),
        mend: () => world.broker.start(),
        end: async () => {
          stop();
          await proxy.stop();
        },
      };
    },
  },
  refusedPosts('events that are not valid', 'Http2kafkaInvalidEvents', MALFORMED),
  refusedPosts('a wrong path', 'Http2kafkaWrongPath', runEvent('path'), { path: '/lineage' }),
  refusedPosts(
    'a wrong key',
    'Http2kafkaSendersRefused',
    runEvent('key'),
    { headers: { authorization: 'Bearer h2k_wrong' } },
    () => ({
      AUTH__SENDERS_FILE: fileOf(SENDERS),
    }),
  ),
  refusedPosts('dead letters', 'Http2kafkaDeadLetters', MALFORMED, {}, () => ({
    CHECK__INVALID: 'dead-letter',
  })),
  {
    name: 'an event that no topic takes',
    alerts: ['Http2kafkaParkedEvents'],
    begin: async (world) => {
      const { bootstrapServers } = world.broker;
      const settings = {
        SPOOL__PATH: temporaryFolder('http2kafka-parked-'),
        PRODUCER__MAIN_TOPIC: 'narrow',
        PRODUCER__MALFORMED_TOPIC: 'narrow-aside',
      };
      const first = await proxyOf(world, {
        settings: { ...settings, KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1' },
      });
      await send(first, incompressible('parked', 60_000));
      await first.stop('SIGKILL');
      const names = ['narrow', 'narrow-aside'];
      const configs = { 'max.message.bytes': '20000' };
      for (const name of names) await createTopic(bootstrapServers, { name, partitions: 1, configs });
      const proxy = await proxyOf(world, { settings });
      return {
        trouble: nothing,
        mend: async () => {
          for (const name of names)
            await setTopicConfig(bootstrapServers, name, { 'max.message.bytes': '200000' });
        },
        end: () => proxy.stop(),
      };
    },
  },
  {
    name: 'a clock that is two minutes ahead',
    alerts: ['Http2kafkaClockOff'],
    begin: async (world) => {
      const clock = fakeClock();
      if (!clock) throw new Error('libfaketime is not installed (Debian: libfaketime)');
      clock.set(120);
      const proxy = await proxyOf(world, { environment: clock.environment });
      return { trouble: nothing, mend: () => clock.set(0), end: () => proxy.stop() };
    },
  },
  {
    name: 'changed bytes in the spool',
    alerts: ['Http2kafkaSpoolDamaged'],
    begin: async (world) => {
      const SPOOL__PATH = temporaryFolder('http2kafka-damaged-');
      const unavailable = { settings: { SPOOL__PATH, KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1' } };
      let proxy = await proxyOf(world, unavailable);
      for (const name of ['one', 'two', 'three']) await send(proxy, runEvent(name));
      return {
        trouble: async () => {
          await proxy.stop('SIGKILL');
          for (const file of globSync(`${SPOOL__PATH}/topics/*/*.log`)) {
            const bytes = readFileSync(file);
            bytes.fill('x', bytes.indexOf('"two"'), bytes.indexOf('"two"') + 5);
            writeFileSync(file, bytes);
          }
          proxy = await proxyOf(world, unavailable);
        },
        mend: nothing,
        end: () => proxy.stop(),
      };
    },
  },
  {
    name: 'a senders file with an error',
    alerts: ['Http2kafkaSendersFileWrong'],
    begin: async (world) => {
      const file = fileOf(SENDERS);
      const proxy = await proxyOf(world, { settings: { AUTH__SENDERS_FILE: file } });
      return {
        trouble: () => appendFileSync(file, 'senders: [\n'),
        mend: () => writeFileSync(file, SENDERS),
        end: () => proxy.stop(),
      };
    },
  },
  {
    name: 'a file of routing rules with an error',
    alerts: ['Http2kafkaRoutingFileWrong'],
    begin: async (world) => {
      const file = fileOf(RULES);
      const proxy = await proxyOf(world, { settings: { ROUTING__FILE: file } });
      return {
        trouble: () => appendFileSync(file, 'rules: [{\n'),
        mend: () => writeFileSync(file, RULES),
        end: () => proxy.stop(),
      };
    },
  },
  {
    name: 'an OpenID provider that does not answer',
    alerts: ['Http2kafkaSendersUnchecked'],
    begin: async (world) => {
      const provider = await startOidcServer({
        clients: [{ id: 'trino', secret: 'secret' }],
        audience: 'lineage',
      });
      const settings = { AUTH__OIDC__ISSUER: provider.issuer, AUTH__OIDC__AUDIENCE: 'lineage' };
      await provider.goAway();
      const proxy = await proxyOf(world, { settings });
      return {
        trouble: nothing,
        mend: () => provider.comeBack(),
        end: async () => {
          await proxy.stop();
          await provider.stop();
        },
      };
    },
  },
  {
    name: 'a certificate that ends tomorrow',
    alerts: ['Http2kafkaCertificateEnds', 'Http2kafkaCertificateEnded'],
    scheme: 'https',
    begin: async (world) => {
      const folder = temporaryFolder('http2kafka-certificate-');
      const { cert, key } = await writeCertificate(folder, undefined, new Date(Date.now() + DAY_MS));
      const proxy = await proxyOf(world, { args: ['--ssl-certfile', cert, '--ssl-keyfile', key] });
      return {
        trouble: nothing,
        mend: async () => {
          await writeCertificate(folder);
          proxy.signal('SIGHUP');
        },
        end: () => proxy.stop(),
      };
    },
  },
  {
    name: 'clients that leave their connections open',
    alerts: ['Http2kafkaNearLimit'],
    begin: async (world) => {
      const proxy = await proxyOf(world, { settings: { SERVER__MAX_CONNECTIONS: '40' } });
      const agent = new Agent({ keepAlive: true });
      return {
        trouble: async () => {
          const open = () => {
            const { promise, resolve } = Promise.withResolvers();
            httpGet(`${proxy.url}/monitoring/ping`, { agent }, (response) =>
              response.resume().on('end', resolve.bind(undefined, undefined)),
            );
            return promise;
          };
          await Promise.all(Array.from({ length: 38 }, open));
        },
        mend: () => agent.destroy(),
        end: () => proxy.stop(),
      };
    },
  },
  {
    name: 'a proxy that starts again and again and then not',
    alerts: ['Http2kafkaRestarts', 'Http2kafkaDown'],
    begin: async (world) => {
      let proxy = await proxyOf(world);
      return {
        trouble: async () => {
          for (let starts = 0; starts < 5; starts += 1) {
            await sleep(SCRAPED_MS);
            await proxy.stop('SIGKILL');
            proxy = await proxyOf(world);
          }
          await sleep(SCRAPED_MS);
          await proxy.stop('SIGKILL');
        },
        mend: async () => {
          proxy = await proxyOf(world);
        },
        end: () => proxy.stop(),
      };
    },
  },
];
