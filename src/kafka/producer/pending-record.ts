/** A record that a producer has been given and has not settled. */
import type { KafkaRecord } from '../record.ts';
import type { Outcome, RecordHandle, RecordOwner } from './port.ts';

export class PendingRecord implements RecordHandle {
  readonly record: KafkaRecord;
  /** Bytes it adds to a batch at most, before compression. */
  readonly size: number;
  /** The record's own time, until the topic refuses it. */
  timestamp: number;
  /** Is it in a batch? */
  batched = false;
  /** Has a batch with it gone out? */
  sent = false;
  /** Where it waits for a batch. */
  queue: PendingQueue | undefined;
  /** Its owner does not wait for it any more; left out unless it is in a batch already. */
  withdrawn = false;
  readonly #owner: RecordOwner;

  /** `size` is the record's, as `recordSize` has it. */
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

  /** Settles it and keeps it from being sent again. */
  withdrawAs(outcome: Outcome): void {
    this.settle(outcome);
    this.withdrawn = true;
  }

  /** Tells the owner, who does not wait any more after a withdrawal. */
  settle(outcome: Outcome): void {
    if (!this.withdrawn) this.#owner.settled(outcome);
  }
}

/** First in, first out, with room for withdrawals and for putting records back at the front. */
export class PendingQueue {
  #records: PendingRecord[] = [];
  #head = 0;
  #bytes = 0;

  /** Bytes that the records would add to batches at most. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest record that is not withdrawn. */
  peek(): PendingRecord | undefined {
    while (this.#records[this.#head]?.withdrawn) this.#advance();
    return this.#records[this.#head];
  }

  push(record: PendingRecord): void {
    record.queue = this;
    this.#bytes += record.size;
    this.#records.push(record);
  }

  shift(): PendingRecord | undefined {
    const record = this.peek();
    if (record) this.#advance();
    return record;
  }

  /** Puts records back in front of all others, in their order. */
  putBack(records: readonly PendingRecord[]): void {
    for (const record of records) {
      record.batched = false;
      this.#bytes += record.size;
    }
    this.#records = [...records, ...this.#records.slice(this.#head)];
    this.#head = 0;
  }

  /** Takes out all. */
  drain(): PendingRecord[] {
    const all = this.#records.slice(this.#head);
    this.#records = [];
    this.#head = 0;
    this.#bytes = 0;
    return all;
  }

  #advance(): void {
    this.#bytes -= this.#records[this.#head]?.size ?? 0;
    this.#head += 1;
    // Array.shift is linear in what is left. This cuts off what is gone once it is half of it: no event waits for long.
    if (this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }
}
