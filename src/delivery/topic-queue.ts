/**
 * The queue of one topic. Every event is in it from its arrival until Kafka has it, in one order: first those in the
 * producer's hands (the window), then those on disk only, then those on their way to the disk. So that none overtakes
 * another, a new event goes to the producer at once only while nothing is on disk only; else it goes behind what is there.
 * docs/delivery.md draws it.
 */
import type { Logger } from 'pino';
import type { Outcome } from '../kafka/producer/port.ts';
import type { RecordProducer } from '../kafka/producer/port.ts';
import { recordSize, type KafkaRecord } from '../kafka/record.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Mark } from '../spool/marks.ts';
import type { Place } from '../spool/group-writer.ts';
import type { SpooledEvent, TopicLog } from '../spool/topic-log.ts';
import { Entry, type EntryEvents } from './entry.ts';
import { Line } from './linked-list.ts';
import { ACKNOWLEDGED, neverTaken, SPOOLED, unavailable, type NeverTaken } from './outcome.ts';
import type { Delivered, QueueState } from './port.ts';
import { decodeRecord } from './spooled-record.ts';

export interface TopicQueueSettings {
  /** Milliseconds that an event may wait for Kafka's acknowledgement before it is spooled. */
  readonly spoolAfterMs: number;
  /** Bytes in the producer's hands, at most, while others are on disk. */
  readonly windowBytes: number;
}

/** What a queue needs of those around it. */
export interface Surroundings {
  readonly producer: RecordProducer;
  readonly log: TopicLog;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Takes what was acknowledged and Kafka never takes; calls back when it is safe elsewhere. */
  readonly refused: (entry: Entry, outcome: NeverTaken, safe: () => void) => void;
  /** So many bytes of memory more are in use; fewer, when negative. */
  readonly claim: (bytes: number) => void;
}

/** Milliseconds that the disk may take, beyond `spoolAfterMs`. */
const DISK_MS = 2000;

/** Milliseconds until a disk that could not be read is tried again. */
const READ_PAUSE_MS = 1000;

export class TopicQueue implements EntryEvents {
  readonly #topic: string;
  readonly #settings: TopicQueueSettings;
  readonly #around: Surroundings;
  /** In the producer's hands, in their order. */
  readonly #window = new Line<Entry>();
  #windowBytes = 0;
  /** On their way to the disk, and in nobody else's hands. */
  readonly #behind = new Line<Entry>();
  /** How many in the window are neither in the spool nor on their way there. */
  #unsafe = 0;
  /** How many somebody waits to hear of. */
  #unanswered = 0;
  /** The oldest in the window has waited too long: Kafka does not answer, or the window takes so long to go out. */
  #late = false;
  /** When Kafka last acknowledged something, of `performance.now()`. */
  #acknowledgedAt = 0;
  #draining = false;
  /** Of `performance.now()`. */
  #readFailedAt = Number.NEGATIVE_INFINITY;
  /** On disk, refused by Kafka for good, and not yet in the dead-letter topic. */
  #parked = 0;
  #spoolAfterMs: number;
  #stopping = false;

  constructor(topic: string, settings: TopicQueueSettings, surroundings: Surroundings) {
    this.#topic = topic;
    this.#settings = settings;
    this.#spoolAfterMs = settings.spoolAfterMs;
    this.#around = surroundings;
  }

  get state(): QueueState {
    const isStuck = this.#late && performance.now() - this.#acknowledgedAt > this.#spoolAfterMs;
    if (isStuck || this.#hasProblem()) return 'spooling';
    return this.#around.log.count > this.#parked ? 'draining' : 'straight';
  }

  /** Is Kafka known not to take events now, or not to answer in time? */
  get isAway(): boolean {
    return this.#late || this.#hasProblem();
  }

  // No getter: V8 is slow with private ones.
  #hasProblem(): boolean {
    return this.#around.producer.problemOf(this.#topic) !== undefined;
  }

