/** Which events are in a spool: an event that is imported again while it is still there is recognised. */
import { createHash } from 'node:crypto';
import { decodeParked } from '../../delivery/parked/parked-record.ts';
import { encodeRecord } from '../../delivery/spooled-record.ts';
import type { KafkaRecord } from '../../kafka/record.ts';
import { listParkedTopics, listTopics, readKept, readParked } from '../../spool/inspection.ts';
import { errorCode } from '../../support/error-text.ts';

/** Events that are known, at most: 8 bytes of memory for each. */
const MAX_EVENTS = 4_000_000;

export class SpoolIndex {
  /** Sorted. Of a hash 64 bits: among four million events, another one has the same with a chance of 1 to 10^12. */
  readonly #ids: BigUint64Array;
  /** The spool has more events than are known. */
  readonly isCut: boolean;

  private constructor(ids: BigUint64Array, isCut: boolean) {
    this.#ids = ids;
    this.isCut = isCut;
  }

  /** Reads a spool without a lock. It is empty if there is none. Holds one segment in memory at a time. */
  static async read(path: string): Promise<SpoolIndex> {
    let ids = new BigUint64Array(1024);
    let count = 0;
    for await (const id of idsOf(path)) {
      if (count === MAX_EVENTS) return new SpoolIndex(ids.sort(), true);
      if (count === ids.length) {
        const larger = new BigUint64Array(Math.min(MAX_EVENTS, 2 * count));
        larger.set(ids);
        ids = larger;
      }
      ids[count] = id;
      count += 1;
    }
    return new SpoolIndex(ids.slice(0, count).sort(), false);
  }

  has(record: KafkaRecord): boolean {
    const id = idOf(record.topic, encodeRecord(record), record.arrivedAt);
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ids[middle] ?? 0n) < id) low = middle + 1;
      else high = middle;
    }
    return this.#ids[low] === id;
  }
}

async function* idsOf(path: string): AsyncGenerator<bigint> {
  try {
    for (const topic of await listTopics(path)) {
      for await (const { payload, arrivedAt } of readKept(path, topic))
        yield idOf(topic, [payload], arrivedAt);
    }
    for (const topic of await listParkedTopics(path)) {
      for await (const { payload, arrivedAt } of readParked(path, topic)) {
        yield idOf(topic, [decodeParked(topic, payload, arrivedAt).payload], arrivedAt);
      }
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** An exported time has milliseconds. */
function idOf(topic: string, parts: readonly Buffer[], arrivedAt: number): bigint {
  const hash = createHash('sha256').update(`${topic} ${Math.trunc(arrivedAt)} `);
  for (const part of parts) hash.update(part);
  return hash.digest().readBigUInt64BE(0);
}
