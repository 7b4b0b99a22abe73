/**
 * The queue of one topic. Every event is in it, in order, from its arrival until Kafka has it. First come the events that
 * the producer has (the window), then the events on disk only, then the events on their way to the disk (behind). A new
 * event goes to the producer at once only while no event is on disk only. Otherwise it goes to the end, so no event
 * overtakes another. docs/delivery.md shows a picture.
 */
import type { Logger } from '../log.ts';
import type { Outcome, RecordProducer } from '../kafka/producer/port.ts';
import { recordSize, type KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Place } from '../spool/group-writer.ts';
import { Mark } from '../spool/marks.ts';
import type { ReadLimit } from '../spool/segment.ts';
import type { SpooledEvent } from '../spool/log-reader.ts';
import type { TopicLog } from '../spool/topic-log.ts';
import type { Clock } from '../support/time.ts';
import type { Way } from './dead-letters.ts';
import { Entry, LinkedList, type EntryEvents } from './entry-list.ts';
import { RECORD_OVERHEAD_BYTES } from './held-record.ts';
import { neverTaken, type Delivered, type NeverTaken, type QueueState } from './port.ts';
import { SpoolReader, type SpoolDrain } from './spool-reader.ts';

/** What a queue needs of its surroundings. */
export interface QueueContext {
  readonly producer: RecordProducer;
  readonly log: TopicLog;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** The monotonic clock. */
  readonly clock: Clock;
  /** Takes an acknowledged event that Kafka never takes. Calls `safe` when the event is kept elsewhere. */
  readonly refused: (entry: Entry, outcome: NeverTaken, safe: () => void) => void;
  /** Takes an event of the spool that cannot be decoded. Calls `safe` when it is kept elsewhere. */
  readonly unreadable: (event: SpooledEvent, reason: string, safe: () => void) => void;
  /** Bytes that the producer may have of this topic while Kafka is unavailable, and while the spool is drained. */
  readonly windowLimit: () => number;
  /** Hears of each event of the spool that Kafka acknowledges. Undefined without tracing. */
  readonly drained: ((entry: Entry, partition: number, offset: number) => void) | undefined;
  /** This number of bytes of memory is now in use in addition; negative when memory is freed. */
  readonly claim: (bytes: number) => void;
}

/** Milliseconds that the disk may take, in addition to `spoolAfterMs`. */
const DISK_MS = 2000;

/** Milliseconds that a refusal counts without another event. Senders that see the problem may send none. */
const REFUSED_MS = 5000;

/**
 * Refusals of the spool that end a poll. A spool that refuses so many young events is full or fails, and would refuse
 * the rest as well. Without an end, each poll would offer it every event that waits.
 */
const MAX_POLL_REFUSALS = 100;

const SPOOLED: Delivered = { kind: 'spooled' };
const STOPPING: Delivered = { kind: 'retriable', reason: 'the proxy is stopping' };

export class TopicQueue implements EntryEvents, SpoolDrain {
  readonly #topic: string;
  readonly #context: QueueContext;
  readonly #clock: Clock;
  /** Events that the producer has, in order. */
  readonly #window = new LinkedList<Entry>();
  #windowBytes = 0;
  /** Events on their way to the disk that the producer does not have. */
  readonly #behind = new LinkedList<Entry>();
  /** Number of events in the window that are neither in the spool nor on their way there. */
  #unsafe = 0;
  /**
   * How many young events the spool has refused since the last poll. While it is not 0, new events wait for the next
   * poll: if each offered the spool all events before it again, the work would grow with the square of their number.
   */
  #refusals = 0;
  /** The reason of the last of them. */
  #refusal = '';
  /** Number of events with a sender that waits for the outcome. */
  #unanswered = 0;
  /** The oldest event in the window has waited too long: Kafka does not answer, or the window is sent too slowly. */
  #late = false;
  /** Time of Kafka's last acknowledgement, on the monotonic clock. */
  #acknowledgedAt = 0;
  /** Time of the last event that neither Kafka nor the disk has kept, on the monotonic clock. */
  #refusedAt = Number.NEGATIVE_INFINITY;
  /** Why Kafka has not kept it. */
  #refusedFor = '';
  readonly #reader: SpoolReader;
  /** Number of events that Kafka never takes, and that are on their way to the dead-letter topic or to be parked. */
  #moving = 0;
  /** Their bytes in memory. While these cannot be kept elsewhere, few more are read. */
  #movingBytes = 0;
  /** Milliseconds that an event may wait for Kafka's acknowledgement before it is spooled. */
  #spoolAfterMs: number;
  #stopping = false;