  /** Must the next event wait for the disk? */
  get overflows(): boolean {
    if (this.#draining || this.#behind.size > 0 || this.#around.log.hasUnread) return true;
    return this.isAway && this.#windowBytes >= this.#settings.windowBytes;
  }

  /** Events that are in memory and not in Kafka. */
  get size(): number {
    return this.#window.size + this.#behind.size;
  }

  /** When the oldest of them came, of `performance.now()`. */
  get oldestSince(): number | undefined {
    return (this.#window.first ?? this.#behind.first)?.since;
  }

  /** Does somebody wait for an answer? */
  get hasUnanswered(): boolean {
    return this.#unanswered > 0;
  }

  /** Takes an event; `answer` is called within about `spoolAfterMs`, at most two seconds later. */
  add(record: KafkaRecord, size: number, answer: (delivered: Delivered) => void): void {
    const now = performance.now();
    const entry = new Entry(record, size, now, this, answer);
    this.#unanswered += 1;
    this.#around.claim(entry.size);
    if (this.overflows) {
      this.#behind.add(entry);
      this.#spool(entry);
      return;
    }
    this.#send(entry, now);
    this.#setUnsafe(entry, true);
    if (this.isAway) this.#spoolUnsafe(entry);
  }

  /** To be called from time to time: spools what has waited too long. */
  look(): void {
    const now = performance.now();
    const spoolAfterMs = this.#spoolAfterMs;
    const oldest = this.#window.first;
    const age = oldest ? now - oldest.sentAt : 0;
    // Half of it to be in time again: a Kafka on the brink is not to change the state with every batch.
    this.#late = age >= (this.#late ? spoolAfterMs / 2 : spoolAfterMs);
    if (this.isAway || this.#stopping) this.#spoolUnsafe();
    this.#giveUp(now);
    this.#around.log.tidy();
    this.#drain();
  }

  /** Nobody waits for Kafka longer than this any more, in milliseconds. */
  hurry(spoolAfterMs: number): void {
    this.#spoolAfterMs = Math.min(this.#spoolAfterMs, spoolAfterMs);
  }

  /** All goes to the disk at once, and nothing comes from there any more. */
  stop(): void {
    this.#stopping = true;
    this.#spoolUnsafe();
  }

  sent({ place }: Entry): void {
    if (place) this.#around.log.mark(place, Mark.sent);
  }

  settled(entry: Entry, outcome: Outcome): void {
    if (outcome.kind === 'written') {
      this.#acknowledgedAt = performance.now();
      this.#around.metrics.eventBytes.inc(entry.record.value.length);
      this.#tell(entry, ACKNOWLEDGED);
      this.#leave(entry);
      this.#safeElsewhere(entry);
    } else if (outcome.kind === 'closed') {
      this.#leave(entry);
      this.#tell(entry, unavailable('the proxy is stopping'));
      if (entry.place && !outcome.mayBeWritten) this.#around.log.mark(entry.place, Mark.kept);
    } else if (entry.unanswered) {
      this.#tell(entry, neverTaken(entry.record, outcome));
      this.#leave(entry);
      this.#safeElsewhere(entry);
    } else {
      this.#leave(entry);
      this.#parked += 1;
      this.#around.refused(entry, outcome, () => {
        this.#parked -= 1;
        this.#safeElsewhere(entry);
      });
    }
    this.#drain();
  }

  kept(entry: Entry, place: Place): void {
    const { log, metrics } = this.#around;
    metrics.spooled.inc();
    entry.place = place;
    this.#tell(entry, SPOOLED);
    if (this.#behind.delete(entry)) {
      this.#around.claim(-entry.size);
      this.#drain();
    } else if (entry.mark === Mark.delivered) {
      log.mark(place, Mark.delivered);
    } else if (entry.pending?.sent === true) {
      log.mark(place, Mark.sent);
    }
  }

  failed(entry: Entry, reason: string): void {
    const { metrics, producer } = this.#around;
    if (entry.mark === Mark.delivered) return;
    if (this.#behind.delete(entry)) {
      this.#around.claim(-entry.size);
    } else {
      // Kafka may still be in time. The next look tries the spool again.
      const waited = performance.now() - entry.since;
      if (waited < this.#spoolAfterMs) {
        this.#setUnsafe(entry, true);
        return;
      }
      // The sender may post it again, while the first is still on its way.
      if (entry.pending && !producer.withdraw(entry.pending)) metrics.duplicatesPossible.inc();
      this.#leave(entry);
    }
    metrics.spoolFailures.inc();
    const why = this.isAway ? 'Kafka is away' : 'earlier events wait for Kafka';
    this.#tell(entry, unavailable(`${why}, and ${reason}`));
  }

  /** Nobody is to wait for a disk that does not answer. What it may keep all the same is delivered when it does. */
  #giveUp(now: number): void {
    this.#giveUpOf(this.#window, now);
    this.#giveUpOf(this.#behind, now);
  }

