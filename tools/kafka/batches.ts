import { setTimeout as sleep } from 'node:timers/promises';
import { fetchV12, type RecordsBatch } from '@platformatic/kafka';
import { isUnknownTopic } from './topics.ts';
import { BEGINNING, describe, END, Wire, type Leaders } from './wire.ts';

const PARTITION_BYTES = 8 << 20;
const REQUEST_BYTES = 32 << 20;
const POLL_MS = 100;
const TIMEOUT_MS = 15_000;
const CONTROL = 1 << 5;

/** Which part of a topic to read, and how long to wait for it. */
export interface ReadOptions {
  /** The first offset to read of each partition. Partitions without one are left out. By default all records. */
  from?: ReadonlyMap<number, bigint> | 'beginning';
  /**
   * How many records to wait for; also waits for the topic to exist. Records that arrive with the last one are returned too, so
   * that a test sees an extra record. Without it, reads to the end that each partition had at the call.
   */
  until?: number;
  /** Milliseconds after which it fails; by default 15000. */
  timeoutMs?: number;
}

/** A batch as Kafka keeps it. */
export interface FetchedBatch {
  partition: number;
  /** The first offset that was requested. A batch may begin before it. */
  from: bigint;
  batch: RecordsBatch;
}

/**
 * Reads the batches of a topic from the leaders, without a consumer group, in the order of offsets within a partition. Goes on
 * when leaders restart or move. Leaves out transaction markers.
 * @throws when the time is over, with the number of records that have arrived; or when the topic does not exist and `until`
 *   is not given.
 */
export async function fetchBatches(
  bootstrapServers: string,
  topic: string,
  { from = 'beginning', until, timeoutMs = TIMEOUT_MS }: ReadOptions,
): Promise<FetchedBatch[]> {
  const wire = new Wire(bootstrapServers, timeoutMs);
  const waits = until !== undefined;
  try {
    const find = <Result>(attempt: () => Promise<Result>): Promise<Result> =>
      wire.retry(`Finding the topic ${topic}`, attempt, (error) => !waits && isUnknownTopic(error));
    const next = new Map(from === 'beginning' ? await find(() => wire.offsets(topic, BEGINNING)) : from);
    const ends = waits ? undefined : await find(() => wire.offsets(topic, END));
    return await fetchAll(wire, topic, next, (partition, offset, records) =>
      waits ? records < until : offset < (ends?.get(partition) ?? 0n),
    );
  } finally {
    wire.close();
  }
}

/** Fetches from the partitions in `next`, and advances it, as long as `wants` is true for any of them. */
async function fetchAll(
  wire: Wire,
  topic: string,
  next: Map<number, bigint>,
  wants: (partition: number, offset: bigint, records: number) => boolean,
): Promise<FetchedBatch[]> {
  const fetched: FetchedBatch[] = [];
  let records = 0;
  let failure: unknown;
  let layout: Leaders | undefined;
  for (;;) {
    const wanted = new Map([...next].filter(([partition, offset]) => wants(partition, offset, records)));
    if (wanted.size === 0) return fetched;
    if (wire.expired) {
      const reason = failure === undefined ? '' : `: ${describe(failure)}`;
      throw new Error(`Only ${records} records of ${topic} came in time${reason}`, { cause: failure });
    }
    try {
      layout ??= await wire.leaders(topic);
      const requests = [...layout].map(([server, partitions]) => {
        const mine = [...wanted].filter(([partition]) => partitions.includes(partition));
        return fetchOnce(wire, server, topic, new Map(mine));
      });
      for (const one of (await Promise.all(requests)).flat()) {
        next.set(one.partition, one.batch.firstOffset + BigInt(one.batch.lastOffsetDelta) + 1n);
        if ((one.batch.attributes & CONTROL) !== 0) continue;
        records += one.batch.records.filter(
          (record) => offsetIn(one.batch, record.offsetDelta) >= one.from,
        ).length;
        fetched.push(one);
      }
    } catch (error) {
      failure = error;
      layout = undefined;
      wire.close();
      await sleep(50);
    }
  }
}

/** The offset of a record in a batch. */
export function offsetIn(batch: RecordsBatch, offsetDelta: number): bigint {
  return batch.firstOffset + BigInt(offsetDelta);
}

async function fetchOnce(
  wire: Wire,
  server: string,
  topic: string,
  next: ReadonlyMap<number, bigint>,
): Promise<FetchedBatch[]> {
  if (next.size === 0) return [];
  const partitions = [...next].map(([partition, fetchOffset]) => ({
    partition,
    currentLeaderEpoch: -1,
    fetchOffset,
    lastFetchedEpoch: -1,
    partitionMaxBytes: PARTITION_BYTES,
  }));
  // Up to version 12 a topic is requested by its name, which the library has in this member all the same.
  const topics = [{ topicId: topic, partitions }];
  const connection = await wire.connect(server);
  // Session 0 with epoch -1: no fetch session on the broker.
  const response = await fetchV12.api.async(connection, POLL_MS, 1, REQUEST_BYTES, 0, 0, -1, topics, [], '');
  return response.responses
    .flatMap((answer) => answer.partitions)
    .flatMap(({ partitionIndex: partition, records }) =>
      (records ?? []).map((batch) => ({ partition, batch, from: next.get(partition) ?? 0n })),
    );
}
