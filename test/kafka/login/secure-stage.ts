import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecords } from '../../../tools/kafka/records.ts';
import type { Release } from '../../../tools/kafka/releases.ts';
import { endOffsets } from '../../../tools/kafka/topics.ts';
import { startProxy, type Proxy, type ProxyOptions } from '../../../tools/proxy.ts';
import { readiness } from '../../stage/readiness.ts';
import { startSecureBroker, type SecureBroker } from './secure-broker.ts';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Kafka that requires a login, the files for it, and proxies in front of it, for the tests of one file. */
export class SecureStage {
  readonly secure: SecureBroker;
  /** The authority's certificate. */
  readonly ca: string;
  readonly folder: string;
  readonly #proxies: Proxy[] = [];

  private constructor(secure: SecureBroker) {
    this.secure = secure;
    this.folder = mkdtempSync(join(tmpdir(), 'http2kafka-security-'));
    this.ca = this.write('ca.pem', secure.authority.pem);
  }

  static async start(release?: Release): Promise<SecureStage> {
    return new SecureStage(await startSecureBroker(release));
  }

  /** Writes a file of this name, and returns its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** `host:port` of one of the broker's listeners. */
  address(listener: string): string {
    const { broker } = this.secure;
    return listener === 'PLAINTEXT' ? broker.bootstrapServers : (broker.listeners[listener] ?? '');
  }

  /** A proxy that connects to this listener; `security` has settings below `KAFKA__SECURITY__`. */
  async launch(
    listener: string,
    topic: string,
    security: Readonly<Record<string, string>>,
    options: ProxyOptions = {},
  ): Promise<Proxy> {
    const below = Object.entries(security).map(([name, value]) => [`KAFKA__SECURITY__${name}`, value]);
    const proxy = await startProxy({
      ...options,
      settings: {
        SPOOL__AFTER: '20s',
        KAFKA__BOOTSTRAP_SERVERS: this.address(listener),
        PRODUCER__MAIN_TOPIC: topic,
        ...Object.fromEntries<string>(below.map(([name = '', value = '']) => [name, value])),
        ...options.settings,
      },
    });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** The values of a topic, in the order of each partition. */
  async values(topic: string): Promise<string[]> {
    const records = await readRecords(this.secure.broker.bootstrapServers, topic);
    return records.map(({ value }) => value?.toString() ?? '');
  }

  /** True when the topic has a leader that accepts records. */
  async topicIsThere(topic: string): Promise<void> {
    await endOffsets(this.secure.broker.bootstrapServers, topic);
  }

  async stop(): Promise<void> {
    const running = this.#proxies.filter((proxy) => proxy.running);
    await Promise.all(running.map((proxy) => proxy.stop('SIGKILL')));
    await this.secure.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Waits until `/monitoring/ready` says this of Kafka, and returns the text. */
export async function kafkaIs(proxy: Proxy, wanted: RegExp): Promise<string> {
  for (;;) {
    const { kafka } = await readiness(proxy);
    if (wanted.test(kafka)) return kafka;
    await sleep(50);
  }
}
