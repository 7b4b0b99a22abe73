/** One event in the queue of its topic, and the linked list that such a queue is made of. */
import type { Outcome, RecordHandle, RecordOwner } from '../kafka/producer/port.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Item, Place } from '../spool/group-writer.ts';
import { Mark } from '../spool/marks.ts';
import type { SharedBody } from '../spool/shared/shared-body.ts';
import { blockOf, type Block } from '../support/memory/byte-pool.ts';
import { heldBytes, type SharedEvent } from './held-record.ts';
import type { Delivered } from './port.ts';
import { encodeRecord } from './spooled-record.ts';

/** A member of at most one list. Only the list writes these fields. */
export interface ListNode<Item extends ListNode<Item>> {
  list: LinkedList<Item> | undefined;
  previous: Item | undefined;
  next: Item | undefined;
}

/**
 * A linked list in order of arrival; every node can leave at any time. A `Set` costs the garbage collector too much: when
 * it grows or shrinks it leaves a table behind. An old table keeps all former entries with their events until a full
 * collection (measured: collection took twice the time). A node that leaves this list keeps no links.
 */
export class LinkedList<Item extends ListNode<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;
  #size = 0;

  get first(): Item | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds an item at the end. The item must be in no list. */
  add(item: Item): void {
    item.list = this;
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Removes an item; false if it is not in this list. */
  delete(item: Item): boolean {
    if (item.list !== this) return false;
    const { previous, next } = item;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    item.list = undefined;
    item.previous = undefined;
    item.next = undefined;
    this.#size -= 1;
    return true;
  }

  /** From first to last. The caller may remove the current item during its turn, but no item after it. */
  *[Symbol.iterator](): Generator<Item, void> {
    let next = this.#first;
    while (next) {
      const item = next;
      next = item.next;
      yield item;
    }
  }
}

/** The queue of an entry. */
export interface EntryEvents {
  sent(entry: Entry): void;
  settled(entry: Entry, outcome: Outcome): void;
  kept(entry: Entry, place: Place): void;
  failed(entry: Entry, reason: string): void;
}

/** An event on its way. The producer and the spool both hold it, and tell its queue what happens to it. */
export class Entry implements RecordOwner, Item, ListNode<Entry> {
  readonly record: KafkaRecord;
  /** What `recordSize` gives for the record. */
  readonly size: number;
  /** Bytes of memory, whether or not another queue has the event, too. */
  readonly held: number;
  /** Time of arrival in the queue, on the monotonic clock. */
  readonly since: number;
  /** The record in the producer, until it is settled or withdrawn. */
  pending: RecordHandle | undefined;
  /** Time at which the producer got the record, on the monotonic clock. */
  sentAt = 0;
  /** Time at which the spool last got the record, on the monotonic clock. */
  spoolingSince = 0;
  /** Where the event is in the spool. */
  place: Place | undefined;
  /** The event is neither in the spool nor on its way to the spool. */
  unsafe = false;
  list: LinkedList<Entry> | undefined;
  previous: Entry | undefined;
  next: Entry | undefined;
  mark: Item['mark'] = Mark.kept;
  #parts: readonly Buffer[] | undefined;
  /** The block of the pool in which the event is. */
  #block: Block | undefined;
  /** How many requests to Kafka have had the event. */
  #requests = 0;
  #answer: ((delivered: Delivered) => void) | undefined;
  readonly #events: EntryEvents;
  readonly #event: SharedEvent | undefined;

  /** `event` is set if the queues of other topics have the event, too. */
  constructor(
    record: KafkaRecord,
    size: number,
    since: number,
    events: EntryEvents,
    answer?: (delivered: Delivered) => void,
    event?: SharedEvent,
  ) {
    this.record = record;
    this.size = size;
    this.held = heldBytes(record, size);
    this.since = since;
    this.#events = events;
    this.#answer = answer;
    this.#event = event;
    this.#block = blockOf(record.value);
    this.#block?.pin();
  }

  /** Does the sender still wait for the outcome? */
  get unanswered(): boolean {
    return this.#answer !== undefined;
  }

  /** Tells the sender the outcome; only the first call does. */
  answer(delivered: Delivered): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(delivered);
  }

  /** The queue has it from now on. Returns the bytes of memory to claim. */
  enter(): number {
    return this.#event ? this.#event.enter() : this.held;
  }

  /** The queue has it no more. Returns the bytes of memory that are free. */
  exit(): number {
    return this.#event ? this.#event.leave() : this.held;
  }

  get shared(): SharedBody | undefined {
    return this.#event?.body;
  }

  get arrivedAt(): number {
    return this.record.arrivedAt;
  }

  get parts(): readonly Buffer[] {
    this.#parts ??= encodeRecord(this.record);
    return this.#parts;
  }

  /**
   * The event has its outcome. Its bytes may be overwritten if nothing reads them any more: the disk has not had them,
   * and no request other than the one that was answered. Otherwise a connection or the disk may still do so. Then the
   * pin stays, and the block is free when no object has its bytes.
   */
  giveBack(isAnswered: boolean): void {
    if (this.#requests <= Number(isAnswered) && this.spoolingSince === 0) this.#block?.unpin();
    this.#block = undefined;
  }

  sent(): void {
    this.#requests += 1;
    this.#events.sent(this);
  }

  settled(outcome: Outcome): void {
    this.#events.settled(this, outcome);
  }

  kept(place: Place): void {
    this.#parts = undefined;
    this.#events.kept(this, place);
  }

  failed(reason: string): void {
    this.#events.failed(this, reason);
  }
}
