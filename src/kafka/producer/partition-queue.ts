/**
 * What waits for one partition. At any time one batch at most is on its way. It keeps its bytes, producer id and sequence
 * through every retry: that makes writing idempotent and keeps the order.
 */
import { backoff } from '../../support/backoff.ts';
import type { Clock } from '../../support/time.ts';
import type { ProducerId } from '../cluster/brokers.ts';
import type { Topic } from '../cluster/cluster.ts';
import { MAX_BACKOFF_MS } from '../cluster/cluster-watch.ts';
import type { ErrorCode } from '../error-code.ts';
import type { BufferPool } from '../wire/record-batch.ts';
import type { Codec } from '../wire/compression.ts';
import { BATCH_HEADER_SIZE, encodeBatch, type EncodedBatch } from '../wire/record-batch.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';

/** Sequence numbers wrap around to 0 behind this. */
const MAX_SEQUENCE = 0x7fffffff;

/** Records of a batch at most: what is in a batch can no longer be withdrawn. */
const MAX_BATCH_RECORDS = 10_000;

/** Bytes of a produce request, at most: what a broker reads in one go without holding up others for long. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

export interface Batch extends EncodedBatch {
  readonly records: readonly PendingRecord[];
  readonly baseSequence: number;
  /** An attempt ended without an answer on whether it was written. */
  mayBeWritten: boolean;
}

/**
 * Milliseconds for which a broker that has restarted, or taken over, knows the producer of a batch: the default of
 * `producer.id.expiration.ms` (KIP-854). It counts from the times of the batch's records, not from its arrival.
 */
const PRODUCER_REMEMBERED_MS = 24 * 60 * 60 * 1000;

/** What batches are made with. */
export interface BatchMaking {
  /** Bytes of a batch before compression, at most. */
  readonly maxBatchBytes: number;
  /** Undefined: batches are not compressed. */
  readonly codec: Codec | undefined;
  /** For a record that is too large otherwise. */
  readonly gzip: Codec;
  readonly pool: BufferPool;
  readonly wall: Clock;
}

