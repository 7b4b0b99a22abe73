/**
 * Tries which consumer libraries read which compression, each in its newest version, and writes docs/compatibility.md. `make compat`
 *
 * For each codec a proxy writes events to a topic of its own. Then each consumer reads each topic.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { startBroker } from '../kafka/broker.ts';
import { installKafka, listJars } from '../kafka/install.ts';
import { startProxy } from '../proxy.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, '.run', 'compat');
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** Events of a topic. The last one is larger than a topic takes, so it goes as gzip whatever the codec. */
const EVENTS = 5;

interface Consumer {
  readonly name: string;
  readonly command: (server: string, topic: string) => readonly string[];
}

interface Attempt {
  readonly ok: boolean;
  readonly said: string;
}

const python = join(folder, 'python', 'bin', 'python');
const script = (name: string) => join(import.meta.dirname, 'consumers', name);
const wanted = String(EVENTS);
const libraries = await installKafka();
const jars = (await listJars(libraries)).map((jar) => join(libraries, jar)).join(':');

const consumers: readonly Consumer[] = [
  {
    name: 'kafkajs',
    command: (...at) => [process.execPath, script('read-with-kafkajs.js'), ...at, wanted, folder],
  },
  { name: 'kafka-python', command: (...at) => [python, script('read-with-kafka-python.py'), ...at, wanted] },
  { name: 'aiokafka', command: (...at) => [python, script('read-with-aiokafka.py'), ...at, wanted] },
  {
    name: 'confluent-kafka',
    command: (...at) => [python, script('read-with-confluent-kafka.py'), ...at, wanted],
  },
  {
    name: 'kafka-clients (Java)',
    command: (...at) => ['java', '-cp', jars, script('read-with-java.java'), ...at, wanted],
  },
];

install();
const broker = await startBroker();
const rows: string[] = [];
try {
  for (const codec of CODECS) await fill(codec);
  for (const { name, command } of consumers) {
    const attempts = CODECS.map((codec) => attempt(command(broker.bootstrapServers, topicOf(codec))));
    rows.push(rowOf(name, attempts));
    console.log(rows.at(-1));
  }
} finally {
  await broker.stop({ limitMs: 0 });
}
await writePage();

/** Installs the libraries, once. */
function install(): void {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(python)) {
    run(['python3', '-m', 'venv', join(folder, 'python')]);
    run([python, '-m', 'pip', 'install', '--quiet', 'kafka-python', 'aiokafka', 'confluent-kafka']);
  }
  if (!existsSync(join(folder, 'node_modules', 'kafkajs'))) {
    run(['npm', 'install', '--prefix', folder, '--no-audit', '--no-fund', 'kafkajs']);
  }
}

function run([program = '', ...args]: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? 'a signal'}`);
}

function topicOf(codec: string): string {
  return `compat.${codec}`;
}

/** Posts events of 20 KB to a topic, and a last one of 3 MB. */
async function fill(codec: string): Promise<void> {
  const proxy = await startProxy({
    settings: {
      KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
      KAFKA__COMPRESSION: codec,
      PRODUCER__MAIN_TOPIC: topicOf(codec),
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
}

function attempt([program = '', ...args]: readonly string[]): Attempt {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 40_000 });
  const said = stdout.trim().split('\n').at(-1) ?? '';
  const error = stderr.trim().split('\n').at(-1) ?? '';
  return { ok: status === 0 && said.endsWith(` ${EVENTS}`), said: status === 0 ? said : said || error };
}

function rowOf(name: string, attempts: readonly Attempt[]): string {
  const version = attempts.find(({ ok }) => ok)?.said.split(' ')[0] ?? '';
  const cells = attempts.map(({ ok, said }) =>
    ok
      ? 'yes'
      : `no: ${said
          .replace(/^.*Error: /, '')
          .slice(0, 60)
          .replaceAll('|', '/')}`,
  );
  return `| ${[name, version, ...cells].join(' | ')} |`;
}

async function writePage(): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const text = `<!-- Written by \`make compat\`; edit tools/compat/main.ts. -->

# Compatibility

## Consumers and compression

Tried on ${day} with Kafka 4.3.1: each library as it is installed, without a codec of its own. Each topic has ${EVENTS - 1} events with the
codec (\`kafka.compression\`), and one event of 3 MB that fits into the topic only as gzip.

| consumer | version | ${CODECS.join(' | ')} |
|---|---|${CODECS.map(() => '---|').join('')}
${rows.join('\n')}

So \`none\`, the default, and \`gzip\` are safe for every consumer. Choose another codec only if all consumers of the topic read it.
`;
  const file = join(root, 'docs', 'compatibility.md');
  const config = await resolveConfig(file);
  writeFileSync(file, await format(text, { ...config, filepath: file, proseWrap: 'always' }));
  console.log(`wrote ${file}`);
}
