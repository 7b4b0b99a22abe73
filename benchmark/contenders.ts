/** The measured programs, and how each is started. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../tools/kafka/broker.ts';
import { temporaryFolder } from '../tools/kafka/folders.ts';
import { freePorts } from '../tools/kafka/ports.ts';
import { createTopic } from '../tools/kafka/topics.ts';
import { startProxy } from '../tools/proxy.ts';
import { startBareServer } from './bare-server.ts';
import { startChild } from './child-program.ts';

interface Contender {
  readonly label: string;
  readonly start: (broker: Broker) => Promise<Running>;
}

export interface Running {
  /** URL without a path. */
  readonly url: string;
  readonly pid: number;
  /** Events that it has kept on disk so far, not in Kafka. */
  readonly spooled: () => Promise<number>;
  /** Waits until all answered events are in Kafka. Otherwise their delivery would slow down the next measurement. */
  readonly settled: () => Promise<void>;
  readonly stop: () => Promise<unknown>;
}

/** Partitions of the topics in the documentation's examples. */
const USUAL_PARTITIONS = 3;

/** The largest event has 1.2 MB. With the default limit the proxy would compress it to make it fit. */
const TOPIC_CONFIGS = {
  'max.message.bytes': String(4 * 1024 * 1024),
  // A run writes about ten gigabytes, which no consumer reads: Kafka deletes them as soon as it can.
  'retention.bytes': String(128 * 1024 * 1024),
  'segment.bytes': String(32 * 1024 * 1024),
  'file.delete.delay.ms': '1000',
};

/** Seconds that a proxy keeps an idle connection while it is measured. */
const KEEP_ALIVE_S = '3600';

/** Milliseconds for a spool to be emptied, and between two checks. */
const SETTLE_MS = 60_000;
const POLL_MS = 50;

/** For a program without a spool, or with an unused one. */
const keepsNothing = { spooled: () => Promise.resolve(0), settled: () => Promise.resolve() };

const plain = { KAFKA__COMPRESSION: 'none' };

export const contenders = {
  bare: { label: 'bare node:http server', start: startBare },
  none: { label: 'http2kafka, compression none', start: ours(plain) },
  lz4: { label: 'http2kafka, compression lz4', start: ours({ KAFKA__COMPRESSION: 'lz4' }) },
  zstd: { label: 'http2kafka, compression zstd', start: ours({ KAFKA__COMPRESSION: 'zstd' }) },
  routing: { label: 'http2kafka, level routing', start: ours({ ...plain, CHECK__LEVEL: 'routing' }) },
  log: { label: 'http2kafka, with access log', start: ours({ ...plain, SERVER__ACCESS_LOG: 'true' }) },
  http: { label: 'part: HTTP server', start: partial('http') },
  check: { label: 'part: HTTP server, check', start: partial('check') },
  delivery: { label: 'part: HTTP server, check, record and queue', start: partial('delivery') },
  'partitions-8': { label: 'http2kafka, 8 partitions', start: ours(plain, 8) },
  'partitions-128': { label: 'http2kafka, 128 partitions', start: ours(plain, 128) },
} as const satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof contenders;

export function isContenderName(name: string): name is ContenderName {
  return Object.hasOwn(contenders, name);
}

async function startBare(): Promise<Running> {
  const { url, pid, stop } = await startBareServer();
  return { url: url.replace(/\/$/, ''), pid, stop, ...keepsNothing };
}

/** The built program, with its own topic. */
function ours(settings: Readonly<Record<string, string>>, partitions = USUAL_PARTITIONS) {
  return async (broker: Broker): Promise<Running> => {
    const proxy = await startProxy({
      settings: { ...(await freshTopic(broker, partitions)), ...settings },
      program: 'built',
    });
    const problem = await proxy.ready();
    if (problem !== undefined) throw new Error(`the proxy cannot write to Kafka: ${problem}`);
    const { url, pid } = proxy;
    return {
      url,
      pid,
      spooled: () => spooledEvents(url),
      settled: () => emptied(url),
      stop: () => proxy.stop(),
    };
  };
}

/** Creates a topic. Returns the settings of a proxy that writes to it. */
export async function freshTopic(broker: Broker, partitions: number): Promise<Record<string, string>> {
  const name = `bench-${crypto.randomUUID()}`;
  await createTopic(broker.bootstrapServers, { name, partitions, configs: TOPIC_CONFIGS });
  return {
    KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
    PRODUCER__MAIN_TOPIC: name,
    SERVER__ACCESS_LOG: 'false',
    SERVER__KEEP_ALIVE_TIMEOUT_S: KEEP_ALIVE_S,
  };
}

/** The same flags as in src/main.ts and bin/http2kafka. */
const PROXY_FLAGS = [
  '--no-allocation-site-pretenuring',
  '--max-semi-space-size=12',
  '--initial-old-space-size=128',
];

function partial(part: 'http' | 'check' | 'delivery') {
  return async (): Promise<Running> => {
    const [port = 0] = await freePorts(1);
    const file = join(import.meta.dirname, 'partial-proxy.ts');
    const spool = temporaryFolder('http2kafka-spool-');
    const { pid, stop } = await startChild(file, [part, String(port), spool], PROXY_FLAGS);
    return { url: `http://127.0.0.1:${port}`, pid, stop, ...keepsNothing };
  };
}

async function spooledEvents(url: string): Promise<number> {
  const counts = (await textOf(`${url}/monitoring/metrics`)).matchAll(
    /^http2kafka_events_total\{[^}]*outcome="spooled"[^}]*\} (\d+)/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function emptied(url: string): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const status = await textOf(`${url}/monitoring/ready`);
    if (/"state":"straight"/.test(status) && /"events":0\b/.test(status)) return;
    if (performance.now() > deadline) throw new Error(`the spool has not been emptied: ${status}`);
    await sleep(POLL_MS);
  }
}

async function textOf(url: string): Promise<string> {
  // The proxy would wait for an open connection when it stops.
  const response = await fetch(url, { headers: { connection: 'close' } });
  return response.text();
}