export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Records that are in no batch yet. */
  readonly waiting = new PendingQueue();
  /** Taken from the waiting records and not yet settled. */
  batch: Batch | undefined;
  /** A request with the batch is being made or is in flight. */
  busy = false;
  /** Not to be tried before this, on the monotonic clock. */
  retryAt = 0;
  /** Attempts that failed in a row. */
  failures = 0;
  /** Records of a batch that is being compressed. */
  #encoding: readonly PendingRecord[] = [];
  /** What a broker refused as too large although it is within the limit known to us. */
  #refused = nothingRefused({ maxMessageBytes: 0 });
  /** How often in a row a broker has said that it will never take a batch. */
  #refusals = 0;
  #identity: ProducerId | undefined;
  #nextSequence = 0;
  #closed = false;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Is there anything to send? */
  get hasWork(): boolean {
    return this.batch !== undefined || this.waiting.peek() !== undefined;
  }

  /** Is it unknown of a batch whether it is written? */
  get isUnknown(): boolean {
    return this.busy || this.batch?.mayBeWritten === true;
  }

  /** Bytes of the batch to come, or to be sent again, at most; but for a single record larger than any batch. */
  nextBytes(maxBatchBytes: number): number {
    return (
      this.batch?.bytes.length ??
      Math.max(this.waiting.peek()?.size ?? 0, Math.min(this.waiting.bytes, maxBatchBytes))
    );
  }

  /** The producer id of the batches to come; a queue that has one keeps it. */
  get identity(): ProducerId | undefined {
    return this.#identity;
  }

  /** Starts a new sequence under a new producer id. */
  adopt(identity: ProducerId): void {
    this.#identity = identity;
    this.#nextSequence = 0;
  }

  /**
   * The broker has lost count of the producer: the next batch needs another id. Returns how many records may be in the topic
   * twice: those of a batch that may be written are no longer recognised.
   */
  loseIdentity(): number {
    const perhapsTwice = this.batch?.mayBeWritten ? this.batch.records.length : 0;
    this.#identity = undefined;
    this.dissolve();
    return perhapsTwice;
  }

  /**
   * Makes the next batch from the front of the queue, if there is none. A record that alone is larger than the topic
   * takes goes compressed, by itself; one that is too large even so is settled here.
   */
  async prepare(topic: Topic, making: BatchMaking): Promise<Batch | undefined> {
    if (topic.maxMessageBytes !== this.#refused.limit) this.#refused = nothingRefused(topic);
    const limit = Math.min(topic.maxMessageBytes, this.#refused.recordBytes);
    while (!this.batch && this.#identity) {
      const records = this.#take(Math.min(making.maxBatchBytes, limit, this.#refused.batchBytes));
      if (records.length === 0) return undefined;
      const now = making.wall.now();
      for (const pending of records) fitTime(pending, topic, now);
      const { bytes, release } = await this.#encode(records, limit, making);
      // The records have been settled meanwhile.
      if (this.#closed) return undefined;
      if (bytes.length > limit) {
        for (const record of records) record.settle({ kind: 'too-large', size: bytes.length, limit });
        release();
        continue;
      }
      this.batch = { records, bytes, release, baseSequence: this.#nextSequence, mayBeWritten: false };
    }
    return this.batch;
  }

  /**
   * Records of the batch, when an earlier attempt may have written it and the broker need not have recognised it.
   * `now` is in milliseconds since the epoch.
   */
  recordsPerhapsTwice(now: number): number {
    if (!this.batch?.mayBeWritten) return 0;
    const { records } = this.batch;
    const newest = records.reduce((time, { timestamp }) => Math.max(time, timestamp), 0);
    return now - newest >= PRODUCER_REMEMBERED_MS ? records.length : 0;
  }

  /** The batch is in the topic. */
  written(): void {
    const batch = this.#endBatch();
    if (!batch) return;
    this.failures = 0;
    this.#refusals = 0;
    this.#nextSequence = (batch.baseSequence + batch.records.length) % (MAX_SEQUENCE + 1);
    for (const record of batch.records) record.settle({ kind: 'written' });
  }

  /**
   * The topic does not take the batch as it is. Its records go again in another shape, or are settled. `culprits` are the
   * places of the records that are meant; where the broker does not say which, it means all.
   * False: the answer is not believed yet, and the batch goes again as it is.
   */
  refused({ meaning, name }: ErrorCode, culprits: readonly number[]): boolean {
    if (meaning === 'too-large') this.#tooLarge();
    else if (meaning === 'timestamp') this.#timesRefused(culprits, name);
    else return this.#recordsRefused(culprits, name);
    return true;
  }

  /**
   * The topic's limit was lowered, or could not be read. Several records are tried in smaller batches; one alone more
   * compressed, and is settled as too large if that does not help.
   */
  #tooLarge(): void {
    const { batch } = this;
    if (!batch) return;
    if (batch.records.length > 1) this.#refused.batchBytes = Math.floor(batch.bytes.length / 2);
    else this.#refused.recordBytes = batch.bytes.length - 1;
    this.dissolve();
  }

  /** The records' times give way to those of arrival; where that was tried already, the record is settled as refused. */
  #timesRefused(culprits: readonly number[], reason: string): void {
    for (const [index, pending] of (this.batch?.records ?? []).entries()) {
      if (culprits.length > 0 && !culprits.includes(index)) continue;
      const { arrivedAt } = pending.record;
      if (pending.timestamp === arrivedAt) pending.withdrawAs({ kind: 'refused', reason });
      pending.timestamp = arrivedAt;
    }
    this.dissolve();
  }

  /**
   * The topic will never take the records; the others go again without them. A broker also says so, of the whole batch,
   * when a byte of the batch's head has changed on the way: the checksum does not cover base offset, length, leader epoch
   * and magic. So that is believed when it is said twice in a row.
   */
  #recordsRefused(culprits: readonly number[], reason: string): boolean {
    this.#refusals += 1;
    if (culprits.length === 0 && this.#refusals === 1) return false;
    this.#refusals = 0;
    for (const [index, pending] of (this.batch?.records ?? []).entries()) {
      if (culprits.length === 0 || culprits.includes(index)) pending.withdrawAs({ kind: 'refused', reason });
    }
    this.dissolve();
    return true;
  }

  /**
   * An attempt to send the batch has failed. One that may be in the topic stays as it is, to be recognised; another
   * dissolves: its records may be withdrawn, and go with those that have come since.
   */
  failed(mayBeWritten: boolean): void {
    if (!this.batch) return;
    this.batch.mayBeWritten ||= mayBeWritten;
    if (!this.batch.mayBeWritten) this.dissolve();
  }

  /** Waits before the next attempt, longer after each failure. `now` is on the monotonic clock. */
  delay(now: number, firstMs: number): void {
    this.failures += 1;
    this.retryAt = now + backoff(this.failures, firstMs, MAX_BACKOFF_MS);
  }

  /** The batch is not in the topic: its records go back to the front, free to be batched another way. */
  dissolve(): void {
    const batch = this.#endBatch();
    if (batch) this.waiting.putBack(batch.records.filter(({ withdrawn }) => !withdrawn));
  }

  /** Takes out all; what may have been written went with the partition. */
  empty(): PendingRecord[] {
    this.dissolve();
    return this.waiting.drain();
  }

  /** Settles all as closed. */
  close(): void {
    this.#closed = true;
    const mayBeWritten = this.isUnknown;
    const unsent = [...this.#encoding, ...this.waiting.drain()];
    this.#encoding = [];
    for (const record of this.#endBatch()?.records ?? []) record.settle({ kind: 'closed', mayBeWritten });
    for (const record of unsent) record.settle({ kind: 'closed', mayBeWritten: false });
  }

  /** The batch's bytes are not needed any more: what is sent is a copy, which the connection has. */
  #endBatch(): Batch | undefined {
    const batch = this.batch;
    this.batch = undefined;
    batch?.release();
    return batch;
  }

  /** The first record whatever its size, then as many as fit. */
  #take(maxBytes: number): PendingRecord[] {
    const records: PendingRecord[] = [];
    let size = BATCH_HEADER_SIZE;
    for (;;) {
      const next = this.waiting.peek();
      if (!next || records.length === MAX_BATCH_RECORDS) break;
      if (records.length > 0 && size + next.size > maxBytes) break;
      this.waiting.shift();
      next.batched = true;
      records.push(next);
      size += next.size;
    }
    return records;
  }

  async #encode(
    records: readonly PendingRecord[],
    limit: number,
    { codec, gzip, pool }: BatchMaking,
  ): Promise<EncodedBatch> {
    const identity = this.#identity ?? { id: -1n, epoch: -1 };
    const sequence = {
      producerId: identity.id,
      producerEpoch: identity.epoch,
      baseSequence: this.#nextSequence,
    };
    this.#encoding = records;
    try {
      const batch = await encodeBatch(records, sequence, codec, pool);
      if (batch.bytes.length <= limit || codec === gzip) return batch;
      batch.release();
      // gzip: every consumer can read it without a further library, and nothing but zstd makes smaller.
      return await encodeBatch(records, sequence, gzip, pool);
    } catch (error) {
      if (!this.#closed) this.waiting.putBack(records);
      throw error;
    } finally {
      this.#encoding = [];
    }
  }
}

/** As many queues as make one request, from another one on at each turn, so that none is always left for the next. */
export function forOneRequest(
  queues: readonly PartitionQueue[],
  turn: number,
  maxBatchBytes: number,
): PartitionQueue[] {
  const from = turn % queues.length;
  let bytes = 0;
  return [...queues.slice(from), ...queues.slice(0, from)].filter((queue, index) => {
    bytes += queue.nextBytes(maxBatchBytes);
    return index === 0 || bytes <= MAX_REQUEST_BYTES;
  });
}

function nothingRefused({ maxMessageBytes }: Pick<Topic, 'maxMessageBytes'>) {
  return {
    limit: maxMessageBytes,
    batchBytes: Number.MAX_SAFE_INTEGER,
    recordBytes: Number.MAX_SAFE_INTEGER,
  };
}

/** A time that the topic would refuse gives way to the time of arrival. */
function fitTime(pending: PendingRecord, topic: Topic, now: number): void {
  const { timestamp } = pending;
  const acceptable =
    timestamp >= 0 && timestamp - now <= topic.maxAheadMs && now - timestamp <= topic.maxBehindMs;
  if (!acceptable) pending.timestamp = pending.record.arrivedAt;
}
