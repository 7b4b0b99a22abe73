import { mkdirSync, writeFileSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { findKerberosProgram } from '../../../tools/kerberos/install.ts';
import { REALM, startKdc, type Kdc } from '../../../tools/kerberos/kdc.ts';
import { startBroker, type Broker } from '../../../tools/kafka/broker.ts';
import { createTopic, endOffsets } from '../../../tools/kafka/topics.ts';
import type { Release } from '../../../tools/kafka/releases.ts';
import { readRecords } from '../../../tools/kafka/records.ts';
import { startProxy, type Proxy } from '../../../tools/proxy.ts';
import { post, type Answer } from '../../stage/posting.ts';

/** Milliseconds after which the listener REAUTH closes a connection that has not logged in again. */
export const REAUTH_MS = 2000;

/** A realm, a broker in it, and proxies that log in to it. */
export class KerberosStage {
  readonly kdc: Kdc;
  readonly broker: Broker;
  readonly #proxies: KerberosProxy[] = [];

  private constructor(kdc: Kdc, broker: Broker) {
    this.kdc = kdc;
    this.broker = broker;
  }

  static async start(release?: Release): Promise<KerberosStage> {
    const kdc = await startKdc();
    const keytab = await kdc.keytab('kafka/127.0.0.1');
    // Not an initiator: the broker needs no KDC, and starts while it is unavailable.
    const module = `com.sun.security.auth.module.Krb5LoginModule required isInitiator=false useKeyTab=true storeKey=true keyTab="${keytab}" principal="kafka/127.0.0.1@${REALM}";`;
    const broker = await startBroker({
      release,
      listeners: { LOGIN: 'SASL_PLAINTEXT', REAUTH: 'SASL_PLAINTEXT' },
      properties: {
        'sasl.kerberos.service.name': 'kafka',
        'listener.name.login.sasl.enabled.mechanisms': 'GSSAPI',
        'listener.name.login.gssapi.sasl.jaas.config': module,
        'listener.name.reauth.sasl.enabled.mechanisms': 'GSSAPI',
        'listener.name.reauth.gssapi.sasl.jaas.config': module,
        'listener.name.reauth.connections.max.reauth.ms': String(REAUTH_MS),
      },
      jvm: kdc.jvm,
    });
    return new KerberosStage(kdc, broker);
  }

  /** A topic with one partition and a proxy that writes to it, which may not be able to log in. */
  async proxy(
    topic: string,
    security: Readonly<Record<string, string>>,
    listener: 'LOGIN' | 'REAUTH' = 'LOGIN',
  ): Promise<KerberosProxy> {
    const { bootstrapServers, listeners } = this.broker;
    await createTopic(bootstrapServers, { name: topic, partitions: 1 });
    await endOffsets(bootstrapServers, topic);
    const folder = temporaryFolder('http2kafka-kerberos-');
    const spy = spyOnKinit(folder);
    const process = await startProxy({
      settings: {
        KAFKA__BOOTSTRAP_SERVERS: listeners[listener] ?? '',
        PRODUCER__MAIN_TOPIC: topic,
        // A machine that is busy with other tests may exceed the limit of a second for Kafka.
        SPOOL__AFTER: '20s',
        LOGGING__LEVEL: 'debug',
        KAFKA__SECURITY__TYPE: 'GSSAPI',
        ...Object.fromEntries(
          Object.entries(security).map(([name, value]) => [`KAFKA__SECURITY__${name}`, value]),
        ),
      },
      environment: { ...this.kdc.environment, TMPDIR: folder, PATH: spy.path },
      program: 'built',
    });
    const proxy = new KerberosProxy(process, topic, folder, spy.calls, bootstrapServers);
    this.#proxies.push(proxy);
    return proxy;
  }

  async stop(): Promise<void> {
    this.kdc.thaw();
    await Promise.all(this.#proxies.map((proxy) => proxy.process.stop('SIGKILL')));
    await this.broker.stop({ limitMs: 0 });
    await this.kdc.remove();
  }
}

export class KerberosProxy {
  readonly process: Proxy;
  readonly topic: string;
  /** Its folder for temporary files. */
  readonly folder: string;
  readonly #calls: string;
  readonly #bootstrapServers: string;

  constructor(process: Proxy, topic: string, folder: string, calls: string, bootstrapServers: string) {
    this.process = process;
    this.topic = topic;
    this.folder = folder;
    this.#calls = calls;
    this.#bootstrapServers = bootstrapServers;
  }

  /** The arguments of every kinit so far that requested a ticket. */
  get kinits(): readonly string[] {
    return readFileSync(this.#calls, 'utf8')
      .split('\n')
      .filter((call) => call.startsWith('-c'));
  }

  /** The folder of its ticket; undefined when there is none. */
  get ticketFolder(): string | undefined {
    return readdirSync(this.folder)
      .map((name) => join(this.folder, name))
      .find((path) => path.includes('ticket'));
  }

  /** The number of its logins. */
  get logins(): number {
    return this.process.log.split('logged in by Kerberos').length - 1;
  }

  /** Posts an event and returns the status of the answer. */
  post(event: string): Promise<Answer> {
    return post(this.process, event);
  }

  /** The values in its topic. */
  async values(): Promise<string[]> {
    return (await readRecords(this.#bootstrapServers, this.topic)).map(
      ({ value }) => value?.toString() ?? '',
    );
  }
}

/** The real kinit, behind a script that writes its arguments to a file: other users can read the arguments of a process. */
function spyOnKinit(folder: string): { path: string; calls: string } {
  const programs = join(folder, 'bin');
  const calls = join(folder, 'kinits');
  mkdirSync(programs);
  writeFileSync(calls, '');
  const script = `#!/bin/sh\necho "$@" >> '${calls}'\nexec '${findKerberosProgram('kinit') ?? ''}' "$@"\n`;
  writeFileSync(join(programs, 'kinit'), script, { mode: 0o755 });
  return { path: `${programs}${delimiter}${process.env['PATH'] ?? ''}`, calls };
}
