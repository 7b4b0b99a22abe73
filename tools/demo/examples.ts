// Posts the sample events to a proxy, and finds their records in Kafka.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecords, type ReadRecord } from '../kafka/records.ts';

export interface Posted {
  /** The path of the file below the folder of examples. */
  name: string;
  status: number;
  requestId: string;
  /** The body of the answer, if any. */
  body: string;
}

/** Posts every event of every folder in the order of their names, then the batch. Prints nothing. */
export async function postExamples(url: string, folder: string): Promise<Posted[]> {
  const posted: Posted[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const client of entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()) {
    for (const file of (await readdir(join(folder, client))).sort()) {
      const name = join(client, file);
      posted.push(await post(`${url}/api/v1/lineage`, name, await readFile(join(folder, name))));
    }
  }
  posted.push(
    await post(`${url}/api/v1/lineage/batch`, 'batch.json', await readFile(join(folder, 'batch.json'))),
  );
  return posted;
}

async function post(url: string, name: string, body: Buffer<ArrayBuffer>): Promise<Posted> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  const requestId = response.headers.get('x-request-id') ?? '';
  return { name, status: response.status, requestId, body: await response.text() };
}

/** Prints a line for each posted event: its answer, and its record as read back from Kafka. */
export async function showRecords(
  bootstrap: string,
  topic: string,
  before: ReadonlyMap<number, bigint>,
  posted: readonly Posted[],
): Promise<void> {
  const records = await readRecords(bootstrap, topic, {
    from: before.size > 0 ? new Map(before) : 'beginning',
  });
  const byRequest = Map.groupBy(records, requestIdOf);
  const rows = [['event', 'answer', 'topic', 'partition', 'offset', 'bytes', 'key']];
  for (const { name, status, requestId, body } of posted) {
    const own = byRequest.get(requestId) ?? [];
    if (own.length === 0) rows.push([name, String(status), body.slice(0, 200)]);
    for (const record of own) rows.push([name, String(status), ...columnsOf(record)]);
  }
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => Math.min(60, row[column]?.length ?? 0)))) ?? [];
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

function columnsOf(record: ReadRecord): string[] {
  const { topic, partition, offset, value, key } = record;
  const shown = key?.toString('utf8') ?? '';
  const cut = shown.length > 60 ? `${shown.slice(0, 59)}…` : shown;
  return [topic, String(partition), String(offset), String(value?.length ?? 0), cut];
}

function requestIdOf({ headers }: ReadRecord): string {
  return headers.find(([name]) => name === 'correlation_id')?.[1].toString() ?? '';
}
