/** Releases of Kafka, each with every login: a proxy logs in, and writes events. Dead letters are replayed. The brokers are those of the tests of the login. */
import { setTimeout as sleep } from 'node:timers/promises';
import { INIT_PRODUCER_ID, METADATA, PRODUCE } from '../../../src/kafka/cluster/request-versions.ts';
import { askVersions, SpokenVersions } from '../../../src/kafka/cluster/spoken-versions.ts';
import { KerberosStage } from '../../../test/kafka/login/kerberos-stage.ts';
import {
  checksTokens,
  CLIENT,
  PASSWORD,
  PLAIN_PASSWORD,
  PLAIN_USER,
  USER,
} from '../../../test/kafka/login/secure-broker.ts';
import { SecureStage } from '../../../test/kafka/login/secure-stage.ts';
import { deliveryOf, post } from '../../../test/stage/posting.ts';
import { readiness } from '../../../test/stage/readiness.ts';
import { runEvent } from '../../../test/stage/sample-events.ts';
import { findKerberosProgram } from '../../kerberos/install.ts';
import { startBroker } from '../../kafka/broker.ts';
import { installKafka } from '../../kafka/install.ts';
import { ALL_RELEASES, needsZooKeeper, type Release } from '../../kafka/releases.ts';
import { Wire } from '../../kafka/wire.ts';
import { startProxy, type Proxy } from '../../proxy.ts';
import type { Outcome, Trial } from '../trial.ts';
import { replayed } from './replay.ts';
import { kafka } from '../versions.ts';

const LIMIT_MS = 20_000;
const EVENTS = 5;
const TOO_OLD: readonly string[] = ['2.4.1'];

/** For how long a token that has no signature is good, in seconds. */
const TOKEN_SECONDS = 3600;

interface Login {
  /** The column of the page. */
  readonly column: string;
  /** The listener of the broker. */
  readonly listener: string;
  /** Settings below `KAFKA__SECURITY__`. */
  readonly security: (stage: SecureStage) => Readonly<Record<string, string>>;
}

export const brokers: readonly Trial[] = [...ALL_RELEASES, undefined].map((release) => ({
  name: `kafka-${release ?? kafka}`,
  group: 'brokers',
  label: needsZooKeeper(release) ? 'Kafka with ZooKeeper' : 'Kafka',
  version: () => release ?? kafka,
  install: () => installKafka(release),
  run: () => (release !== undefined && TOO_OLD.includes(release) ? refused(release) : tried(release)),
}));

function loginsOf(release: Release | undefined): readonly Login[] {
  const scram = (type: string) => () => ({ TYPE: type, USER, PASSWORD });
  return [
    { column: 'none', listener: 'PLAINTEXT', security: () => ({}) },
    {
      column: 'PLAIN',
      listener: 'PLAIN',
      security: () => ({ TYPE: 'PLAIN', USER: PLAIN_USER, PASSWORD: PLAIN_PASSWORD }),
    },
    { column: 'SCRAM-SHA-256', listener: 'SCRAM', security: scram('SCRAM-SHA-256') },
    { column: 'SCRAM-SHA-512', listener: 'SCRAM', security: scram('SCRAM-SHA-512') },
    {
      column: 'OAUTHBEARER',
      listener: 'OAUTH',
      security: checksTokens(release) ? tokenOfEndpoint : tokenWithoutSignature,
    },
    {
      column: 'mutual TLS',
      listener: 'MTLS',
      security: (stage) => {
        const { cert, key } = stage.secure.client.write(stage.folder, 'client');
        return {
          TLS__ENABLED: 'true',
          TLS__CA_FILE: stage.ca,
          TLS__CERT_FILE: cert,
          TLS__KEY_FILE: key,
        };
      },
    },
  ];
}

function tokenOfEndpoint({ secure }: SecureStage): Readonly<Record<string, string>> {
  return {
    TYPE: 'OAUTHBEARER',
    OAUTH__TOKEN_ENDPOINT: secure.oidc.tokenEndpoint,
    OAUTH__CLIENT_ID: CLIENT.id,
    OAUTH__CLIENT_SECRET: CLIENT.secret,
  };
}

