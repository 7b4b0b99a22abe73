import { once } from 'node:events';
import type { CommandCall, CommandDeclaration } from './command.ts';
import type { decodeRecord } from '../delivery/spooled-record.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { exportRecord } from '../proxy/control/exported-record.ts';
import { listParked, parkedTable, type ParkedItem } from './spool/parked-list.ts';
import { drop, retry } from './spool/decide.ts';
import { drain } from './spool/drain.ts';
import { importEvents } from './spool/import.ts';
import type { DamagedFile } from '../spool/inspection.ts';
import { eventsOf, since, unknownTopic, withSpool } from './spool/spool-folder.ts';
import { tableOf } from './table.ts';

/** `http2kafka spool`: the events on disk that are not in Kafka yet. All commands but `drain` work while the proxy runs. */
export const spool: CommandDeclaration = {
  name: 'spool',
  description:
    'show, export, import or deliver the events on disk that are not in Kafka yet; retry or drop those that Kafka refuses',
  commands: [
    {
      name: 'show',
      description: 'show the events of each topic (number, bytes and oldest), and each parked event',
      isDefault: true,
      options: [{ usage: '--json', description: 'write one JSON object' }],
      settings: ['spool.path'],
      action: async (call) => {
        const loaded = call.settings(true);
        return loaded ? showSpool(loaded.settings.spool.path, call) : 1;
      },
    },
    {
      name: 'export',
      description: 'write the events to standard output, one JSON object a line; parked events come last',
      options: [{ usage: '--topic <topic>', description: 'only the events of this topic' }],
      settings: ['spool.path'],
      action: async (call) => {
        const loaded = call.settings(true);
        return loaded ? exportSpool(loaded.settings.spool.path, call) : 1;
      },
    },
    importEvents,
    drain,
    retry,
    drop,
  ],
};

interface TopicSummary {
  readonly topic: string;
  readonly events: number;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly oldest: number;
}

/** Prints the events on disk: a table by topic, the parked events, and damaged files. Returns the exit code. */
async function showSpool(path: string, { options, failed }: CommandCall): Promise<number> {
  return withSpool(path, failed, async (topics, inspection) => {
    const summaries: TopicSummary[] = [];
    const damaged = [];
    for (const topic of topics) {
      let events = 0;
      let bytes = 0;
      let oldest = Number.POSITIVE_INFINITY;
      for await (const { payload, arrivedAt } of inspection.readKept(path, topic)) {
        events += 1;
        bytes += payload.length;
        oldest = Math.min(oldest, arrivedAt);
      }
      if (events > 0) summaries.push({ topic, events, bytes, oldest });
      damaged.push(...(await inspection.listDamaged(path, topic)));
    }
    const parked = await listParked(path, inspection);
    for (const topic of await inspection.listParkedTopics(path)) {
      damaged.push(...(await inspection.listParkedDamaged(path, topic)));
    }
    if (options.has('--json')) console.log(JSON.stringify(asJson(summaries, parked, damaged)));
    else printSpool(path, summaries, parked, damaged);
    return 0;
  });
}

function printSpool(
  path: string,
  summaries: readonly TopicSummary[],
  parked: readonly ParkedItem[],
  damaged: readonly DamagedFile[],
): void {
  const rows = summaries.map(({ topic, events, bytes, oldest }) => [
    topic,
    String(events),
    String(bytes),
    since(oldest),
  ]);
  if (rows.length > 0) console.log(tableOf([['topic', 'events', 'bytes', 'oldest'], ...rows]));
  else console.log(`No events in ${path}${parked.length > 0 ? ' that wait for Kafka' : ''}`);
  if (parked.length > 0) {
    console.log(
      `\n${eventsOf(parked.length)} parked: no topic takes them, and they hold up no others ("spool retry", "spool drop"):`,
    );
    console.log(parkedTable(parked));
  }
  if (damaged.length === 0) return;
  console.log('\nDamaged files: their bytes changed on disk. The readable events in them were delivered:');
  for (const file of damaged) console.log(`${file.path} (${file.bytes} bytes)`);
}

function asJson(
  summaries: readonly TopicSummary[],
  parked: readonly ParkedItem[],
  damaged: readonly DamagedFile[],
): object {
  const time = (at: number) => new Date(at).toISOString();
  return {
    topics: summaries.map(({ oldest, ...summary }) => ({ ...summary, oldest: time(oldest) })),
    parked: parked.map((item) => ({ ...item, since: time(item.since) })),
    damaged,
  };
}

/** Writes the events on disk to standard output, one JSON object a line, in the order of each topic. Returns the exit code. */
async function exportSpool(path: string, { options, failed }: CommandCall): Promise<number> {
  const only = options.get('--topic');
  return withSpool(path, failed, async (topics, { readKept, readParked, listParkedTopics }) => {
    const parkedTopics = await listParkedTopics(path);
    const all = [...new Set([...topics, ...parkedTopics])].sort();
    if (only !== undefined && !all.includes(only)) return unknownTopic(path, only, all);
    const isWanted = (topic: string) => only === undefined || topic === only;
    const { decodeRecord: decode } = await import('../delivery/spooled-record.ts');
    const { exportRecord: toJson } = await import('../proxy/control/exported-record.ts');
    const exporting = { decodeRecord: decode, exportRecord: toJson };
    for (const topic of topics.filter(isWanted)) {
      for await (const { payload, arrivedAt } of readKept(path, topic)) {
        await writeLine(describe(topic, payload, arrivedAt, exporting));
      }
    }
    const { decodeParked } = await import('../delivery/parked/parked-record.ts');
    for (const topic of parkedTopics.filter(isWanted)) {
      for await (const { payload, arrivedAt } of readParked(path, topic)) {
        const { id, reason, since: at, payload: event } = decodeParked(topic, payload, arrivedAt);
        const parked = { id, reason, since: new Date(at).toISOString() };
        await writeLine({ ...describe(topic, event, arrivedAt, exporting), parked });
      }
    }
    return 0;
  });
}

async function writeLine(line: object): Promise<void> {
  if (!process.stdout.write(`${JSON.stringify(line)}\n`)) await once(process.stdout, 'drain');
}

/** The record as JSON. */
function describe(
  topic: string,
  payload: Buffer,
  arrivedAt: number,
  { decodeRecord, exportRecord }: Exporting,
): object {
  let record: KafkaRecord;
  try {
    record = decodeRecord(topic, payload, arrivedAt);
  } catch {
    // Another version has written it.
    const arrived = new Date(arrivedAt).toISOString();
    return { topic, arrived, unreadable_base64: payload.toString('base64') };
  }
  return exportRecord(record);
}

interface Exporting {
  readonly decodeRecord: typeof decodeRecord;
  readonly exportRecord: typeof exportRecord;
}
