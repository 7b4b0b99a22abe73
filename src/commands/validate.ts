import { EVENT_FILES, type CommandDeclaration } from './command.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { Consumer } from '../openlineage/consumers/consumer.ts';
import type { Misnamed, NamingDeviation, NamingSearch } from '../openlineage/naming/naming-search.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';
import { printable } from '../support/printable.ts';
import type { FileEvent } from './events/event-files.ts';

/** `http2kafka validate FILE…`: checks events without sending them. */
export const validate: CommandDeclaration = {
  name: 'validate',
  description: 'check files of events as the proxy does, without Kafka',
  argument: EVENT_FILES,
  options: [{ usage: '--json', description: 'print one JSON object a line for each event' }],
  settings: ['check.level', 'check.consumers'],
  shortFlags: { '--level': '--check-level', '--consumers': '--check-consumers' },
  helpAfter:
    'Exit codes: 0 every event is valid, 1 an event is not valid or a file cannot be read, 2 wrong arguments.',
  action: async ({ args, options, settings }) => {
    const loaded = settings(true);
    return loaded ? validateFiles(args, loaded.settings.check, options.has('--json')) : 1;
  },
};

/** Characters of a name in the summary. */
const MAX_SHOWN = 200;

type CheckSettings = Pick<Settings['check'], 'level' | 'consumers'>;

/** What a consumer objects to in a valid event. */
interface Drop {
  readonly consumer: Consumer;
  readonly reason: string;
  readonly errors: readonly Partial<ValidationError>[];
}

/** A dataset of a valid event that is named against the naming rules. */
interface Naming extends Misnamed {
  readonly deviation: NamingDeviation;
}

/** The result for an event, or for a file that cannot be read. */
interface Result extends Partial<Pick<FileEvent, 'index' | 'line'>> {
  readonly file: string;
  readonly valid: boolean;
  readonly errors: readonly Partial<ValidationError>[];
  readonly dropped_by?: readonly Drop[];
  /** Each deviation once, with the first dataset that has it. */
  readonly naming?: readonly Naming[];
}

/** Prints to standard output. Returns the exit code: 0 when every event is valid, else 1. */
async function validateFiles(
  files: readonly string[],
  settings: CheckSettings,
  isJson: boolean,
): Promise<number> {
  const { consumers: profiles } = await import('../openlineage/consumers/consumer.ts');
  const { placeText } = await import('./events/event-files.ts');
  const dropped = new Map(settings.consumers.map((consumer) => [consumer, 0]));
  const misnamed = new Map<NamingDeviation, { events: number; readonly first: string }>();
  let good = 0;
  let bad = 0;
  for await (const result of resultsOf(files, settings)) {
    if (result.valid) good += 1;
    else bad += 1;
    for (const { consumer } of result.dropped_by ?? [])
      dropped.set(consumer, (dropped.get(consumer) ?? 0) + 1);
    for (const { deviation, namespace, name } of result.naming ?? []) {
      const known = misnamed.get(deviation);
      if (known) known.events += 1;
      else
        misnamed.set(deviation, {
          events: 1,
          first: `${shown(name)} in ${shown(namespace)}, ${placeText(result)}`,
        });
    }
    if (isJson) console.log(JSON.stringify(result));
    else for (const line of linesOf(result, placeText(result))) console.log(line);
  }
  if (!isJson) {
    console.log(`${good} good, ${bad} bad (level ${settings.level})`);
    for (const [consumer, count] of dropped) {
      console.log(`${profiles[consumer].label} drops ${count} of the ${good} good ones`);
    }
    for (const [deviation, { events, first }] of misnamed)
      console.log(
        `${events} of the ${good} good ones name a dataset against the rules (${deviation}): ${first}`,
      );
  }
  return bad === 0 ? 0 : 1;
}

async function* resultsOf(names: readonly string[], settings: CheckSettings): AsyncGenerator<Result> {
  const { checkEvent } = await import('../openlineage/check.ts');
  const { parseEvent } = await import('../openlineage/levels/event-value.ts');
  const { NamingSearch } = await import('../openlineage/naming/naming-search.ts');
  const { eventsOf } = await import('./events/event-files.ts');
  for await (const found of eventsOf(names)) {
    if (found.error !== undefined) {
      yield { file: found.file, valid: false, errors: [{ message: found.error }] };
      continue;
    }
    const { bytes, ...place } = found;
    const { errors = [] } = checkEvent(bytes, settings.level);
    const isValid = errors.length === 0;
    const value = isValid ? parseEvent(bytes) : undefined;
    const dropped_by = isValid ? await dropsOf(value, bytes, settings.consumers) : [];
    const drops = settings.consumers.length > 0 ? { dropped_by } : {};
    const naming = isValid ? { naming: namingOf(new NamingSearch(value)) } : {};
    yield { ...place, valid: isValid, errors, ...drops, ...naming };
  }
}

function namingOf(search: NamingSearch): readonly Naming[] {
  while (!search.advance(Number.MAX_SAFE_INTEGER));
  return [...search.found].map(([deviation, names]) => ({ deviation, ...names }));
}

/** A name of a dataset, which may be of any length. */
function shown(name: string): string {
  return JSON.stringify(printable(name.slice(0, MAX_SHOWN)));
}

/** The consumers that drop a valid event. */
async function dropsOf(value: unknown, bytes: Buffer, named: readonly Consumer[]): Promise<readonly Drop[]> {
  if (named.length === 0) return [];
  const { consumers } = await import('../openlineage/consumers/consumer.ts');
  const { errorOf } = await import('../openlineage/levels/search.ts');
  const { searchAtOnce } = await import('../openlineage/levels/level-check.ts');
  return named.flatMap((consumer) => {
    const { objections } = searchAtOnce(consumers[consumer].search(value, bytes));
    const [first] = objections;
    return first ? [{ consumer, reason: first.reason, errors: objections.map(errorOf) }] : [];
  });
}

/** A line for each error: `events.json[2]: body.run: Field required`, `events.jsonl:7: openmetadata drops it: …`. */
function linesOf({ errors, dropped_by = [] }: Result, place: string): readonly string[] {
  const textOf = ({ location, message = '' }: Partial<ValidationError>) =>
    `${location ? `${printable(location.join('.'))}: ` : ''}${message}`;
  return [
    ...errors.map((error) => `${place}: ${textOf(error)}`),
    ...dropped_by.flatMap((drop) =>
      drop.errors.map((error) => `${place}: ${drop.consumer} drops it: ${textOf(error)}`),
    ),
  ];
}
