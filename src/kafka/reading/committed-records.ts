/**
 * The records of a fetched partition that a reader of committed data sees (`read_committed`). The broker sends all records
 * up to the first open transaction, with a list of the aborted ones: where each begins, and its producer. An aborted
 * transaction ends with its control record (`Fetcher.java`: `CompletedFetch.nextFetchedRecord`).
 */
import type { RecordsBatch } from '@platformatic/kafka';
import type { TopicRecord } from './topic-record.ts';

const LOG_APPEND_TIME = 1 << 3;
const TRANSACTIONAL = 1 << 4;
const CONTROL = 1 << 5;

/** The type in the key of a control record: version 2 · type 2 (KIP-98). */
const TYPE_OFFSET = 2;
const ABORT = 0;

const EMPTY = Buffer.alloc(0);

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedRecords {
  readonly records: readonly TopicRecord[];
  /** The offset to go on with; undefined if no batch came. */
  readonly next: number | undefined;
}

/** Of the batches of one answer, the committed records at `from` and behind it. */
export function committedRecords(
  partition: number,
  batches: readonly RecordsBatch[],
  aborted: readonly AbortedTransaction[],
  from: number,
): FetchedRecords {
  const begins = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborting = new Set<bigint>();
  const records: TopicRecord[] = [];
  let next: number | undefined;
  for (const batch of batches) {
    const first = Number(batch.firstOffset);
    next = first + batch.lastOffsetDelta + 1;
    while (begins[0] && Number(begins[0].firstOffset) < next) {
      const begin = begins.shift();
      if (begin) aborting.add(begin.producerId);
    }
    if ((batch.attributes & CONTROL) !== 0) {
      if (isAbort(batch)) aborting.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & TRANSACTIONAL) !== 0 && aborting.has(batch.producerId)) continue;
    const appended = (batch.attributes & LOG_APPEND_TIME) !== 0;
    for (const { key, value, headers, offsetDelta, timestampDelta } of batch.records) {
      const offset = first + offsetDelta;
      if (offset < from) continue;
      records.push({
        partition,
        offset,
        timestamp: Number(appended ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
        key,
        value,
        headers: headers.map(([name, content]) => ({ name: name ?? EMPTY, value: content ?? EMPTY })),
      });
    }
  }
  return { records, next };
}

function isAbort({ records: [marker] }: RecordsBatch): boolean {
  return marker?.key?.readInt16BE(TYPE_OFFSET) === ABORT;
}
