/** What a record takes of memory while it is in a queue. */
import type { KafkaRecord } from '../kafka/record.ts';
import { SharedBody } from '../spool/shared/shared-body.ts';
import { blockOf } from '../support/memory/byte-pool.ts';

/**
 * Bytes of a record besides its own bytes: the objects of the entry, of the producer and of the request that waits, key
 * and headers as buffers. Measured with 20,000 records of 300 and of 3000 bytes: 2076 each.
 */
export const RECORD_OVERHEAD_BYTES = 2048;

/** Bytes are copied if their buffer has more other bytes than this part of their number. */
const WASTE = 1 / 4;

/**
 * The same bytes, in a buffer of their own if they are a small part of a larger one. Bytes pin their whole buffer: a body
 * of 5 MiB with one small event, a read of the spool, a slab of Node's buffer pool.
 */
export function ownBytes(bytes: Buffer): Buffer {
  // What is pinned of a pool is limited by the pool itself.
  if (blockOf(bytes)) return bytes;
  if (bytes.buffer.byteLength - bytes.length <= bytes.length * WASTE) return bytes;
  // Not from the pool: there the copy would pin a slab.
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** The record for a queue: its value pins no other bytes. */
export function ownRecord(record: KafkaRecord): KafkaRecord {
  const value = ownBytes(record.value);
  return value === record.value ? record : { ...record, value };
}

/** Bytes of memory that a record of this `size` (of `recordSize`) holds. */
export function heldBytes({ value }: Pick<KafkaRecord, 'value'>, size: number): number {
  return RECORD_OVERHEAD_BYTES + (blockOf(value) ? size : Math.max(size, value.buffer.byteLength));
}

/** An event that the queues of several topics have. Its bytes are in memory once, and on disk once. */
export class SharedEvent {
  readonly body = new SharedBody();
  readonly #bytes: number;
  /** How many queues have it. */
  #queues = 0;

  /** `held` is what `heldBytes` gives for the record. */
  constructor(held: number) {
    this.#bytes = held - RECORD_OVERHEAD_BYTES;
  }

  /** One more queue has it. Returns the bytes of memory that it takes in addition. */
  enter(): number {
    this.#queues += 1;
    return RECORD_OVERHEAD_BYTES + (this.#queues === 1 ? this.#bytes : 0);
  }

  /** One queue less has it. Returns the bytes of memory that are free then. */
  leave(): number {
    this.#queues -= 1;
    return RECORD_OVERHEAD_BYTES + (this.#queues === 0 ? this.#bytes : 0);
  }
}
