/**
 * Tries parked events again: once a minute by itself, and when an operator says so. By itself it tries the dead-letter
 * topic only. The event's own topic has younger events by then, and an event that it refuses would split
 * the batches of others. An operator's retry tries the own topic first. One event at a time is read, sent and answered.
 */
import type { Logger } from '../../log.ts';
import type { KafkaRecord } from '../../kafka/record.ts';
import { Mark } from '../../spool/marks.ts';
import type { Spool } from '../../spool/spool.ts';
import type { SpooledEvent } from '../../spool/log-reader.ts';
import type { Position } from '../../spool/log-reader.ts';
import { errorText } from '../../support/error-text.ts';
import type { Time, Timer } from '../../support/time.ts';
import { deadLetterOfRecord, parkedReason } from '../dead-letter-record.ts';
import type { Enqueue } from '../dead-letters.ts';
import { ownBytes } from '../held-record.ts';
import { decodeParked, type ParkedRecord } from './parked-record.ts';
import { isKept, type Decided, type Delivered, type ParkedControl, type Tell } from '../port.ts';
import { decodeRecord } from '../spooled-record.ts';

export interface RetryContext {
  readonly spool: Spool;
  readonly deadLetterTopic: string;
  readonly enqueue: Enqueue;
  /** True if a new event of the topic goes straight to Kafka, as far as is known. */
  readonly isOpen: (topic: string) => boolean;
  /** Asks the cluster for the limits of these topics. Resolves in any case, perhaps late. */
  readonly refresh: (topics: readonly string[]) => Promise<void>;
  readonly log: Logger;
  readonly time: Time;
}

/** Milliseconds between two rounds: after the first event is parked, and at most. */
const FIRST_RETRY_MS = 1000;
const RETRY_MS = 60_000;

/** Milliseconds that the cluster may take to tell the limits of topics, before parked events are tried again. */
const REFRESH_MS = 5000;

/** Limits of what a round tries in vain, of each topic. The next round goes on behind it. */
const ROUND_EVENTS = 1000;
const ROUND_BYTES = 64 * 1024 * 1024;

/** Ids in one log line, at most. */
const LINE_IDS = 100;

const STOPPING = 'the proxy is stopping';

interface Parked extends ParkedRecord {
  readonly topic: string;
  readonly event: SpooledEvent;
}

type Outcome = Pick<Decided, 'outcome' | 'reason'>;

export class ParkedRetries implements ParkedControl {
  readonly #context: RetryContext;
  /** The work that runs or waits: one at a time. */
  #work: Promise<void> = Promise.resolve();
  /** Commands that run or wait. A round ends for them. */
  #commands = 0;
  /** The last event that the last round of a topic tried, if it did not come to the end. */
  readonly #positions = new Map<string, Position>();
  #stopping = false;
  readonly #stopped = Promise.withResolvers<undefined>();
  /** Set while events are parked. */
  #timer: Timer | undefined;
  #pauseMs = RETRY_MS;

  /** The events of an earlier process wait for a minute: new events go first. */
  constructor(context: RetryContext) {
    this.#context = context;
    this.#setTimer();
  }

