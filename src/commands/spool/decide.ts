/** `http2kafka spool retry` and `spool drop`: an operator decides on parked events, beside a running proxy or without one. */
import { createInterface } from 'node:readline/promises';
import { nearestName, suggestion } from '../../config/nearest-name.ts';
import type { Decided } from '../../delivery/port.ts';
import type { DamageReport } from '../../spool/topic-log.ts';
import { errorText } from '../../support/error-text.ts';
import { printable } from '../../support/printable.ts';
import {
  WRONG_USAGE,
  type CommandCall,
  type CommandDeclaration,
  type OptionDeclaration,
} from '../command.ts';
import { listParked, parkedTable, type ParkedItem } from './parked-list.ts';
import { eventsOf, withSpool } from './spool-folder.ts';

type Command = 'retry' | 'drop';

const OPTIONS: readonly OptionDeclaration[] = [
  { usage: '--topic <topic>', description: 'the parked events of this topic' },
  {
    usage: '--reason <text>',
    description: 'the parked events with this text in their reason, such as too-large',
  },
  { usage: '--all', description: 'all parked events' },
  { usage: '--yes', description: 'do not ask' },
  { usage: '--json', description: 'write a JSON object a line' },
];

export const retry: CommandDeclaration = {
  ...declaration(
    'retry',
    'try parked events again now, in their own topic and then in the dead-letter topic',
  ),
};

export const drop: CommandDeclaration = { ...declaration('drop', 'delete parked events') };

function declaration(name: Command, description: string): CommandDeclaration {
  return {
    name,
    description,
    argument: { usage: '[id...]', description: 'the ids that "http2kafka spool" shows' },
    options: OPTIONS,
    settings: ['spool.path'],
    action: async (call) => {
      if (
        call.args.length === 0 &&
        !['--topic', '--reason', '--all'].some((name) => call.options.has(name))
      ) {
        return call.failed('Which parked events? Name ids, --topic, --reason, or --all.', WRONG_USAGE);
      }
      const loaded = call.settings(true);
      return loaded ? decide(name, loaded.settings.spool.path, call) : 1;
    },
  };
}

/** Returns the exit code: 0 if no event of the selection is parked any more. */
async function decide(command: Command, path: string, call: CommandCall): Promise<number> {
  return withSpool(path, call.failed, async (_topics, inspection) => {
    const items = await listParked(path, inspection);
    const selected = select(items, call);
    if (typeof selected === 'string') return call.failed(selected);
    if (selected.length === 0) {
      console.error(`No event is parked in ${path}.`);
      return 0;
    }
    if (!call.options.has('--yes')) {
      if (!process.stdin.isTTY) {
        return call.failed('Without a terminal, the command does not ask: it needs --yes.', WRONG_USAGE);
      }
      if (!(await isConfirmed(command, selected))) return 1;
    }
    try {
      return await carryOut(command, path, selected, call.options.has('--json'));
    } catch (error) {
      return call.failed(`The parked events cannot be reached: ${errorText(error)}`);
    }
  });
}

/** The parked events that the arguments and options name; why there are none, if that is an error. */
function select(
  items: readonly ParkedItem[],
  { args, options }: CommandCall,
): readonly ParkedItem[] | string {
  const topic = options.get('--topic');
  const reason = options.get('--reason')?.toLowerCase();
  const ids = new Set(args);
  const unknown = args.filter((id) => !items.some((item) => item.id === id));
  if (unknown.length > 0)
    return `No parked event has the id ${unknown.join(', ')}. "http2kafka spool" shows the ids.`;
  const topics = [...new Set(items.map((item) => item.topic))];
  if (topic !== undefined && !topics.includes(topic)) {
    const known = topics.length === 0 ? 'no topic has any' : `there are some of ${topics.join(', ')}`;
    return `No event of the topic '${topic}' is parked: ${known}.${suggestion(nearestName(topic, topics))}`;
  }
  const selected = items.filter(
    (item) =>
      (ids.size === 0 || ids.has(item.id)) &&
      (topic === undefined || item.topic === topic) &&
      (reason === undefined || item.reason.toLowerCase().includes(reason)),
  );
  const isNamed = ids.size > 0 || topic !== undefined || reason !== undefined;
  return selected.length === 0 && isNamed ? 'No parked event matches all of that.' : selected;
}

async function isConfirmed(command: Command, selected: readonly ParkedItem[]): Promise<boolean> {
  const bytes = selected.reduce((sum, item) => sum + item.bytes, 0);
  const what = `${eventsOf(selected.length)}, ${bytes} bytes`;
  const question =
    command === 'drop'
      ? `Delete these parked events (${what})? They cannot be restored.`
      : `Retry these (${what})?`;
  console.error(parkedTable(selected));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/** Hands the ids to the running proxy; without one, decides on the folder itself. Returns the exit code. */
async function carryOut(
  command: Command,
  path: string,
  selected: readonly ParkedItem[],
  json: boolean,
): Promise<number> {
  const { control, NoProxy } = await import('../../proxy/control/control-client.ts');
  const ids = [...new Set(selected.map(({ id }) => id))];
  const counts = new Map<Decided['outcome'], number>();
  const tell = (decided: Decided): void => {
    const { id, topic = '', outcome, reason } = decided;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (json) console.log(JSON.stringify(decided));
    else console.log(`${id}  ${topic}  ${outcome}${reason === undefined ? '' : ` (${printable(reason)})`}`);
  };
  try {
    for await (const decided of control(path, command, ids)) tell(decided);
  } catch (error) {
    if (!(error instanceof NoProxy)) throw error;
    await withoutProxy(command, path, ids, tell);
  }
  if (!json) console.error(summaryOf(counts));
  return counts.has('parked') ? 1 : 0;
}

async function withoutProxy(
  command: Command,
  path: string,
  ids: readonly string[],
  tell: (decided: Decided) => void,
): Promise<void> {
  const { Spool } = await import('../../spool/spool.ts');
  const { StoppedParked } = await import('../../delivery/parked/stopped-parked.ts');
  const { SpoolInUse } = await import('../../spool/lock.ts');
  const report = ({ path: file, reason }: DamageReport) => console.error(`${file} cannot be read: ${reason}`);
  const spool = await Spool.open({ path, maxBytes: Number.POSITIVE_INFINITY }, report).catch(
    (error: unknown) => {
      if (!(error instanceof SpoolInUse)) throw error;
      throw new Error('a proxy uses the folder, and does not take commands there: see its log', {
        cause: error,
      });
    },
  );
  try {
    await new StoppedParked(spool)[command](ids, (decided) => {
      tell(decided);
      return Promise.resolve(true);
    });
  } finally {
    await spool.close();
  }
}

const MEANINGS: Readonly<Record<Decided['outcome'], string>> = {
  kafka: 'in Kafka',
  'dead-letter': 'in the dead-letter topic',
  spool: 'in the spool, to be sent like other events',
  parked: 'still parked',
  dropped: 'deleted',
  unknown: 'no longer parked',
};

function summaryOf(counts: ReadonlyMap<Decided['outcome'], number>): string {
  return [...counts].map(([outcome, count]) => `${eventsOf(count)} ${MEANINGS[outcome]}`).join(', ');
}
