/** `http2kafka dead-letters replay`: sends the letters that are right now to where they belong. */
import { groupPositions, type GroupPosition } from '../../kafka/transaction/group-offsets.ts';
import { FencedError, TransactionalWriter } from '../../kafka/transaction/transactional-writer.ts';
import { printable } from '../../support/printable.ts';
import { systemTime } from '../../support/time.ts';
import { WRONG_USAGE, type CommandCall } from '../command.ts';
import { Progress } from '../progress.ts';
import { tableOf } from '../table.ts';
import { withTopic, type OpenTopic } from './cluster.ts';
import { ruleSetInForce } from '../check-config/routing-check.ts';
import { judge } from './judge.ts';
import { timeText } from './letter.ts';
import { ForeignProgressError, PartitionProgress } from './partition-progress.ts';
import { Replaying, type Told } from './replaying.ts';
import { selectionOf, startsOf, type Selection } from './selection.ts';

/** Lines of letters that are still wrong. `--json` has all. */
const MAX_LINES = 100;

/** Reasons that are counted. They have names that senders choose, so there may be any number of them. */
const MAX_REASONS = 1000;

/** By default brokers forget the offsets of a group so long after they were committed: `offsets.retention.minutes`. */
const REMEMBERED_MS = 7 * 86_400_000;

/** Returns the exit code. */
export async function replay(call: CommandCall): Promise<number> {
  const selection = selectionOf(call.options);
  if (typeof selection === 'string') return call.failed(`error: ${selection}`, WRONG_USAGE);
  const group = call.options.get('--group') ?? '';
  if (group === '') return call.failed('error: --group has no name', WRONG_USAGE);
  return withTopic(call, async (topic) => {
    try {
      return await replayTopic(topic, selection, group, call);
    } catch (error) {
      if (error instanceof FencedError) {
        return call.failed(
          `Another replay of the group ${group} has begun, so this one has ended. What it has sent is noted: the other one goes on behind it.`,
        );
      }
      if (error instanceof ForeignProgressError) {
        return call.failed(
          `The group ${group} cannot be used: ${error.message}. Name another one (--group).`,
        );
      }
      throw error;
    }
  });
}

async function replayTopic(
  open: OpenTopic,
  selection: Selection,
  group: string,
  call: CommandCall,
): Promise<number> {
  const { access, reader, ranges, settings } = open;
  const { topic } = reader;
  const isDry = call.options.has('--dry-run');
  const isJson = call.options.has('--json');
  const writer = isDry ? undefined : writerOf(open, group);
  // It aborts what an interrupted replay has left open. Only then the positions are final.
  await writer?.begin();
  const partitions = ranges.map(({ partition }) => partition);
  const positions = () => groupPositions(access, group, topic, partitions, !isDry);
  const found = await positions();
  const forgotten = await forgottenSince(open, found, selection, call);
  if (forgotten !== undefined) {
    return call.failed(
      `The group ${group} has no progress, and ${topic} has letters from ${timeText(forgotten)} on. ` +
        'Either nothing was replayed yet, or the brokers have forgotten it, as they do after some days (offsets.retention.minutes). ' +
        'With --from-beginning all letters are replayed, with --since those from a time on.',
    );
  }
  const progress = new Map(ranges.map((range) => [range.partition, progressOf(found, range)]));
  const starts = (await startsOf(reader, ranges, selection)).map(({ partition, from, end }) => ({
    ...{ partition, end },
    from: Math.max(from, progress.get(partition)?.offset ?? from),
  }));
  const rules = ruleSetInForce(settings);
  if ('problem' in rules) return call.failed(rules.problem);
  const told = new Findings(isJson);
  const replaying = new Replaying({
    ...{ writer, progress, positions, time: systemTime, ranges: starts },
    records: reader.read(starts),
    judge: (letter) =>
      judge(letter, {
        ...{ settings, rules, topic },
        exists: async (name) => (await access.partitionsOf(name)) !== undefined,
      }),
    includes: (letter) =>
      selection.matches(letter) && (letter.cause.kind !== 'foreign' || call.options.has('--foreign')),
    tell: (one) => told.add(one),
  });
  const total = starts.reduce((sum, { from, end }) => sum + Math.max(0, end - from), 0);
  await withProgress(replaying, total, isDry, () => replaying.run());
  const { sent, wrong, others } = replaying.counts;
  const full = [...replaying.full];
  const isStopped = replaying.isStopped;
  if (isJson) {
    const summary = { dry_run: isDry, sent, wrong, others, stopped: isStopped, full };
    console.log(JSON.stringify({ summary }));
  } else {
    for (const line of told.summary()) console.log(line);
    const verb = isDry ? 'would be sent' : 'sent';
    console.log(`${sent} ${verb}, ${wrong} still wrong, ${others} not looked at`);
    if (isStopped) console.log('Stopped. Call the command again to go on.');
  }
  for (const partition of full) {
    console.error(
      `Partition ${partition}: too many letters stay among those that are sent, so no others of it were sent. Replay it again when fewer stay, or with another --group and --since.`,
    );
  }
  return wrong === 0 && full.length === 0 && !isStopped ? 0 : 1;
}

