/**
 * The records that wait for one partition. At most one batch is in flight at any time. The batch keeps its bytes,
 * producer id and sequence through every retry: this makes writing idempotent and keeps the order.
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

/** The largest sequence number. The next one is 0. */
const MAX_SEQUENCE = 0x7fffffff;

/** Most records of a batch. The limit exists because a record in a batch can no longer be withdrawn. */
const MAX_BATCH_RECORDS = 10_000;

/** Most bytes of a produce request. A broker reads this much at once without delaying other clients for long. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

export interface Batch extends EncodedBatch {
  readonly records: readonly PendingRecord[];
  readonly baseSequence: number;
  /** An attempt ended, and no answer says whether the batch was written. */
  mayBeWritten: boolean;
}

/**
 * Milliseconds for which a broker knows the producer of a batch after a restart or after it becomes the leader. It is
 * the default of `producer.id.expiration.ms` (KIP-854). Such a broker counts from the times of the batch's records,
 * not from its arrival.
 */
const PRODUCER_REMEMBERED_MS = 24 * 60 * 60 * 1000;

/** What is needed to make batches. */
export interface BatchMaking {
  /** Most bytes of a batch, before compression. */
  readonly maxBatchBytes: number;
  /** Undefined if batches are not compressed. */
  readonly codec: Codec | undefined;
  /** Compresses a record that is too large otherwise. */
  readonly gzip: Codec;
  readonly pool: BufferPool;
  readonly wall: Clock;
}

export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Records that are not in a batch yet. */
  readonly waiting = new PendingQueue();
  /** The batch made from waiting records, not yet settled. */
  batch: Batch | undefined;
  /** A request with the batch is being made or is in flight. */
  busy = false;
  /** No attempt before this time, on the monotonic clock. */
  retryAt = 0;
  /** How many attempts in a row have failed. */
  failures = 0;
  /** Records of a batch that is being compressed. */
  #encoding: readonly PendingRecord[] = [];
  /** Sizes that a broker refused as too large although they are within the known limit. */
  #refused = nothingRefused({ maxMessageBytes: 0 });
  /** How often in a row a broker has answered that it will never take a batch. */
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

  /** Is there a batch for which it is unknown whether it is written? */
  get isUnknown(): boolean {
    return this.busy || this.batch?.mayBeWritten === true;
  }

  /**
   * Most bytes of the next batch, or of the batch to send again. A single record may be larger than `maxBatchBytes`.
   */
  nextBytes(maxBatchBytes: number): number {
    return (
      this.batch?.bytes.length ??
      Math.max(this.waiting.peek()?.size ?? 0, Math.min(this.waiting.bytes, maxBatchBytes))
    );
  }

  /** The producer id of the next batches. A queue keeps its id until it loses it. */
  get identity(): ProducerId | undefined {
    return this.#identity;
  }

  /** Starts a new sequence under a new producer id. */
  adopt(identity: ProducerId): void {
    this.#identity = identity;
    this.#nextSequence = 0;
  }

  /**
   * The broker no longer knows the producer or its sequence: the next batch needs another id. Returns how many
   * records may be in the topic twice: the broker no longer recognises a batch that may be written.
   */
  loseIdentity(): number {
    const perhapsTwice = this.batch?.mayBeWritten ? this.batch.records.length : 0;
    this.#identity = undefined;
    this.dissolve();
    return perhapsTwice;
  }

  /**
   * Makes the next batch from the front of the queue, if there is no batch yet. A record that alone is larger than
   * the topic allows goes alone and compressed. If it is still too large, it is settled here.
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
      // The queue was closed meanwhile, and has settled the records.
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
   * How many records may be in the topic twice. An earlier attempt may have written the batch, and the broker may no
   * longer recognise it. `now` is in milliseconds since the epoch.
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
   * The topic does not take the batch as it is. Its records go again in another form, or are settled. `culprits` are
   * the places of the refused records; if it is empty, the broker means all. Returns false if the answer is not
   * believed yet: the batch goes again unchanged.
   */
  refused({ meaning, name }: ErrorCode, culprits: readonly number[]): boolean {
    if (meaning === 'too-large') this.#tooLarge();
    else if (meaning === 'timestamp') this.#timesRefused(culprits, name);
    else return this.#recordsRefused(culprits, name);
    return true;
  }

  /**
   * The topic's limit was lowered, or could not be read. Several records go again in smaller batches. A single record
   * goes again with stronger compression, and is settled as too large if that does not help.
   */
  #tooLarge(): void {
    const { batch } = this;
    if (!batch) return;
    if (batch.records.length > 1) this.#refused.batchBytes = Math.floor(batch.bytes.length / 2);
    else this.#refused.recordBytes = batch.bytes.length - 1;
    this.dissolve();
  }

  /**
   * Replaces the times of the records by their times of arrival. A record that already has its time of arrival is
   * settled as refused.
   */
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
   * The topic will never take the refused records. The others go again without them. A broker also refuses the whole
   * batch when a byte of its header has changed in transit. The checksum does not cover base offset, length, leader
   * epoch and magic. Therefore a refusal of the whole batch is believed when it comes twice in a row.
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
   * An attempt to send the batch has failed. A batch that may be in the topic stays unchanged, so that the broker
   * recognises it. Any other batch dissolves: its records can be withdrawn again, and go together with newer records.
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

  /** The batch is not in the topic. Its records return to the front of the queue, for other batches. */
  dissolve(): void {
    const batch = this.#endBatch();
    if (batch) this.waiting.putBack(batch.records.filter(({ withdrawn }) => !withdrawn));
  }

  /** Removes and returns all records. What may have been written is gone with the partition. */
  empty(): PendingRecord[] {
    this.dissolve();
    return this.waiting.drain();
  }

  /** Settles all records as closed. */
  close(): void {
    this.#closed = true;
    const mayBeWritten = this.isUnknown;
    const unsent = [...this.#encoding, ...this.waiting.drain()];
    this.#encoding = [];
    for (const record of this.#endBatch()?.records ?? []) record.settle({ kind: 'closed', mayBeWritten });
    for (const record of unsent) record.settle({ kind: 'closed', mayBeWritten: false });
  }

  /** The batch's bytes are no longer needed: the connection has a copy of what it sends. */
  #endBatch(): Batch | undefined {
    const batch = this.batch;
    this.batch = undefined;
    batch?.release();
    return batch;
  }

  /** Takes the first record whatever its size, then as many as fit into `maxBytes`. */
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
      // gzip: every consumer can read it without another library, and only zstd compresses better.
      return await encodeBatch(records, sequence, gzip, pool);
    } catch (error) {
      if (!this.#closed) this.waiting.putBack(records);
      throw error;
    } finally {
      this.#encoding = [];
    }
  }
}

/** As many queues as fit into one request. Each turn begins with another queue, so that none is always left out. */
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

/** Replaces a time that the topic would refuse by the time of arrival. */
function fitTime(pending: PendingRecord, topic: Topic, now: number): void {
  const { timestamp } = pending;
  const acceptable =
    timestamp >= 0 && timestamp - now <= topic.maxAheadMs && now - timestamp <= topic.maxBehindMs;
  if (!acceptable) pending.timestamp = pending.record.arrivedAt;
}
