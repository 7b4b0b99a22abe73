/** `http2kafka spool`: what is on disk and not in Kafka yet. Works while the proxy runs, and changes nothing. */
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { decodeRecord } from '../delivery/spooled-record.ts';
import { listDamaged, listTopics, readKept } from '../spool/inspection.ts';

/** Prints a table of what is held, by topic. Returns the exit code. */
export async function showSpool(path: string): Promise<number> {
  return withSpool(path, async (topics) => {
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
      console.log(`\nSet aside because bytes had changed on disk; what could be read was delivered:`);
      for (const line of damaged) console.log(line);
    }
  });
}

/** Writes what is held to standard output, a JSON object a line, each topic in its order. Returns the exit code. */
export async function exportSpool(path: string, only: string | undefined): Promise<number> {
  return withSpool(path, async (topics) => {
    for (const topic of topics) {
      if (only !== undefined && topic !== only) continue;
      for await (const { payload, arrivedAt } of readKept(path, topic)) {
        const line = JSON.stringify(describe(topic, payload, arrivedAt));
        if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
      }
    }
  });
}

async function withSpool(path: string, task: (topics: readonly string[]) => Promise<void>): Promise<number> {
  let topics: string[];
  try {
    topics = await listTopics(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.error(
      `There is no spool in ${path}: ${why}. Another folder: --spool-path, or HTTP2KAFKA__SPOOL__PATH.`,
    );
    return 1;
  }
  // `… | head` is no error.
  process.stdout.on('error', () => process.exit(0));
  await task(topics);
  return 0;
}

/** The record as JSON; its value as text, or in base64 where it is none, so that its bytes can be had again. */
function describe(topic: string, payload: Buffer, arrivedAt: number): object {
  const { key, value, headers, timestamp } = decodeRecord(topic, payload, arrivedAt);
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