/** The only kind that a broker before 3.1 takes without a class of its operator. */
function tokenWithoutSignature(stage: SecureStage): Readonly<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'proxy', iat: now, exp: now + TOKEN_SECONDS };
  const [head, body] = [{ alg: 'none' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return {
    TYPE: 'OAUTHBEARER',
    OAUTH__TOKEN_FILE: stage.write('unsigned', `${head ?? ''}.${body ?? ''}.`),
  };
}

async function tried(release: Release | undefined): Promise<Outcome> {
  const cells: Record<string, string> = {};
  const problems: string[] = [];
  const stage = await SecureStage.start(release);
  try {
    cells['requests'] = await requestsTo(stage.address('PLAINTEXT'));
    cells['replay'] = await replayed(stage.address('PLAINTEXT'));
    for (const { column, listener, security } of loginsOf(release)) {
      const topic = `logins.${column.toLowerCase().replaceAll(' ', '-')}`;
      const proxy = await stage.launch(listener, topic, security(stage));
      cells[column] = await written(proxy, () => stage.values(topic));
      await proxy.stop();
    }
  } finally {
    await stage.stop();
  }
  cells['GSSAPI'] = await byKerberos(release);
  for (const [column, cell] of Object.entries(cells)) {
    if (cell.startsWith('no')) problems.push(`${column}: ${cell}`);
  }
  return { ok: problems.length === 0, cells, problems };
}

async function byKerberos(release: Release | undefined): Promise<string> {
  if (findKerberosProgram('krb5kdc') === undefined) return '';
  const stage = await KerberosStage.start(release);
  try {
    const keytab = await stage.kdc.keytab('proxy');
    const topic = 'logins.gssapi';
    const proxy = await stage.proxy(topic, { PRINCIPAL: 'proxy', KEYTAB: keytab });
    return await written(proxy.process, () => proxy.values());
  } finally {
    await stage.stop();
  }
}

/** Posts events. `yes` if each is in Kafka once, in order. */
async function written(proxy: Proxy, values: () => Promise<readonly string[]>): Promise<string> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const { kafka: state } = await readiness(proxy);
    if (state === 'ok') break;
    if (Date.now() > end) return `no: ${state}`;
    await sleep(50);
  }
  const events = Array.from({ length: EVENTS }, () => runEvent('login').toString());
  for (const event of events) {
    const answer = await post(proxy, event);
    if (deliveryOf(answer) !== 'kafka') return `no: ${answer.status} ${answer.text}`;
  }
  const found = await values();
  const isAll = events.every((event) => found.filter((one) => one === event).length >= 1);
  return isAll && found.length === EVENTS ? 'yes' : `no: ${found.length} records of ${EVENTS}`;
}

/** The proxy says what is wrong, and keeps the events. */
async function refused(release: Release): Promise<Outcome> {
  const broker = await startBroker({ release });
  const proxy = await startProxy({ settings: { KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers } });
  try {
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      const { kafka: state } = await readiness(proxy);
      if (state.includes('too old') && deliveryOf(await post(proxy, runEvent('kept'))) === 'spool') {
        return { ok: true, cells: { none: `no: ${state}; events are kept` }, problems: [] };
      }
      if (Date.now() > end) return { ok: false, cells: { none: `no: ${state}` }, problems: [state] };
      await sleep(50);
    }
  } finally {
    await proxy.stop('SIGKILL');
    await broker.stop({ limitMs: 0 });
  }
}

/** The versions in which the proxy asks this broker. */
async function requestsTo(server: string): Promise<string> {
  const wire = new Wire(server, LIMIT_MS);
  try {
    const versions = new SpokenVersions(await askVersions(await wire.connect(server)));
    return [PRODUCE, METADATA, INIT_PRODUCER_ID]
      .map((request) => `${request.name} ${versions.of<{ key: number; version: number }>(request).version}`)
      .join(', ');
  } finally {
    wire.close();
  }
}
