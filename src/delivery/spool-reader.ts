/** Reads the events of one topic that are on disk only, in their order, as far as its queue has room for them. */
import type { Logger } from '../log.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Place } from '../spool/group-writer.ts';
import type { ReadLimit } from '../spool/segment.ts';
import type { SpooledEvent } from '../spool/log-reader.ts';
import type { TopicLog } from '../spool/topic-log.ts';
import type { Clock } from '../support/time.ts';
import { errorText } from '../support/error-text.ts';
import { ownBytes } from './held-record.ts';
import { decodeRecord } from './spooled-record.ts';

/** The queue that gets the events. */
export interface SpoolDrain {
  hasRoom(): boolean;
  /** How much it takes at once. A read gives it more than it has room for by no more than that. */
  readonly readLimit: ReadLimit;
  /** Takes the next event. */
  take(record: KafkaRecord, place: Place): void;
  /** Takes the next event if its bytes are of a layout that this program does not know. */
  unreadable(event: SpooledEvent, reason: string): void;
  /** All events on disk are taken. */
  caughtUp(): void;
}

/** Milliseconds before a disk that could not be read is tried again. */
const READ_PAUSE_MS = 1000;

export class SpoolReader {
  /** A read is running. A field and not a getter: the queue checks it for every event. */
  isReading = false;
  readonly #topic: string;
  readonly #log: TopicLog;
  readonly #drain: SpoolDrain;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** On the monotonic clock. */
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(topic: string, log: TopicLog, drain: SpoolDrain, logger: Logger, clock: Clock) {
    this.#topic = topic;
    this.#log = log;
    this.#drain = drain;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Starts to read, unless the last read failed less than a second ago. Must not be called while a read is running. */
  start(): void {
    if (this.#clock.now() - this.#failedAt < READ_PAUSE_MS) return;
    this.isReading = true;
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      while (this.#drain.hasRoom() && this.#log.hasUnread) {
        for (const event of await this.#log.read(this.#drain.readLimit)) this.#hand(event);
      }
      if (!this.#log.hasUnread) this.#drain.caughtUp();
    } catch (error) {
      this.#failedAt = this.#clock.now();
      this.#logger.error({ error, topic: this.#topic }, 'the spool cannot be read; trying again');
    } finally {
      this.isReading = false;
    }
  }

  #hand(event: SpooledEvent): void {
    const { place, payload, arrivedAt } = event;
    let record: KafkaRecord;
    try {
      record = decodeRecord(this.#topic, ownBytes(payload), arrivedAt);
    } catch (error) {
      this.#drain.unreadable(event, errorText(error));
      return;
    }
    this.#drain.take(record, place);
  }
}
