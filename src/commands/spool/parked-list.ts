/** The parked events of a spool, as `spool`, `spool retry` and `spool drop` see them. */
import type * as Inspection from '../../spool/inspection.ts';
import { printable } from '../../support/printable.ts';
import { tableOf } from '../table.ts';
import { since } from './spool-folder.ts';

export interface ParkedItem {
  readonly id: string;
  readonly topic: string;
  /** Why no topic takes it. It begins with its kind: `too-large: …`. */
  readonly reason: string;
  /** When it was parked, in milliseconds since the epoch. */
  readonly since: number;
  /** Bytes of the event with its key and headers. */
  readonly bytes: number;
}

/** Rows of a table, at most. `--json` has all. */
const ROWS = 100;

/** Reads the parked events, without a lock. Holds one segment in memory at a time. */
export async function listParked(
  path: string,
  { listParkedTopics, readParked }: typeof Inspection,
): Promise<ParkedItem[]> {
  const { decodeParked } = await import('../../delivery/parked/parked-record.ts');
  const items: ParkedItem[] = [];
  for (const topic of await listParkedTopics(path)) {
    for await (const { payload, arrivedAt } of readParked(path, topic)) {
      const parked = decodeParked(topic, payload, arrivedAt);
      const { id, reason, payload: event } = parked;
      items.push({ id, topic, reason, since: parked.since, bytes: event.length });
    }
  }
  return items;
}

export function parkedTable(items: readonly ParkedItem[]): string {
  const rows = items
    .slice(0, ROWS)
    .map((item) => [item.id, item.topic, String(item.bytes), since(item.since), printable(item.reason)]);
  const more = items.length > ROWS ? `\n… and ${items.length - ROWS} more (--json shows all)` : '';
  return tableOf([['id', 'topic', 'bytes', 'parked', 'reason'], ...rows]) + more;
}