  /** An event was parked. If it is the only one, its retries begin soon. */
  noteParked(): void {
    if (this.#timer || this.#stopping) return;
    this.#pauseMs = FIRST_RETRY_MS;
    this.#setTimer();
  }

  retry(ids: readonly string[], tell: Tell): Promise<void> {
    return this.#command(async () => {
      const { deadLetterTopic, spool, log } = this.#context;
      await this.#refresh([deadLetterTopic, ...spool.parkedTopics]);
      log.info({ events: ids.length }, 'an operator has parked events retried');
      await this.#decide(ids, tell, (parked) => this.#offer(parked, true));
    });
  }

  drop(ids: readonly string[], tell: Tell): Promise<void> {
    return this.#command(async () => {
      const dropped: string[] = [];
      const { log } = this.#context;
      const report = () => {
        const events = dropped.length;
        if (events > 0) log.warn({ ids: dropped.splice(0), events }, 'an operator has dropped parked events');
      };
      try {
        await this.#decide(ids, tell, (parked) => {
          this.#mark(parked, Mark.delivered);
          dropped.push(parked.id);
          if (dropped.length === LINE_IDS) report();
          return { outcome: 'dropped' };
        });
      } finally {
        report();
      }
    });
  }

  /** Ends what runs, behind the event in hand. */
  stop(): void {
    this.#stopping = true;
    this.#stopped.resolve(undefined);
    this.#timer?.[Symbol.dispose]();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #command(work: () => Promise<void>): Promise<void> {
    this.#commands += 1;
    const done = this.#work.then(work).finally(() => (this.#commands -= 1));
    this.#work = done.catch(() => undefined);
    await done;
  }

  async #decide(
    ids: readonly string[],
    tell: Tell,
    decision: (parked: Parked) => Outcome | Promise<Outcome>,
  ): Promise<void> {
    const wanted = new Set(ids);
    const unknown = new Set(ids);
    for (const topic of this.#context.spool.parkedTopics) {
      for await (const parked of this.#read(topic)) {
        if (this.#stopping) throw new Error(STOPPING);
        const { id } = parked;
        if (!wanted.has(id)) continue;
        unknown.delete(id);
        if (!(await tell({ id, topic, ...(await decision(parked)) }))) return;
      }
    }
    for (const id of unknown) {
      if (!(await tell({ id, topic: undefined, outcome: 'unknown' }))) return;
    }
  }

  /** The stop waits for no broker, and leaves no timer. */
  async #refresh(topics: readonly string[]): Promise<void> {
    const { refresh, time } = this.#context;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = time.setTimeout(() => resolve(undefined), REFRESH_MS);
    await Promise.race([refresh(topics), promise, this.#stopped.promise]);
    timer[Symbol.dispose]();
  }

  #setTimer(): void {
    this.#timer = undefined;
    if (this.#stopping || this.#topics.length === 0) return;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, RETRY_MS);
    this.#timer = this.#context.time.setTimeout(() => this.#startRound(), pauseMs);
    this.#timer.unref();
  }

  #startRound(): void {
    this.#work = this.#work
      .then(() => this.#round())
      .catch((error: unknown) => this.#context.log.error({ error }, 'parked events cannot be retried'))
      .finally(() => this.#setTimer());
  }

  /** Those with parked events. */
  get #topics(): readonly string[] {
    const { spool } = this.#context;
    return spool.parkedTopics.filter((topic) => spool.parked(topic).count > 0);
  }

  async #round(): Promise<void> {
    const topics = this.#topics;
    if (topics.length === 0 || this.#isInterrupted()) return;
    await this.#refresh([this.#context.deadLetterTopic]);
    for (const topic of topics) await this.#roundOf(topic);
  }

  async #roundOf(topic: string): Promise<void> {
    let events = 0;
    let bytes = 0;
    let taken = 0;
    let position = this.#positions.get(topic);
    let isWhole = true;
    for await (const parked of this.#read(topic, position)) {
      if (this.#isInterrupted() || events >= ROUND_EVENTS || bytes >= ROUND_BYTES) {
        isWhole = false;
        break;
      }
      const { outcome } = await this.#offer(parked, false);
      const { segment, ordinal } = parked.event.place;
      position = { number: segment.number, ordinal };
      if (outcome === 'parked') {
        events += 1;
        bytes += parked.payload.length;
      } else taken += 1;
    }
    if (isWhole || !position) this.#positions.delete(topic);
    else this.#positions.set(topic, position);
    if (taken > 0)
      this.#context.log.info({ topic, events: taken }, 'the dead-letter topic has taken parked events');
  }

  /** A round waits while Kafka is unavailable, and leaves the way to an operator. */
  #isInterrupted(): boolean {
    const { isOpen, deadLetterTopic } = this.#context;
    return this.#stopping || this.#commands > 0 || !isOpen(deadLetterTopic);
  }

  async *#read(topic: string, after?: Position): AsyncGenerator<Parked, void> {
    for await (const event of this.#context.spool.parked(topic).scan(after)) {
      yield { topic, event, ...decodeParked(topic, event.payload, event.arrivedAt) };
    }
  }

  /** Sends the event to the dead-letter topic, or to its own topic and then to that one. */
  async #offer(parked: Parked, ownTopicToo: boolean): Promise<Outcome> {
    const { topic, payload, event } = parked;
    const { deadLetterTopic } = this.#context;
    let record: KafkaRecord;
    try {
      // The payload pins the whole read.
      record = decodeRecord(topic, ownBytes(payload), event.arrivedAt);
    } catch (error) {
      return { outcome: 'parked', reason: `unreadable: ${errorText(error)}` };
    }
    // After a crash, the event may be in Kafka.
    this.#mark(parked, Mark.sent);
    const isLetter = topic === deadLetterTopic;
    const own = isLetter || ownTopicToo ? await this.#send(record) : undefined;
    if (own && (isLetter || !isNeverTaken(own))) {
      return this.#settle(parked, own, isLetter ? 'dead-letter' : 'kafka');
    }
    const refusal = own ? withoutKind(parkedReason(own)) : parked.refusal || withoutKind(parked.reason);
    const letter = deadLetterOfRecord(record, refusal, deadLetterTopic);
    return this.#settle(parked, await this.#send(letter), 'dead-letter');
  }

  #send(record: KafkaRecord): Promise<Delivered> {
    return new Promise((resolve) => this.#context.enqueue(record, resolve));
  }

  #settle(parked: Parked, delivered: Delivered, acknowledged: 'kafka' | 'dead-letter'): Outcome {
    this.#mark(parked, isKept(delivered) ? Mark.delivered : Mark.kept);
    if (!isKept(delivered)) return { outcome: 'parked', reason: parkedReason(delivered) };
    return { outcome: delivered.kind === 'spooled' ? 'spool' : acknowledged };
  }

  #mark({ topic, event }: Parked, mark: typeof Mark.kept | typeof Mark.sent | typeof Mark.delivered): void {
    this.#context.spool.parked(topic).mark(event.place, mark);
  }
}

function isNeverTaken({ kind }: Delivered): boolean {
  return kind === 'permanent' || kind === 'too-large';
}

/** The reason of a dead letter names no kind. */
function withoutKind(reason: string): string {
  return reason.replace(/^[\w-]+: /, '');
}