function writerOf({ access, reader, settings }: OpenTopic, group: string): TransactionalWriter {
  const { kafka } = settings;
  return new TransactionalWriter(access, {
    ...{ group, topic: reader.topic, partitioner: kafka.partitioner, compression: kafka.compression },
    transactionalId: `${group}.${reader.topic}`,
    timeoutMs: kafka.requestTimeoutMs,
  });
}

function progressOf(
  positions: ReadonlyMap<number, GroupPosition>,
  { partition, start, written }: OpenTopic['ranges'][number],
): PartitionProgress {
  const position = positions.get(partition);
  if (!position) return PartitionProgress.at(start);
  if (position.offset > written) {
    throw new ForeignProgressError(
      `it is at offset ${position.offset} of partition ${partition}, which has ${written}: the topic was made again or has lost records`,
    );
  }
  return PartitionProgress.of(position, start);
}

/**
 * The time of the oldest letter that a forgotten replay may have sent; undefined if there is none, or if the user wants the replay
 * in any case.
 */
async function forgottenSince(
  { reader, ranges }: OpenTopic,
  positions: ReadonlyMap<number, GroupPosition>,
  { since }: Selection,
  { options }: CommandCall,
): Promise<number | undefined> {
  if (positions.size > 0 || since !== undefined || options.has('--from-beginning')) return undefined;
  if (options.has('--dry-run')) return undefined;
  for await (const { timestamp } of reader.read(
    ranges.map(({ partition, start, end }) => ({ partition, from: start, end })),
  )) {
    return systemTime.wall.now() - timestamp > REMEMBERED_MS ? timestamp : undefined;
  }
  return undefined;
}

/** Shows the progress while a task runs. An interruption ends it when the batch in hand is sent. */
async function withProgress(
  replaying: Replaying,
  total: number,
  isDry: boolean,
  task: () => Promise<void>,
): Promise<void> {
  const interrupt = () => replaying.stop();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const shown = await Progress.start(() => {
    const { sent, wrong, read } = replaying.counts;
    const text = (rate: number) => `${sent} ${isDry ? 'right' : 'sent'}, ${wrong} still wrong, ${rate}/s`;
    return { done: read, total, word: 'read', ended: sent + wrong, text };
  });
  try {
    await task();
  } finally {
    shown.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** What became of the letters: a line of JSON for each, or the lines of those that are still wrong. */
class Findings {
  readonly #isJson: boolean;
  readonly #reasons = new Map<string, number>();
  #lines = 0;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  add(told: Told): void {
    const { letter, outcome } = told;
    if (this.#isJson) {
      const rest = 'topics' in told ? { topics: told.topics } : { reason: told.reason, errors: told.errors };
      console.log(JSON.stringify({ id: letter.id, outcome, ...rest }));
    }
    if (told.outcome !== 'wrong') return;
    const known = printable(told.reason);
    const reason = this.#reasons.size < MAX_REASONS || this.#reasons.has(known) ? known : 'other reasons';
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    this.#lines += 1;
    if (!this.#isJson && this.#lines <= MAX_LINES) console.log(`${letter.id}  still wrong: ${known}`);
  }

  /** How many letters are wrong for which reason, the most frequent first. */
  summary(): readonly string[] {
    if (this.#reasons.size === 0) return [];
    const rows = [...this.#reasons]
      .sort(([, a], [, b]) => b - a)
      .slice(0, MAX_LINES)
      .map(([reason, count]) => [String(count), reason]);
    const more = this.#lines > MAX_LINES ? [`… and ${this.#lines - MAX_LINES} more`] : [];
    return [...more, '', tableOf([['letters', 'still wrong'], ...rows]), ''];
  }
}