  constructor(topic: string, spoolAfterMs: number, context: QueueContext) {
    const { log, logger, clock } = context;
    this.#topic = topic;
    this.#spoolAfterMs = spoolAfterMs;
    this.#context = context;
    this.#clock = clock;
    this.#reader = new SpoolReader(topic, log, this, logger, clock);
  }

  get state(): QueueState {
    const isStuck = this.#late && this.#clock.now() - this.#acknowledgedAt > this.#spoolAfterMs;
    if (isStuck || this.#hasProblem()) return 'spooling';
    return this.#context.log.count > this.#moving ? 'draining' : 'straight';
  }

  /**
   * Why the next event cannot go to Kafka, and needs the disk; undefined when it can go to Kafka. An event that is refused
   * leaves the queue, which is then not late. The refusal counts nevertheless, until Kafka acknowledges an event.
   */
  get obstacle(): string | undefined {
    if (this.#acknowledgedAt < this.#refusedAt && this.#clock.now() - this.#refusedAt < REFUSED_MS)
      return this.#refusedFor;
    return this.#isUnavailable() || this.#overflows() ? this.#why() : undefined;
  }

  /** Number of events in memory that are not in Kafka. */
  get size(): number {
    return this.#window.size + this.#behind.size;
  }

  /** Time of arrival of the oldest of them, on the monotonic clock. */
  get oldestSince(): number | undefined {
    return (this.#window.first ?? this.#behind.first)?.since;
  }

  /** Does a sender wait for an outcome? */
  get hasUnanswered(): boolean {
    return this.#unanswered > 0;
  }

  /** Takes an event. Calls `answer` within `spoolAfterMs` and at most two seconds. */
  add(record: KafkaRecord, size: number, answer: (delivered: Delivered) => void, way?: Way): void {
    const now = this.#clock.now();
    const entry = new Entry(record, size, now, this, answer, way?.shared);
    this.#unanswered += 1;
    this.#context.claim(entry.enter());
    if (this.#overflows()) {
      // An earlier event that is not on disk goes there first. Otherwise the next run would deliver them in the wrong order.
      if (this.#refusals === 0) this.#spoolUnsafe();
      this.#behind.add(entry);
      if (this.#unsafe > 0 && this.#refusals > 0) this.failed(entry, this.#refusal);
      else this.#spool(entry);
      return;
    }
    this.#send(entry, now);
    this.#setUnsafe(entry, true);
    if (this.#refusals === 0 && (way?.urgent === true || this.#isUnavailable())) this.#spoolUnsafe(entry);
  }

  /** Spools the events that have waited too long. To be called again and again. */
  poll(): void {
    const now = this.#clock.now();
    const oldest = this.#window.first;
    const age = oldest ? now - oldest.sentAt : 0;
    // In time again only at half of the limit: else the state changes with every batch while Kafka is nearly late.
    this.#late = age >= (this.#late ? this.#spoolAfterMs / 2 : this.#spoolAfterMs);
    this.#refusals = 0;
    if (this.#isUnavailable() || this.#stopping) this.#spoolUnsafe();
    if (this.#unanswered > 0) {
      this.#giveUp(this.#window, now);
      this.#giveUp(this.#behind, now);
    }
    this.#context.log.tidy();
    this.#drain();
  }

  /** From now on no event waits for Kafka longer than this, in milliseconds. */
  hurry(spoolAfterMs: number): void {
    this.#spoolAfterMs = spoolAfterMs;
  }

  /** Spools all events at once, and reads no more from the spool. */
  stop(): void {
    this.#stopping = true;
    this.#spoolUnsafe();
    // What is not kept elsewhere by now stays in the spool, and needs no memory.
    this.#context.claim(-this.#movingBytes);
  }

  sent({ place }: Entry): void {
    if (place) this.#context.log.mark(place, Mark.sent);
  }

  settled(entry: Entry, outcome: Outcome): void {
    if (outcome.kind === 'written') {
      this.#acknowledgedAt = this.#clock.now();
      this.#context.metrics.eventBytes.inc(entry.record.value.length);
      const { partition, offset } = outcome;
      if (entry.unanswered) this.#tell(entry, { kind: 'acknowledged', partition, offset });
      if (entry.place) this.#context.drained?.(entry, partition, offset);
      this.#leave(entry);
      this.#setSafeElsewhere(entry);
      entry.giveBack(true);
    } else if (outcome.kind === 'closed') {
      this.#leave(entry);
      if (entry.unanswered && outcome.mayBeWritten) this.#context.metrics.duplicatesPossible.inc();
      this.#tell(entry, STOPPING);
      if (entry.place && !outcome.mayBeWritten) this.#context.log.mark(entry.place, Mark.kept);
    } else if (entry.unanswered) {
      this.#tell(entry, neverTaken(entry.record, outcome));
      this.#leave(entry);
      this.#setSafeElsewhere(entry);
      entry.giveBack(false);
    } else {
      this.#leave(entry);
      const moved = this.#move(entry.size);
      this.#context.refused(entry, outcome, () => {
        this.#setSafeElsewhere(entry);
        moved();
      });
    }
    this.#drain();
  }

  kept(entry: Entry, place: Place): void {
    const { log, metrics } = this.#context;
    metrics.spooled.inc();
    entry.place = place;
    this.#tell(entry, SPOOLED);
    if (this.#behind.delete(entry)) {
      this.#context.claim(-entry.exit());
      this.#drain();
    } else if (entry.pending?.sent === true) {
      log.mark(place, Mark.sent);
    }
  }

  failed(entry: Entry, reason: string): void {
    if (entry.mark === Mark.delivered) return;
    if (this.#behind.delete(entry)) {
      this.#context.claim(-entry.exit());
      this.#refuse(entry, reason);
      return;
    }
    // Kafka may still be in time, and the next poll tries the spool again.
    if (this.#clock.now() - entry.since < this.#spoolAfterMs) {
      this.#setUnsafe(entry, true);
      this.#refusals += 1;
      this.#refusal = reason;
      return;
    }
    // A batch may have the record already, and the sender may send the event again.
    const mayBeWritten = entry.pending !== undefined && !this.#context.producer.withdraw(entry.pending);
    this.#leave(entry);
    this.#refuse(entry, reason, mayBeWritten);
  }

  hasRoom(): boolean {
    return !this.#stopping && this.#windowBytes + this.#movingBytes < this.#context.windowLimit();
  }

  get readLimit(): ReadLimit {
    return { bytes: this.#context.windowLimit(), perEvent: RECORD_OVERHEAD_BYTES };
  }

  unreadable(event: SpooledEvent, reason: string): void {
    const moved = this.#move(event.payload.length);
    this.#context.unreadable(event, reason, () => {
      this.#context.log.mark(event.place, Mark.delivered);
      moved();
    });
  }

  take(record: KafkaRecord, place: Place): void {
    if (this.#stopping) {
      this.#context.log.mark(place, Mark.kept);
      return;
    }
    const now = this.#clock.now();
    const entry = new Entry(record, recordSize(record), now, this);
    this.#context.claim(entry.enter());
    entry.place = place;
    this.#send(entry, now);
  }

  /** The producer has all events of the disk, so the events on their way to the disk can follow. */
  caughtUp(): void {
    for (const entry of this.#behind) {
      if (!this.hasRoom()) return;
      this.#behind.delete(entry);
      this.#send(entry, this.#clock.now());
    }
  }

  // No getters: V8 is slow with private ones.
  #hasProblem(): boolean {
    return this.#context.producer.problemOf(this.#topic) !== undefined;
  }

  /** Kafka is known to take no events now, or does not answer in time. */
  #isUnavailable(): boolean {
    return this.#late || this.#hasProblem();
  }

  /** The next event must wait for the disk. */
  #overflows(): boolean {
    if (this.#reader.isReading || this.#behind.size > 0 || this.#context.log.hasUnread) return true;
    return this.#isUnavailable() && this.#windowBytes >= this.#context.windowLimit();
  }

  #why(): string {
    return this.#isUnavailable() ? 'Kafka is unavailable' : 'earlier events wait for Kafka';
  }

  /** Answers the senders when the disk hangs. If it still keeps such an event later, the event is delivered then. */
  #giveUp(list: LinkedList<Entry>, now: number): void {
    for (const entry of list) {
      // Events that were read from the spool have no sender that waits; they stand between older and newer ones.
      if (!entry.unanswered) continue;
      if (now - entry.since < this.#spoolAfterMs + DISK_MS) return;
      if (now - entry.spoolingSince >= DISK_MS) this.#refuse(entry, 'the disk does not answer', true);
    }
  }

  /** `mayBeDelivered`: the event may be delivered all the same, so it is a duplicate if its sender sends it again. */
  #refuse(entry: Entry, reason: string, mayBeDelivered = false): void {
    if (!entry.unanswered) return;
    const { metrics } = this.#context;
    metrics.spoolFailures.inc();
    if (mayBeDelivered) metrics.duplicatesPossible.inc();
    this.#refusedAt = this.#clock.now();
    this.#refusedFor = this.#why();
    this.#tell(entry, { kind: 'retriable', reason: `${this.#refusedFor}, and ${reason}` });
  }

