import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { CommandDeclaration } from './command.ts';
import { nearestName, suggestion } from '../config/nearest-name.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type * as Inspection from '../spool/inspection.ts';
import { errorText } from '../support/error-text.ts';

/** `http2kafka spool`: the events on disk that are not in Kafka yet. It works while the proxy runs, and changes nothing. */
export const spool: CommandDeclaration = {
  name: 'spool',
  description: 'show or export the events on disk that are not in Kafka yet',
  commands: [
    {
      name: 'show',
      description: 'show the events of each topic: number, bytes and oldest',
      isDefault: true,
      settings: ['spool.path'],
      action: async ({ settings }) => {
        const loaded = settings(true);
        return loaded ? showSpool(loaded.settings.spool.path) : 1;
      },
    },
    {
      name: 'export',
      description: 'write the events to standard output, one JSON object a line',
      options: [{ usage: '--topic <topic>', description: 'only the events of this topic' }],
      settings: ['spool.path'],
      action: async ({ options, settings }) => {
        const loaded = settings(true);
        return loaded ? exportSpool(loaded.settings.spool.path, options.get('--topic')) : 1;
      },
    },
  ],
};

/** Prints a table of the events on disk, by topic. Returns the exit code. */
async function showSpool(path: string): Promise<number> {
  return withSpool(path, async (topics, { readKept, listDamaged }) => {
    const rows: string[][] = [['topic', 'events', 'bytes', 'oldest']];
    const damaged: string[] = [];
    for (const topic of topics) {
      let events = 0;
      let bytes = 0;
      let oldest = Number.POSITIVE_INFINITY;
      for await (const { payload, arrivedAt } of readKept(path, topic)) {
        events += 1;
        bytes += payload.length;
        oldest = Math.min(oldest, arrivedAt);
      }
      if (events > 0) rows.push([topic, String(events), String(bytes), since(oldest)]);
      for (const file of await listDamaged(path, topic)) damaged.push(`${file.path} (${file.bytes} bytes)`);
    }
    if (rows.length === 1) console.log(`No events in ${path}`);
    else console.log(tableOf(rows));
    if (damaged.length > 0) {
      console.log(
        '\nDamaged files: their bytes changed on disk. The readable events in them were delivered:',
      );
      for (const line of damaged) console.log(line);
    }
    return 0;
  });
}

/** Writes the events on disk to standard output, one JSON object a line, in the order of each topic. Returns the exit code. */
async function exportSpool(path: string, only: string | undefined): Promise<number> {
  return withSpool(path, async (topics, { readKept }) => {
    if (only !== undefined && !topics.includes(only)) return unknownTopic(path, only, topics);
    const { decodeRecord } = await import('../delivery/spooled-record.ts');
    for (const topic of only === undefined ? topics : [only]) {
      for await (const { payload, arrivedAt } of readKept(path, topic)) {
        const line = JSON.stringify(describe(decodeRecord(topic, payload, arrivedAt)));
        if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
      }
    }
    return 0;
  });
}

/** Prints the topics that there are, because a wrong name must not seem to be a topic without events. Returns the exit code. */
function unknownTopic(path: string, topic: string, topics: readonly string[]): number {
  const known = topics.length === 0 ? 'it has no topics' : `it has ${topics.join(', ')}`;
  console.error(
    `The spool in ${path} has no topic '${topic}': ${known}.${suggestion(nearestName(topic, topics))}`,
  );
  return 1;
}

async function withSpool(
  path: string,
  task: (topics: readonly string[], inspection: typeof Inspection) => Promise<number>,
): Promise<number> {
  const inspection = await import('../spool/inspection.ts');
  let topics: string[];
  try {
    topics = await inspection.listTopics(path);
  } catch (error) {
    console.error(
      `There is no spool in ${path}: ${errorText(error)}. Another folder: --spool-path, or HTTP2KAFKA__SPOOL__PATH.`,
    );
    return 1;
  }
  const { VERSION } = await import('../delivery/spooled-record.ts');
  const newer = await inspection.findNewer(path, VERSION);
  if (newer) {
    console.error(`The spool in ${path} is newer than this program: ${newer.message}.`);
    return 1;
  }
  return task(topics, inspection);
}

/** The record as JSON. Its value is text, or base64 where the bytes are not UTF-8, so that no byte is lost. */
function describe({ topic, key, value, headers, timestamp, arrivedAt }: KafkaRecord): object {
  const text = headers.map(({ name, value: content }) => [name.toString(), content.toString()] as const);
  return {
    topic,
    arrived: new Date(arrivedAt).toISOString(),
    timestamp,
    key: key?.toString() ?? null,
    headers: Object.fromEntries(text),
    ...(isUtf8(value) ? { value: value.toString() } : { value_base64: value.toString('base64') }),
  };
}

function since(at: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
  return `${new Date(at).toISOString()} (${seconds} s ago)`;
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
