/**
 * The replay of letters: each is judged, and those that are right are written in batches. A batch is one transaction with the
 * progress of the replay, so each letter is sent once, however often a replay is interrupted.
 */
import type { TopicRecord } from '../../kafka/reading/topic-record.ts';
import type { GroupPosition } from '../../kafka/transaction/group-offsets.ts';
import {
  LostTransactionError,
  RecordsRefusedError,
  type TransactionalWriter,
} from '../../kafka/transaction/transactional-writer.ts';
import type { KafkaRecord } from '../../kafka/record.ts';
import { backoff } from '../../support/backoff.ts';
import { sleep, type Time } from '../../support/time.ts';
import type { Judged, WrongLetter } from './judge.ts';
import { letterOf, type Letter } from './letter.ts';
import type { PartitionProgress } from './partition-progress.ts';

/** What became of a letter. In a dry run a letter is `right` that would be sent. */
export type Told =
  | { readonly letter: Letter; readonly outcome: 'sent' | 'right'; readonly topics: readonly string[] }
  | ({ readonly letter: Letter; readonly outcome: 'wrong' } & WrongLetter);

export interface ReplayParts {
  /** The records of the topic, in the order in which their letters are to be sent. */
  readonly records: AsyncIterable<TopicRecord>;
  /** Which part of each partition `records` has. */
  readonly ranges: readonly { readonly partition: number; readonly from: number; readonly end: number }[];
  /** Of each partition. */
  readonly progress: Map<number, PartitionProgress>;
  /** Undefined in a dry run. */
  readonly writer: Pick<TransactionalWriter, 'begin' | 'commit'> | undefined;
  /** The positions of the group, when no transaction with them is open. */
  readonly positions: () => Promise<ReadonlyMap<number, GroupPosition>>;
  readonly judge: (letter: Letter) => Promise<Judged>;
  /** Is the replay about this letter? */
  readonly includes: (letter: Letter) => boolean;
  readonly tell: (told: Told) => void;
  readonly time: Time;
}

export interface ReplayCounts {
  /** In a dry run: those that would be sent. */
  sent: number;
  wrong: number;
  /** Letters that the replay is not about. */
  others: number;
  /** Offsets that were read. */
  read: number;
}

/** A right letter that is to be sent. */
interface Item {
  readonly letter: Letter;
  readonly records: readonly KafkaRecord[];
  /** How many times each topic has refused for it. */
  readonly refusedTimes: ReadonlyMap<string, number>;
}

/** Limits of a batch. Its transaction ends in far less than the 60 s after which Kafka aborts it. */
const BATCH_LETTERS = 500;
const BATCH_BYTES = 512 * 1024;

/** Attempts for a batch, and the pauses between them in milliseconds. */
const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;

