/**
 * Reads a topic without a consumer group: the committed records of each partition from an offset up to an end, of all
 * partitions together in the order of their times. It holds one answer of each partition in memory.
 */
import { FetchIsolationLevels } from '@platformatic/kafka';
import { refuse, RefusedError, type ClusterAccess } from '../cluster/cluster-access.ts';
import { answerWith, orInError } from '../cluster/refused-answer.ts';
import {
  FETCH,
  LIST_OFFSETS,
  type FetchAnswer,
  type OffsetsAnswer,
} from '../cluster/transaction-requests.ts';
import { committedRecords, type FetchedRecords } from './committed-records.ts';
import type { PartitionRange, TopicRecord } from './topic-record.ts';

/** Of `ListOffsets`: the end, and the first offset that is still there. */
const LATEST = -1;
const EARLIEST = -2;

const { READ_COMMITTED, READ_UNCOMMITTED } = FetchIsolationLevels;

const OFFSET_OUT_OF_RANGE = 1;

/** Bytes of one answer. A single larger batch comes whole (KIP-74). */
const FETCH_BYTES = 1024 * 1024;

const FETCH_WAIT_MS = 500;

/** No fetch session (KIP-227): each request names its partition. */
const NO_SESSION = 0;
const NO_EPOCH = -1;

export class TopicReader {
  readonly #access: ClusterAccess;
  readonly topic: string;

  constructor(access: ClusterAccess, topic: string) {
    this.#access = access;
    this.topic = topic;
  }

  /** What there is to read now; undefined if there is no such topic. */
  async ranges(): Promise<readonly PartitionRange[] | undefined> {
    const count = await this.#access.partitionsOf(this.topic);
    if (count === undefined) return undefined;
    return Promise.all(
      Array.from({ length: count }, async (_, partition) => {
        const end = await this.#offsetAt(partition, LATEST, READ_COMMITTED);
        const written = await this.#offsetAt(partition, LATEST, READ_UNCOMMITTED);
        return { partition, start: await this.#offsetAt(partition, EARLIEST, READ_COMMITTED), end, written };
      }),
    );
  }

  /** The offset of the first record of a partition with this time or a later one; undefined if there is none. */
  async offsetSince(partition: number, timestamp: number): Promise<number | undefined> {
    const offset = await this.#offsetAt(partition, timestamp, READ_COMMITTED);
    return offset < 0 ? undefined : offset;
  }

  /**
   * The records from the offset `from` up to `end` of each partition, those of all partitions in the order of their times as far as
   * each partition has them in that order.
   */
  async *read(
    ranges: readonly { readonly partition: number; readonly from: number; readonly end: number }[],
  ): AsyncGenerator<TopicRecord, void> {
    const heads: { readonly head: TopicRecord; readonly rest: AsyncGenerator<TopicRecord, void> }[] = [];
    const add = async (rest: AsyncGenerator<TopicRecord, void>) => {
      const { value } = await rest.next();
      if (value) heads.push({ head: value, rest });
    };
    for (const { partition, from, end } of ranges) await add(this.#partition(partition, from, end));
    while (heads.length > 0) {
      let earliest = 0;
      for (const [index, { head }] of heads.entries()) {
        if (head.timestamp < (heads[earliest]?.head.timestamp ?? 0)) earliest = index;
      }
      const [taken] = heads.splice(earliest, 1);
      if (!taken) return;
      yield taken.head;
      await add(taken.rest);
    }
  }

  async *#partition(partition: number, from: number, end: number): AsyncGenerator<TopicRecord, void> {
    let at = from;
    while (at < end) {
      const fetched = await this.#fetch(partition, at);
      for (const record of fetched?.records ?? []) {
        if (record.offset >= end) return;
        yield record;
      }
      // Retention has removed the record meanwhile: the first that is left is the next.
      at = fetched?.next ?? Math.max(at + 1, await this.#offsetAt(partition, EARLIEST, READ_COMMITTED));
    }
  }

  /** Undefined if the partition no longer has this offset. */
  async #fetch(partition: number, offset: number): Promise<FetchedRecords | undefined> {
    const { topic } = this;
    const place = `${topic}/${partition}`;
    return this.#access.askLeader(topic, partition, async (connection, versions) => {
      const position = {
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: BigInt(offset),
        lastFetchedEpoch: -1,
        partitionMaxBytes: FETCH_BYTES,
      };
      const answer = await orInError(
        isFetch,
        versions
          .of(FETCH)
          .async(
            connection,
            FETCH_WAIT_MS,
            1,
            FETCH_BYTES,
            READ_COMMITTED,
            NO_SESSION,
            NO_EPOCH,
            [{ topicId: topic, partitions: [position] }],
            [],
            '',
          ),
      );
      refuse(answer.errorCode, place);
      const [found] = answer.responses[0]?.partitions ?? [];
      if (!found) throw new RefusedError('UNKNOWN_TOPIC_OR_PARTITION', place);
      if (found.errorCode === OFFSET_OUT_OF_RANGE) return undefined;
      refuse(found.errorCode, place);
      const fetched = committedRecords(
        partition,
        found.records ?? [],
        found.abortedTransactions ?? [],
        offset,
      );
      // The broker answers with nothing for a moment, for example while it is throttled. Another question is due then.
      if (fetched.next === undefined) throw new RefusedError('OFFSET_NOT_AVAILABLE', place);
      return fetched;
    });
  }

  /** -1 if there is no such record. */
  #offsetAt(partition: number, timestamp: number, isolation: 0 | 1): Promise<number> {
    const { topic } = this;
    return this.#access.askLeader(topic, partition, async (connection, versions) => {
      const asked = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: BigInt(timestamp) };
      const answer = await orInError(
        isOffsets,
        versions.of(LIST_OFFSETS).async(connection, -1, isolation, [{ name: topic, partitions: [asked] }]),
      );
      const [found] = answer.topics[0]?.partitions ?? [];
      const place = `${topic}/${partition}`;
      if (!found) throw new RefusedError('UNKNOWN_TOPIC_OR_PARTITION', place);
      refuse(found.errorCode, place);
      return Number(found.offset);
    });
  }
}

const isFetch = answerWith<FetchAnswer>('responses');
const isOffsets = answerWith<OffsetsAnswer>('topics');
