/** Starts contenders, each with its own topic, and asks what has become of their events. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../../tools/kafka/broker.ts';
import { freePorts } from '../../tools/kafka/ports.ts';
import { createTopic, endOffsets } from '../../tools/kafka/topics.ts';
import { realEvents } from '../loads/bodies.ts';
import { contendersOf, furtherTopic, type Contender } from './contenders.ts';
import { becomesReady, post, startProgram } from './program.ts';

export interface Running {
  /** URL without a path. */
  readonly url: string;
  readonly pid: number;
  readonly topic: string;
  /** Milliseconds from the start of its process to the first event that it has taken. */
  readonly firstAnswerMs: number;
  /** The path for events, instead of a load's own. */
  readonly path: string | undefined;
  /** Headers that each of its requests needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** Records in its topics so far, by the number of topics that each event goes to. Undefined when it writes to none. */
  readonly written: () => Promise<number | undefined>;
  /** Events that it has kept on disk so far, not in Kafka. */
  readonly spooled: () => Promise<number>;
  /** Waits until all answered events are in Kafka. Otherwise their delivery would slow down the next measurement. */
  readonly settled: () => Promise<void>;
  /** Only of a program that may answer before Kafka has the event: waits until no more records arrive in the topic. */
  readonly quiet: (() => Promise<void>) | undefined;
  readonly stop: () => Promise<void>;
}

/** The largest event has 5 MB. With the default limit the proxy would compress it to make it fit. */
const TOPIC_CONFIGS = {
  'max.message.bytes': String(8 * 1024 * 1024),
  // A run writes tens of gigabytes, which no consumer reads: Kafka deletes them as soon as it can.
  'retention.bytes': String(128 * 1024 * 1024),
  'segment.bytes': String(32 * 1024 * 1024),
  'file.delete.delay.ms': '1000',
};

/** Milliseconds for a spool to be emptied, and between two checks. */
const SETTLE_MS = 60_000;
const POLL_MS = 50;

/** Milliseconds without a new record after which a rival has nothing more to do. Fluent Bit sends once a second. */
const QUIET_MS = 1100;

/** Starts a contender. Resolves when it has taken an event; undefined when it is not installed. */
export async function startContender(contender: Contender, broker: Broker): Promise<Running | undefined> {
  const { bootstrapServers } = broker;
  const [port = 0] = await freePorts(1);
  const topic = `bench-${crypto.randomUUID()}`;
  const { partitions, furtherTopics = 0, copies = 1 } = contender;
  const further = Array.from({ length: furtherTopics }, (_, index) => furtherTopic(topic, index + 1));
  const topics = [topic, ...further];
  const prepared = await contender.prepare({ port, bootstrapServers, topic, partitions });
  if (!prepared) return undefined;
  if (partitions > 0) {
    for (const name of topics)
      await createTopic(bootstrapServers, { name, partitions, configs: TOPIC_CONFIGS });
  }
  const startedAt = performance.now();
  const program = startProgram(prepared);
  const url = `http://127.0.0.1:${port}`;
  const { path, isOurs = false, isRival = false } = contender;
  const { headers = {}, release } = prepared;
  const stop = async () => {
    await program.stop();
    await release?.();
  };
  try {
    const [event = Buffer.alloc(0)] = realEvents().bodies;
    await becomesReady(program, async () => {
      if (isOurs && !(await textOf(`${url}/monitoring/ready`)).includes('"kafka":"ok"')) return false;
      return (await post(url + (path ?? '/api/v1/lineage'), event, headers)).status === 201;
    });
  } catch (error) {
    await stop();
    throw new Error(`${contender.label} does not run`, { cause: error });
  }
  return {
    url,
    pid: program.pid,
    topic,
    firstAnswerMs: performance.now() - startedAt,
    path,
    headers,
    written: async () =>
      partitions === 0 ? undefined : (await recordsOf(bootstrapServers, topics)) / copies,
    spooled: async () => (isOurs ? spooledEvents(url) : 0),
    settled: async () => {
      if (isOurs) await emptied(url);
    },
    quiet: isRival ? () => isQuiet(() => recordsOf(bootstrapServers, topics)) : undefined,
    stop,
  };
}

/** Starts the yardstick alone. */
export async function startBareServer(broker: Broker): Promise<Running> {
  const bare = await startContender(contendersOf(undefined).bare, broker);
  if (!bare) throw new Error('the bare server has no command');
  return bare;
}

async function recordsOf(bootstrapServers: string, topics: readonly string[]): Promise<number> {
  const all = await Promise.all(topics.map((topic) => endOffsets(bootstrapServers, topic)));
  return all.flatMap((offsets) => [...offsets.values()]).reduce((sum, offset) => sum + Number(offset), 0);
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

/** Waits until no more records arrive. */
async function isQuiet(records: () => Promise<number>): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  let last = -1;
  for (let now = await records(); now !== last && performance.now() < deadline; now = await records()) {
    last = now;
    await sleep(QUIET_MS);
  }
}

async function textOf(url: string): Promise<string> {
  // The proxy would wait for an open connection when it stops.
  const response = await fetch(url, { headers: { connection: 'close' } });
  return response.text();
}