  #giveUpOf(line: Line<Entry>, now: number): void {
    for (const entry of line) {
      // Among those drained, which nobody waits for, are such as came later.
      if (!entry.unanswered) continue;
      if (now - entry.since < this.#spoolAfterMs + DISK_MS) return;
      if (now - entry.spoolingSince < DISK_MS) continue;
      this.#around.metrics.duplicatesPossible.inc();
      this.#around.metrics.spoolFailures.inc();
      this.#tell(entry, unavailable('Kafka is away and the disk does not answer'));
    }
  }

  #tell(entry: Entry, delivered: Delivered): void {
    if (entry.unanswered) this.#unanswered -= 1;
    entry.answer(delivered);
  }

  /** In their order; `latest` saves the search where it is the only one. */
  #spoolUnsafe(latest?: Entry): void {
    if (this.#unsafe === 0) return;
    const entries = latest && this.#unsafe === 1 ? [latest] : this.#window;
    for (const entry of entries) {
      if (!entry.unsafe) continue;
      this.#setUnsafe(entry, false);
      this.#spool(entry);
    }
  }

  #setUnsafe(entry: Entry, unsafe: boolean): void {
    if (entry.unsafe === unsafe) return;
    entry.unsafe = unsafe;
    this.#unsafe += unsafe ? 1 : -1;
  }

  #spool(entry: Entry): void {
    entry.spoolingSince = performance.now();
    this.#around.log.append(entry);
  }

  #send(entry: Entry, now: number): void {
    entry.mark = Mark.taken;
    entry.sentAt = now;
    this.#window.add(entry);
    this.#windowBytes += entry.size;
    entry.pending = this.#around.producer.send(entry.record, entry.size, entry);
  }

  #leave(entry: Entry): void {
    if (!this.#window.delete(entry)) return;
    entry.pending = undefined;
    this.#setUnsafe(entry, false);
    this.#windowBytes -= entry.size;
    this.#around.claim(-entry.size);
  }

  #safeElsewhere(entry: Entry): void {
    entry.mark = Mark.delivered;
    if (entry.place) this.#around.log.mark(entry.place, Mark.delivered);
  }

  /** Gives the producer what is on disk only, in its order, as far as the window has room. */
  #drain(): void {
    if (this.#draining || this.#mustPause()) return;
    if (this.#behind.size === 0 && !this.#around.log.hasUnread) return;
    if (performance.now() - this.#readFailedAt < READ_PAUSE_MS) return;
    this.#draining = true;
    void this.#drainAsFarAsThereIsRoom();
  }

  async #drainAsFarAsThereIsRoom(): Promise<void> {
    const { log, logger } = this.#around;
    try {
      while (!this.#mustPause() && log.hasUnread) this.#sendSpooled(await log.read());
      // All on disk is in the producer's hands: what is on its way to the disk can follow.
      if (!log.hasUnread && !this.#stopping) this.#sendBehind();
    } catch (error) {
      this.#readFailedAt = performance.now();
      logger.error({ err: error, topic: this.#topic }, 'the spool cannot be read; trying again');
    } finally {
      this.#draining = false;
    }
  }

  #mustPause(): boolean {
    return this.#stopping || this.#windowBytes >= this.#settings.windowBytes;
  }

  #sendSpooled(events: readonly SpooledEvent[]): void {
    const { log, logger, claim } = this.#around;
    for (const { place, payload, arrivedAt } of events) {
      if (this.#stopping) {
        log.mark(place, Mark.kept);
        continue;
      }
      try {
        const record = decodeRecord(this.#topic, payload, arrivedAt);
        const now = performance.now();
        const entry = new Entry(record, recordSize(record), now, this);
        claim(entry.size);
        entry.place = place;
        this.#send(entry, now);
      } catch (error) {
        // It stays on disk, for a version that knows it.
        logger.error({ err: error, topic: this.#topic }, 'an event in the spool cannot be understood');
      }
    }
  }

  #sendBehind(): void {
    for (const entry of this.#behind) {
      if (this.#windowBytes >= this.#settings.windowBytes) return;
      this.#behind.delete(entry);
      this.#send(entry, performance.now());
    }
  }
}