  #tell(entry: Entry, delivered: Delivered): void {
    if (entry.unanswered) this.#unanswered -= 1;
    entry.answer(delivered);
  }

  /** Spools the unsafe events in their order. `latest` saves the search when it is the only one. */
  #spoolUnsafe(latest?: Entry): void {
    if (this.#unsafe === 0) return;
    const entries = latest && this.#unsafe === 1 ? [latest] : this.#window;
    for (const entry of entries) {
      if (!entry.unsafe) continue;
      this.#setUnsafe(entry, false);
      this.#spool(entry);
      // The events that have waited too long come first, so all of them have their refusal before this.
      if (this.#refusals >= MAX_POLL_REFUSALS) return;
    }
  }

  #setUnsafe(entry: Entry, unsafe: boolean): void {
    if (entry.unsafe === unsafe) return;
    entry.unsafe = unsafe;
    this.#unsafe += unsafe ? 1 : -1;
  }

  #spool(entry: Entry): void {
    entry.spoolingSince = this.#clock.now();
    this.#context.log.append(entry);
  }

  #send(entry: Entry, now: number): void {
    entry.mark = Mark.taken;
    entry.sentAt = now;
    this.#window.add(entry);
    this.#windowBytes += entry.held;
    entry.pending = this.#context.producer.send(entry.record, entry.size, entry);
  }

  #leave(entry: Entry): void {
    if (!this.#window.delete(entry)) return;
    entry.pending = undefined;
    this.#setUnsafe(entry, false);
    this.#windowBytes -= entry.held;
    this.#context.claim(-entry.exit());
  }

  /** An event of so many bytes leaves the queue for another place. The result is to be called when it is there. */
  #move(bytes: number): () => void {
    const claim = (change: number): void => {
      this.#movingBytes += change;
      if (!this.#stopping) this.#context.claim(change);
    };
    this.#moving += 1;
    claim(bytes);
    return () => {
      this.#moving -= 1;
      claim(-bytes);
      this.#drain();
    };
  }

  #setSafeElsewhere(entry: Entry): void {
    entry.mark = Mark.delivered;
    if (entry.place) this.#context.log.mark(entry.place, Mark.delivered);
  }

  /** Gives the producer the events that it does not have, in order, as far as the window has room. */
  #drain(): void {
    if (this.#reader.isReading || !this.hasRoom()) return;
    if (this.#behind.size > 0 || this.#context.log.hasUnread) this.#reader.start();
  }
}