export class Replaying {
  readonly counts: ReplayCounts = { sent: 0, wrong: 0, others: 0, read: 0 };
  /** Partitions whose progress has no more room. */
  readonly full = new Set<number>();
  readonly #parts: ReplayParts;
  #batch: Item[] = [];
  #bytes = 0;
  #isStopped = false;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  /** Ends the replay when the batch in hand is sent. */
  stop(): void {
    this.#isStopped = true;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** @throws {FencedError} if another replay of the group has begun. */
  async run(): Promise<void> {
    const { records, ranges, writer } = this.#parts;
    const next = new Map(ranges.map(({ partition, from }) => [partition, from]));
    for await (const record of records) {
      const { partition, offset } = record;
      this.#pass(partition, next.get(partition), offset);
      next.set(partition, offset + 1);
      this.counts.read += 1;
      await this.#take(record);
      if (this.#isStopped) break;
    }
    await this.#flush();
    if (!this.#isStopped)
      for (const { partition, end } of ranges) this.#pass(partition, next.get(partition), end);
    // The brokers forget the offsets of a group some days after they were committed. So all are committed again.
    if (writer) await this.#commit([], this.#parts.progress);
  }

  /** Between two letters that follow each other there is none, whatever the offsets are: markers, or what was aborted. */
  #pass(partition: number, from: number | undefined, to: number): void {
    if (from !== undefined) this.#parts.progress.get(partition)?.add(from, to);
  }

  async #take(record: TopicRecord): Promise<void> {
    const { progress, judge, includes, writer, tell } = this.#parts;
    const { partition, offset, value } = record;
    if (progress.get(partition)?.isSent(offset) === true) return;
    const letter = letterOf(record);
    if (!includes(letter) || this.full.has(partition)) {
      this.counts.others += 1;
      return;
    }
    const judged = await judge(letter);
    if (!('records' in judged)) {
      this.#isWrong(letter, judged);
      return;
    }
    const { records } = judged;
    if (!writer) {
      this.counts.sent += 1;
      tell({ letter, outcome: 'right', topics: topicsOf(records) });
      return;
    }
    const size = records.length * (value?.length ?? 0);
    if (this.#bytes + size > BATCH_BYTES) await this.#flush();
    this.#batch.push({ letter, records, refusedTimes: new Map() });
    this.#bytes += size;
    if (this.#batch.length === BATCH_LETTERS) await this.#flush();
  }

  #isWrong(letter: Letter, wrong: WrongLetter): void {
    this.counts.wrong += 1;
    this.#parts.tell({ letter, outcome: 'wrong', ...wrong });
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    for (const [partition, progress] of this.#progressWith(batch)) {
      if (!progress.encoded()) this.full.add(partition);
    }
    const fitting = batch.filter(({ letter }) => !this.full.has(letter.partition));
    this.counts.others += batch.length - fitting.length;
    await this.#send(fitting);
  }

  async #send(items: readonly Item[]): Promise<void> {
    const [first] = items;
    if (!first) return;
    const progress = this.#progressWith(items);
    try {
      await this.#commit(
        items.flatMap(({ records }) => records),
        progress,
      );
    } catch (error) {
      if (!(error instanceof RecordsRefusedError)) throw error;
      if (items.length > 1) {
        // One of them alone is refused.
        const half = Math.ceil(items.length / 2);
        await this.#send(items.slice(0, half));
        await this.#send(items.slice(half));
      } else await this.#sendOtherwise(first, error);
      return;
    }
    for (const [partition, after] of progress) this.#parts.progress.set(partition, after);
    this.counts.sent += items.length;
    for (const { letter, records } of items) {
      this.#parts.tell({ letter, outcome: 'sent', topics: topicsOf(records) });
    }
  }

  /** A time that a topic refuses gives way to the time of the letter, and that to the time of sending, as in the proxy. */
  async #sendOtherwise({ letter, records, refusedTimes }: Item, refusal: RecordsRefusedError): Promise<void> {
    const { topic } = refusal;
    const times = refusedTimes.get(topic) ?? 0;
    if (refusal.kind === 'timestamp' && times < 2) {
      const timestamp = times === 0 ? letter.timestamp : this.#parts.time.wall.now();
      const others = records.map((record) => (record.topic === topic ? { ...record, timestamp } : record));
      await this.#send([
        { letter, records: others, refusedTimes: new Map(refusedTimes).set(topic, times + 1) },
      ]);
    } else this.#isWrong(letter, { reason: refusal.message, errors: [] });
  }

  #progressWith(items: readonly Item[]): ReadonlyMap<number, PartitionProgress> {
    const changed = new Map<number, PartitionProgress>();
    for (const { letter } of items) {
      const { partition, offset } = letter;
      const progress = changed.get(partition) ?? this.#parts.progress.get(partition)?.copy();
      progress?.add(offset, offset + 1);
      if (progress) changed.set(partition, progress);
    }
    return changed;
  }

  async #commit(
    records: readonly KafkaRecord[],
    progress: ReadonlyMap<number, PartitionProgress>,
  ): Promise<void> {
    const { writer, positions: current, time } = this.#parts;
    if (!writer) return;
    const positions = new Map<number, GroupPosition>();
    for (const [partition, one] of progress) {
      const position = one.encoded();
      if (position) positions.set(partition, position);
    }
    for (let failures = 1; ; failures += 1) {
      await writer.begin();
      try {
        await writer.commit(records, positions);
        return;
      } catch (error) {
        if (!(error instanceof LostTransactionError) || failures === ATTEMPTS) throw error;
        await sleep(time, backoff(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
        // It ends the transaction. Then the group says whether that was committed.
        await writer.begin();
        if (areIn(await current(), positions)) return;
      }
    }
  }
}

function topicsOf(records: readonly KafkaRecord[]): readonly string[] {
  return records.map(({ topic }) => topic);
}

function areIn(
  current: ReadonlyMap<number, GroupPosition>,
  positions: ReadonlyMap<number, GroupPosition>,
): boolean {
  return [...positions].every(([partition, { offset, metadata }]) => {
    const found = current.get(partition);
    return found?.offset === offset && found.metadata === metadata;
  });
}
