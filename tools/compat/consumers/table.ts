/**
 * Tries which consumer libraries read which compression: for each codec a proxy writes events to a topic of its own, and each consumer
 * reads each topic.
 */
import { join } from 'node:path';
import { installKafka, listJars } from '../../kafka/install.ts';
import { startProxy } from '../../proxy.ts';
import { installNpm, installPython } from '../install.ts';
import { lastLine, runToEnd } from '../processes.ts';
import type { Stage } from '../stage.ts';
import type { Outcome, Trial } from '../trial.ts';
import { kafka, npm, python } from '../versions.ts';

export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** Events of a topic. The last one is larger than a topic takes, so it goes as gzip whatever the codec. */
export const EVENTS = 5;

/** Every consumer reads these: the default, and what too large events go as. */
const SAFE = ['none', 'gzip'];
const LIMIT_MS = 40_000;

type Install = () => Promise<readonly string[]>;

const script = (name: string) => join(import.meta.dirname, name);
const run = Date.now();

const withPython =
  (name: keyof typeof python): Install =>
  async () => [join(await installPython(name, [name]), 'python'), script(`read-with-${name}.py`)];

const table: readonly { name: string; label: string; version: string; install: Install; after?: Install }[] =
  [
    {
      name: 'kafkajs',
      label: 'kafkajs',
      version: npm.kafkajs,
      install: async () => {
        await installNpm('kafkajs', ['kafkajs']);
        return [process.execPath, script('read-with-kafkajs.js')];
      },
      after: async () => [await installNpm('kafkajs', ['kafkajs'])],
    },
    ...(['kafka-python', 'aiokafka', 'confluent-kafka'] as const).map((name) => ({
      name,
      label: name,
      version: python[name],
      install: withPython(name),
    })),
    {
      name: 'kafka-clients',
      label: 'kafka-clients (Java)',
      version: kafka,
      install: async () => {
        const libraries = await installKafka();
        const jars = (await listJars(libraries)).map((jar) => join(libraries, jar)).join(':');
        return ['java', '-cp', jars, script('read-with-java.java')];
      },
    },
  ];

export const consumers: readonly Trial[] = table.map(({ name, label, version, install, after }) => ({
  name,
  group: 'consumers',
  label,
  version: () => version,
  install: () => install(),
  run: async (stage) => readAll(stage, await install(), (await after?.()) ?? []),
}));

async function readAll(stage: Stage, command: readonly string[], last: readonly string[]): Promise<Outcome> {
  const server = (await stage.broker()).bootstrapServers;
  const cells: Record<string, string> = {};
  const problems: string[] = [];
  for (const codec of CODECS) {
    const topic = await filledTopic(server, codec);
    const read = await runToEnd({ command: [...command, server, topic, `${EVENTS}`, ...last] }, LIMIT_MS);
    const said = lastLine(read.stdout);
    const ok = read.code === 0 && said.endsWith(` ${EVENTS}`);
    const error = lastLine(read.stdout && read.code !== 0 ? read.stdout : read.stderr) || said;
    cells[codec] = ok ? 'yes' : `no: ${error.replace(/^.*Error: /, '').slice(0, 60)}`;
    if (!ok && SAFE.includes(codec)) problems.push(`${codec}: ${error}`);
  }
  return { ok: problems.length === 0, cells, problems };
}

const filled = new Map<string, Promise<string>>();

/** A topic with events of this codec, filled once for all consumers. */
function filledTopic(server: string, codec: string): Promise<string> {
  const topic = filled.get(codec) ?? fill(server, codec);
  filled.set(codec, topic);
  return topic;
}

/** Posts events of 20 KB to a topic, and a last one of 3 MB. */
async function fill(server: string, codec: string): Promise<string> {
  const topic = `compat.codec.${codec}.${run}`;
  const proxy = await startProxy({
    settings: {
      KAFKA__BOOTSTRAP_SERVERS: server,
      KAFKA__COMPRESSION: codec,
      PRODUCER__MAIN_TOPIC: topic,
    },
  });
  await proxy.ready();
  for (let n = 1; n <= EVENTS; n++) {
    const event = {
      eventTime: new Date().toISOString(),
      producer: 'https://example.org/compat',
      schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent',
      job: { namespace: 'compat', name: String(n) },
      padding: 'lineage '.repeat(n === EVENTS ? 400_000 : 2500),
    };
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const body = JSON.stringify(event);
    const { status } = await fetch(`${proxy.url}/api/v1/lineage`, { method: 'POST', headers, body });
    if (status !== 201) throw new Error(`the proxy answered ${status}`);
  }
  await proxy.stop();
  return topic;
}
