/**
 * Which time goes out with a record. A time that the broker does not take gives way, so that no event is lost for its
 * time: the record's own time, the time of arrival, the time of sending, the broker's time, no time at all.
 *
 * A broker takes a time from `now - message.timestamp.before.max.ms` up to `now + message.timestamp.after.max.ms`, by
 * its own clock. Before Kafka 3.6 both limits are `message.timestamp.difference.max.ms` (KIP-937).
 */
import type { Clock } from '../../support/time.ts';
import type { Topic } from '../cluster/cluster.ts';
import { RETRIAL_MS } from '../error-code.ts';
import type { PendingRecord } from './pending-record.ts';

/** Where the time of a record comes from. A refused one gives way to the next. */
export const TimeSource = { own: 0, arrival: 1, sending: 2, broker: 3, none: 4 } as const;

/** Kafka's NO_TIMESTAMP: a broker checks it against no limit (`validateTimestamp` in LogValidator.java). */
const NO_TIMESTAMP = -1;

/** Milliseconds. A smaller difference to the clock of the proxy is no reason for a refusal that names no record. */
const LEAST_GUESS_MS = 1000;

export interface Clocks {
  /** Milliseconds since the epoch. */
  readonly wall: Clock;
  readonly monotonic: Clock;
}

/** What a refusal says: the places of the refused records, and the words of the broker. */
export interface TimesRefusal {
  /** Empty if the broker names no record. */
  readonly culprits: readonly number[];
  /** The broker's words about the first refused record, or about the batch. */
  readonly message: string | null;
}

/** The times that the broker takes at one moment, in milliseconds since the epoch. */
interface TakenTimes {
  readonly earliest: number;
  readonly latest: number;
  /** An estimate of the broker's clock. */
  readonly now: number;
}

export class RecordTimes {
  /** What the broker has named, at the time of `#learnedAt`. */
  #named: TakenTimes | undefined;
  /** Limits that explain refusals without names. */
  #maxAheadMs = Number.POSITIVE_INFINITY;
  #maxBehindMs = Number.POSITIVE_INFINITY;
  /** On the monotonic clock. */
  #learnedAt = Number.NEGATIVE_INFINITY;
  /** The limits of the topic at that time. */
  #learnedOf: Pick<Topic, 'maxAheadMs' | 'maxBehindMs'> | undefined;

  /** Gives each record the time that goes out with it. */
  stamp(records: readonly PendingRecord[], topic: Topic, clocks: Clocks): void {
    const { earliest, latest, now } = this.#takenTimes(topic, clocks);
    const wall = clocks.wall.now();
    const sending = wall >= earliest && wall <= latest ? wall : now;
    for (const pending of records) {
      const { record, firstSource } = pending;
      const { timestamp, arrivedAt } = record;
      if (firstSource === TimeSource.own && timestamp >= earliest && timestamp <= latest) {
        give(pending, TimeSource.own, timestamp);
      } else if (firstSource <= TimeSource.arrival && arrivedAt >= earliest && arrivedAt <= latest) {
        give(pending, TimeSource.arrival, arrivedAt);
      } else if (firstSource <= TimeSource.sending) give(pending, TimeSource.sending, sending);
      else if (firstSource === TimeSource.broker) give(pending, TimeSource.broker, now);
      else give(pending, TimeSource.none, NO_TIMESTAMP);
    }
  }

