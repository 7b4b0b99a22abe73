/** One event on its way through the queue of its topic. */
import type { Outcome, RecordHandle, RecordOwner } from '../kafka/producer/port.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import { Mark } from '../spool/marks.ts';
import type { Item, Place } from '../spool/group-writer.ts';
import type { Line, Standing } from './linked-list.ts';
import type { Delivered } from './port.ts';
import { encodeRecord } from './spooled-record.ts';

/** What an entry tells its queue. */
export interface EntryEvents {
  sent(entry: Entry): void;
  settled(entry: Entry, outcome: Outcome): void;
  kept(entry: Entry, place: Place): void;
  failed(entry: Entry, reason: string): void;
}

/** Both the producer and the spool hold it, and tell it what has become of it there. */
export class Entry implements RecordOwner, Item, Standing<Entry> {
  readonly record: KafkaRecord;
  /** Bytes of memory it takes, about. */
  readonly size: number;
  /** When it came into the queue, of `performance.now()`. */
  readonly since: number;
  /** In the producer, from when it is handed over until it is settled or withdrawn. */
  pending: RecordHandle | undefined;
  /** When it was handed to the producer, of `performance.now()`. */
  sentAt = 0;
  /** When it was last handed to the spool, of `performance.now()`. */
  spoolingSince = 0;
  /** In the spool. */
  place: Place | undefined;
  /** Is it neither in the spool nor on its way there? */
  unsafe = false;
  line: Line<Entry> | undefined;
  before: Entry | undefined;
  behind: Entry | undefined;
  mark: Item['mark'] = Mark.kept;
  #parts: readonly Buffer[] | undefined;
  #answer: ((delivered: Delivered) => void) | undefined;
  readonly #events: EntryEvents;

  constructor(
    record: KafkaRecord,
    size: number,
    since: number,
    events: EntryEvents,
    answer?: (delivered: Delivered) => void,
  ) {
    this.record = record;
    this.size = size;
    this.since = since;
    this.#events = events;
    this.#answer = answer;
  }

  /** Does somebody still wait to hear what becomes of it? */
  get unanswered(): boolean {
    return this.#answer !== undefined;
  }

  /** Tells whoever waits; once. */
  answer(delivered: Delivered): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(delivered);
  }

  get arrivedAt(): number {
    return this.record.arrivedAt;
  }

  get parts(): readonly Buffer[] {
    this.#parts ??= encodeRecord(this.record);
    return this.#parts;
  }

  sent(): void {
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
