/** The measured programs. A contender is a command and a port; the rivals are those that are installed. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { TEAMS, teamOf } from '../loads/bodies.ts';
import type { ContenderName } from './names.ts';
import type { Command } from './program.ts';
import { dataRentgen, fluentBit } from './rivals.ts';

/** Where a contender is to listen, and to write. */
export interface Place {
  readonly port: number;
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly partitions: number;
}

/** A command with what else it needs to be running. */
export interface Prepared extends Command {
  /** Added to every request, e.g. a credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Stops what was started besides. */
  readonly release?: () => Promise<void>;
}

export interface Contender {
  readonly label: string;
  /** Partitions of its topic. None for a program that writes to no topic. */
  readonly partitions: number;
  /** Further topics, named after its topic: `topic-1`, `topic-2`. By default none. */
  readonly furtherTopics?: number;
  /** Into how many topics it writes each event. By default one. */
  readonly copies?: number;
  /** Whether it is http2kafka, which tells its state on its pages. */
  readonly isOurs?: boolean;
  /** Whether it is another program, which may answer before Kafka has the event. */
  readonly isRival?: boolean;
  /** Paths on which it takes events. By default those of http2kafka. */
  readonly path?: string;
  /** Undefined when it is not installed. */
  readonly prepare: (place: Place) => Promise<Prepared | undefined> | Prepared | undefined;
}

/** Partitions of the topics in the documentation's examples. */
const USUAL = 3;
const MANY = 128;

/** Topics of the routing rules. */
const TOPICS = 50;

/** Seconds that a proxy keeps an idle connection while it is measured. */
const KEEP_ALIVE_S = '3600';

const root = join(import.meta.dirname, '..', '..');
const here = import.meta.dirname;

/** The contenders. `against` is the folder of another version of http2kafka, if one is compared. */
export function contendersOf(against: string | undefined): Readonly<Record<ContenderName, Contender>> {
  return {
    bare: {
      label: 'bare node:http server',
      partitions: 0,
      prepare: prepareBare,
    },
    floor: { label: 'floor', partitions: USUAL, prepare: prepareFloor },
    none: ours('http2kafka, compression none', {}),
    against: ours(`http2kafka of ${against ?? 'another folder'}`, {}, { folder: against }),
    lz4: ours('http2kafka, compression lz4', { KAFKA__COMPRESSION: 'lz4' }),
    zstd: ours('http2kafka, compression zstd', { KAFKA__COMPRESSION: 'zstd' }),
    log: ours('http2kafka, with access log', { SERVER__ACCESS_LOG: 'true' }),
    many: ours(`http2kafka, ${MANY} partitions`, {}, { partitions: MANY }),
    rules: ours('http2kafka, 200 routing rules', ({ topic }) => rulesOf(() => topic)),
    'rules-50': ours(
      `http2kafka, 200 rules over ${TOPICS} topics`,
      ({ topic }) => rulesOf((index) => furtherTopic(topic, 1 + (index % TOPICS))),
      { furtherTopics: TOPICS },
    ),
    'three-topics': ours('http2kafka, each event to 3 topics', toThreeTopics, {
      furtherTopics: 2,
      copies: 3,
    }),
    'fluent-bit': fluentBit('Fluent Bit, in memory', { hasKey: true, hasFiles: false }),
    'fluent-bit-files': fluentBit('Fluent Bit, with files', { hasKey: true, hasFiles: true }),
    'fluent-bit-no-key': fluentBit('Fluent Bit, without a key', { hasKey: false, hasFiles: false }),
    'data-rentgen': dataRentgen,
  };
}

/** The flags of http2kafka, in src/main.ts and bin/http2kafka: both use the same memory for new objects. */
const FLOOR_FLAGS = [
  '--no-allocation-site-pretenuring',
  '--max-semi-space-size=12',
  '--initial-old-space-size=128',
];

async function prepareFloor({ port, bootstrapServers, topic, partitions }: Place): Promise<Command> {
  const program = await bundleOf('floor', join(here, 'floor', 'main.ts'));
  const brokerPort = bootstrapServers.split(':')[1] ?? '';
  const args = [String(port), brokerPort, topic, String(partitions)];
  return { command: [process.execPath, ...FLOOR_FLAGS, program, ...args] };
}

async function prepareBare({ port }: Place): Promise<Command> {
  return { command: [process.execPath, await bundleOf('bare', join(here, 'bare-server.ts')), String(port)] };
}

/** Bundles a program as http2kafka is bundled. From TypeScript it would take 30 MB more, and longer to start. */
async function bundleOf(name: string, file: string): Promise<string> {
  // In the project's folder, where packages are found.
  const outfile = join(root, '.run', 'benchmark-programs', `${name}.mjs`);
  await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}

type Settings = Readonly<Record<string, string>>;

interface OwnFacts extends Partial<Pick<Contender, 'partitions' | 'furtherTopics' | 'copies'>> {
  /** By default this one. */
  readonly folder?: string | undefined;
}

/** The built program, with its own topic. */
function ours(
  label: string,
  settings: Settings | ((place: Place) => Settings),
  { folder = root, ...facts }: OwnFacts = {},
): Contender {
  return {
    label,
    partitions: USUAL,
    isOurs: true,
    ...facts,
    prepare: (place) => ({
      command: [join(folder, 'bin', 'http2kafka'), '--port', String(place.port)],
      environment: environmentOf({
        KAFKA__BOOTSTRAP_SERVERS: place.bootstrapServers,
        KAFKA__COMPRESSION: 'none',
        PRODUCER__MAIN_TOPIC: place.topic,
        SERVER__ACCESS_LOG: 'false',
        SERVER__KEEP_ALIVE_TIMEOUT_S: KEEP_ALIVE_S,
        SPOOL__PATH: temporaryFolder('http2kafka-spool-'),
        ...(typeof settings === 'function' ? settings(place) : settings),
      }),
    }),
  };
}

/** The name of a further topic of a contender, from 1. */
export function furtherTopic(topic: string, number: number): string {
  return `${topic}-${number}`;
}

/** One rule for each team of `ofTeams()`. Half of them go by the name of the job, which the check does not look up. */
function rulesOf(topicOf: (index: number) => string): Settings {
  const rules = Array.from({ length: TEAMS }, (_, index) => ({
    name: `rule-${index}`,
    when: index % 2 === 0 ? { namespace: teamOf(index) } : { kind: 'run', name: `*.${teamOf(index)}` },
    topics: topicOf(index),
  }));
  return { ROUTING__RULES: JSON.stringify(rules) };
}

function toThreeTopics({ topic }: Place): Settings {
  const topics = [topic, furtherTopic(topic, 1), furtherTopic(topic, 2)];
  return { ROUTING__RULES: JSON.stringify([{ name: 'all', topics }]) };
}

function environmentOf(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`HTTP2KAFKA__${name}`, value]));
}