  /**
   * Learns from a refusal; the refused times give way at the next `stamp`. Returns false if the broker has refused all
   * times of a record: only a change of its limits or of a clock can help. Then the record's own time is the next again.
   */
  refused(
    records: readonly PendingRecord[],
    { culprits, message }: TimesRefusal,
    topic: Topic,
    clocks: Clocks,
  ): boolean {
    this.#named = namedTimes(message, topic);
    this.#remember(topic, clocks);
    if (culprits.length === 0 && !this.#named && this.#guess(records, clocks.wall.now())) return true;
    let isHopeless = false;
    const refused = new Set(culprits);
    for (const [index, pending] of records.entries()) {
      if (culprits.length > 0 && !refused.has(index)) continue;
      pending.firstSource = this.#sourceAfter(pending);
      if (pending.firstSource <= TimeSource.none) continue;
      pending.firstSource = TimeSource.own;
      isHopeless = true;
    }
    return !isHopeless;
  }

  /** Milliseconds that the broker's clock is ahead of the proxy's, if the broker does not take the proxy's time. */
  clockDifference(topic: Topic, clocks: Clocks): number | undefined {
    if (!this.#named) return undefined;
    const { earliest, latest, now } = this.#takenTimes(topic, clocks);
    const wall = clocks.wall.now();
    return wall >= earliest && wall <= latest ? undefined : now - wall;
  }

  #sourceAfter({ timeSource, record }: PendingRecord): number {
    if (timeSource === TimeSource.own && record.timestamp === record.arrivedAt) return TimeSource.sending;
    if (timeSource === TimeSource.sending && !this.#named) return TimeSource.none;
    return timeSource + 1;
  }

  /** The times that the broker takes now, as far as known. A time before 1970 is left to no broker. */
  #takenTimes(topic: Topic, { wall, monotonic }: Clocks): TakenTimes {
    const elapsed = monotonic.now() - this.#learnedAt;
    const { maxAheadMs = 0, maxBehindMs = 0 } = this.#learnedOf ?? {};
    const isValid =
      elapsed < RETRIAL_MS && maxAheadMs === topic.maxAheadMs && maxBehindMs === topic.maxBehindMs;
    if (!isValid) this.#forget();
    if (this.#named) {
      const { earliest, latest, now } = this.#named;
      return {
        earliest: Math.max(0, earliest + elapsed),
        latest: latest + elapsed,
        // The monotonic clock also counts parts of a millisecond.
        now: Math.round(now + elapsed),
      };
    }
    const now = wall.now();
    return {
      earliest: Math.max(0, now - Math.min(topic.maxBehindMs, this.#maxBehindMs)),
      latest: now + Math.min(topic.maxAheadMs, this.#maxAheadMs),
      now,
    };
  }

  /**
   * The broker names no record. One that is far from the present is the likely one. So this halves the assumed limit:
   * with it, all records beyond half of the greatest distance get another time. Returns false if no record is far away.
   */
  #guess(records: readonly PendingRecord[], now: number): boolean {
    let behind = 0;
    let ahead = 0;
    for (const { timestamp } of records) {
      if (timestamp === NO_TIMESTAMP) continue;
      behind = Math.max(behind, now - timestamp);
      ahead = Math.max(ahead, timestamp - now);
    }
    if (Math.max(behind, ahead) < LEAST_GUESS_MS) return false;
    if (ahead > behind) this.#maxAheadMs = Math.floor(ahead / 2);
    else this.#maxBehindMs = Math.floor(behind / 2);
    return true;
  }

  #remember({ maxAheadMs, maxBehindMs }: Topic, { monotonic }: Clocks): void {
    this.#learnedAt = monotonic.now();
    this.#learnedOf = { maxAheadMs, maxBehindMs };
  }

  #forget(): void {
    this.#named = undefined;
    this.#maxAheadMs = Number.POSITIVE_INFINITY;
    this.#maxBehindMs = Number.POSITIVE_INFINITY;
  }
}

function give(pending: PendingRecord, source: number, timestamp: number): void {
  pending.timeSource = source;
  pending.timestamp = timestamp;
}

/** Reads "The timestamp should be within [from, to]", as LogValidator.java writes it from Kafka 2.4 up to 4.3. */
function namedTimes(message: string | null, topic: Topic): TakenTimes | undefined {
  const found = /\[(-?\d{1,19}), ?(-?\d{1,19})\]/.exec(message ?? '');
  if (!found) return undefined;
  const earliest = Number(found[1]);
  const to = Number(found[2]);
  // "No limit" is 2^63 - 1: added to the present it overflows.
  const latest = to < earliest ? Number.POSITIVE_INFINITY : to;
  return { earliest, latest, now: brokersClock(earliest, latest, topic) };
}

/** The broker's clock, from the times that it takes and the limits that it has told. */
function brokersClock(earliest: number, latest: number, { maxAheadMs, maxBehindMs }: Topic): number {
  for (const now of [latest - maxAheadMs, earliest + maxBehindMs, (earliest + latest) / 2]) {
    if (Number.isFinite(now) && now >= Math.max(0, earliest) && now <= latest) return Math.round(now);
  }
  return Number.isFinite(latest) ? latest : Math.max(0, earliest);
}
