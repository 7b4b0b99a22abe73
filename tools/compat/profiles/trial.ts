/**
 * Holds the profiles of consumers (src/openlineage/consumers) against the consumers' own code: on the project's examples, on the events
 * of a folder that was named, and on mutations of both.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkEvent } from '../../../src/openlineage/check.ts';
import { consumers, type Consumer } from '../../../src/openlineage/consumers/consumer.ts';
import { parseEvent } from '../../../src/openlineage/levels/event-value.ts';
import { searchAtOnce } from '../../../src/openlineage/levels/level-check.ts';
import { Random } from '../../../test/openlineage/random.ts';
import { temporaryFolder } from '../../kafka/folders.ts';
import { installPython, root } from '../install.ts';
import { lastLine, runToEnd } from '../processes.ts';
import type { Stage } from '../stage.ts';
import type { Outcome, Trial } from '../trial.ts';
import { python } from '../versions.ts';
import { fullEvent, mutated } from './events.ts';

const MUTATIONS = 20_000;
/** A mutation of a larger event would be mostly the same. */
const MAX_MUTATED_BYTES = 100_000;
const LIMIT_MS = 300_000;
const MOST_SHOWN = 5;

const script = (name: string) => join(import.meta.dirname, name);

/** The environment of the trial of Data.Rentgen's consumer. */
const installDataRentgen = () =>
  installPython('data-rentgen', ['data-rentgen'], {
    oldest: [3, 12],
    extras: { 'data-rentgen': 'consumer,postgres,server' },
  });
/** Its files alone: all that it depends on takes gigabytes. */
const installOpenMetadata = () =>
  installPython('openmetadata', ['openmetadata-ingestion'], { withDependencies: false });

export const profiles: readonly Trial[] = [
  trialOf('data-rentgen', python['data-rentgen'], installDataRentgen, async () => [
    join(await installDataRentgen(), 'python'),
    script('read-with-data-rentgen.py'),
  ]),
  trialOf('openmetadata', python['openmetadata-ingestion'], installOpenMetadata, async () => [
    join(await installOpenMetadata(), 'python'),
    script('read-with-openmetadata.py'),
  ]),
];

function trialOf(
  consumer: Consumer,
  version: string,
  install: () => Promise<string>,
  reader: () => Promise<readonly string[]>,
): Trial {
  return {
    name: `profile-${consumer}`,
    group: 'profiles',
    label: consumers[consumer].label,
    version: () => version,
    install,
    run: async (stage) => compare(stage, consumer, await reader(), await install()),
  };
}

async function compare(
  stage: Stage,
  consumer: Consumer,
  [program = '', file = '']: readonly string[],
  bin: string,
): Promise<Outcome> {
  const real = eventsOf(stage);
  const random = new Random();
  const sources = real.filter(({ length }) => length <= MAX_MUTATED_BYTES).map((bytes) => bytes.toString());
  const full = JSON.stringify(fullEvent);
  const mutations = Array.from({ length: MUTATIONS }, () => {
    // Half of them of the event that has everything.
    const source: unknown = JSON.parse(random.below(2) === 0 ? full : random.of(sources));
    return Buffer.from(JSON.stringify(mutated(source, random)));
  });
  const events = [...real, Buffer.from(full), ...mutations];
  const input = join(temporaryFolder('http2kafka-compat-profiles-'), 'events');
  writeFileSync(input, events.map((bytes) => `${bytes.toString('base64')}\n`).join(''));
  const folder = globSync(join(bin, '..', 'lib', 'python3*', 'site-packages', 'metadata'))[0] ?? '';
  const command = [program, file, input, join(folder, 'ingestion/source/pipeline/openlineage')];
  const read = await runToEnd({ command }, LIMIT_MS);
  if (read.code !== 0) throw new Error(`${file} failed: ${lastLine(read.stderr)}`);
  const outcomes = read.stdout.trim().split('\n');
  const problems: string[] = [];
  const seen = { dropped: 0, tried: 0 };
  let differences = 0;
  for (const [index, bytes] of events.entries()) {
    // The proxy takes no other events, at no level.
    if (!checkEvent(bytes, 'routing').event) continue;
    seen.tried += 1;
    const isDropped = outcomes[index] !== 'taken';
    if (isDropped && index < real.length) seen.dropped += 1;
    const [objection] = searchAtOnce(consumers[consumer].search(parseEvent(bytes), bytes)).objections;
    if (isDropped === (objection !== undefined)) continue;
    differences += 1;
    if (differences > MOST_SHOWN) continue;
    const foreseen = objection ? `${objection.location.join('.')}: ${objection.message}` : 'nothing wrong';
    problems.push(
      `the profile foresees ${foreseen}, the consumer ends with ${outcomes[index] ?? ''}: ${bytes.toString().slice(0, 2000)} (seed ${random.seed})`,
    );
  }
  return {
    ok: differences === 0,
    problems,
    cells: {
      'real events': `${real.length}`,
      'dropped of them': `${seen.dropped}`,
      mutations: `${seen.tried - real.length - 1}`,
      'foreseen wrongly': `${differences}`,
    },
  };
}

/** The events of the project's examples, and those of the folder that was named. */
function eventsOf(stage: Stage): readonly Buffer[] {
  const own = globSync(join(root, 'examples', '*', '*.json'));
  const further = stage.events === undefined ? [] : globSync(join(stage.events, '**', '*.json'));
  return [...own, ...further].sort().map((file) => readFileSync(file));
}
