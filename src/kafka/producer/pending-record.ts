/** A record that the producer has taken and has not settled. */
import type { KafkaRecord } from '../record.ts';
import type { Outcome, RecordHandle, RecordOwner } from './port.ts';

export class PendingRecord implements RecordHandle {
  readonly record: KafkaRecord;
  /** Most bytes that it adds to a batch, before compression. */
  readonly size: number;
  /** The time that goes out with it: `RecordTimes` decides it for each batch. */
  timestamp: number;
  /** Where that time comes from: a value of `TimeSource`. */
  timeSource = 0;
  /** The first source that the broker has not refused. */
  firstSource = 0;
  /** Is it in a batch? */
  batched = false;
  /** Has a batch with it gone out? */
  sent = false;
  /** The queue in which it waits for a batch. */
  queue: PendingQueue | undefined;
  /** Its owner no longer waits for it. It is left out unless it is already in a batch. */
  withdrawn = false;
  readonly #owner: RecordOwner;

  /** `size` is what `recordSize` gives for the record. */
  constructor(record: KafkaRecord, size: number, owner: RecordOwner) {
    this.record = record;
    this.size = size;
    this.timestamp = record.timestamp;
    this.#owner = owner;
  }

  /** A batch with it goes out. */
  send(): void {
    this.sent = true;
    if (!this.withdrawn) this.#owner.sent();
  }

  /** Tells the owner the outcome. After a withdrawal the owner no longer waits, and hears nothing. */
  settle(outcome: Outcome): void {
    if (!this.withdrawn) this.#owner.settled(outcome);
  }
}

/** A first-in, first-out queue. Records can be withdrawn, and put back at the front. */
export class PendingQueue {
  #records: PendingRecord[] = [];
  #head = 0;
  #bytes = 0;
  /** Withdrawn records that are still in the array. */
  #withdrawn = 0;

  /** Most bytes that the records would add to batches. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest record that is not withdrawn. */
  peek(): PendingRecord | undefined {
    while (this.#records[this.#head]?.withdrawn) this.#advance();
    return this.#records[this.#head];
  }

  /**
   * A record of this queue was withdrawn. Once half of the records are withdrawn, all of these leave the memory: the
   * oldest record may wait for a whole outage, and withdrawn records behind it would pile up without a limit.
   */
  forget(record: PendingRecord): void {
    if (record.batched) return;
    this.#withdrawn += 1;
    this.peek();
    if (this.#withdrawn * 2 <= this.#records.length - this.#head) return;
    this.#records = this.#records.slice(this.#head).filter(({ withdrawn }) => !withdrawn);
    this.#head = 0;
    this.#withdrawn = 0;
    this.#bytes = this.#records.reduce((sum, { size }) => sum + size, 0);
  }

  push(record: PendingRecord): void {
    record.queue = this;
    if (record.withdrawn) this.#withdrawn += 1;
    this.#bytes += record.size;
    this.#records.push(record);
  }

  shift(): PendingRecord | undefined {
    const record = this.peek();
    if (record) this.#advance();
    return record;
  }

  /** Takes the first record for a batch whatever its size, then as many as fit into `maxBytes`, `most` at most. */
  take(maxBytes: number, most: number): PendingRecord[] {
    const records: PendingRecord[] = [];
    let size = 0;
    for (let next = this.peek(); next && records.length < most; next = this.peek()) {
      if (records.length > 0 && size + next.size > maxBytes) break;
      this.#advance();
      next.batched = true;
      records.push(next);
      size += next.size;
    }
    return records;
  }

  /** Puts records back in front of all others, in their order. */
  putBack(records: readonly PendingRecord[]): void {
    for (const record of records) {
      record.batched = false;
      this.#bytes += record.size;
      if (record.withdrawn) this.#withdrawn += 1;
    }
    this.#records = [...records, ...this.#records.slice(this.#head)];
    this.#head = 0;
  }

  /** Removes and returns all records, withdrawn ones included. */
  drain(): PendingRecord[] {
    const all = this.#records.slice(this.#head);
    this.#records = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#withdrawn = 0;
    return all;
  }

  #advance(): void {
    if (this.#records[this.#head]?.withdrawn) this.#withdrawn -= 1;
    this.#bytes -= this.#records[this.#head]?.size ?? 0;
    this.#head += 1;
    // Array.shift is linear in the remaining length. This cuts off the removed records once they are half of the
    // array, so no event waits long.
    if (this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }
}
