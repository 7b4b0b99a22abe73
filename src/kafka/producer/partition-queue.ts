/**
 * What waits for one partition. At any time one batch at most is on its way, and it keeps its bytes, producer id and
 * sequence through every retry: that is what makes writing idempotent and keeps the order.
 */
import type { BufferPool } from '../wire/buffer-pool.ts';
import type { ProducerId, Topic } from '../cluster/cluster.ts';
import { codecs, type Codec } from '../wire/compression.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';
import { BATCH_HEADER_SIZE, encodeBatch, type EncodedBatch } from '../wire/record-batch.ts';

/** Sequence numbers wrap around to 0 behind this. */
const MAX_SEQUENCE = 0x7fffffff;

/** Records of a batch at most: what is in a batch can no longer be withdrawn. */
const MAX_BATCH_RECORDS = 10_000;

export interface Batch extends EncodedBatch {
  readonly records: readonly PendingRecord[];
  readonly baseSequence: number;
  /** An attempt ended without a word on whether it was written. */
  mayBeWritten: boolean;
}

/**
 * Milliseconds for which a broker that has started anew, or taken over, knows the producer of a batch: `producer.id.expiration.ms`
 * (KIP-854) where nobody has changed it. It counts from the times of the batch's records, not from its arrival.
 */
const PRODUCER_REMEMBERED_MS = 24 * 60 * 60 * 1000;

export interface BatchLimits {
  /** Bytes of a batch before compression, at most. */
  readonly maxBatchBytes: number;
  readonly codec: Codec;
  readonly pool: BufferPool;
}

export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly queue = new PendingQueue();
  /** Taken from the queue and not yet settled. */
  batch: Batch | undefined;
  /** A request with the batch is being made or is away. */
  busy = false;
  /** Not to be tried before this, in milliseconds since the epoch. */
  retryAt = 0;
  failures = 0;
  /** What a broker refused as too large although it is within the limit known to us. */
  #refused = nothingRefused({ maxMessageBytes: 0 });
  /** How often in a row a broker has refused a batch for good. */
  #refusals = 0;
  #identity: ProducerId | undefined;
  #nextSequence = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Is there anything to send? */
  get waiting(): boolean {
    return this.batch !== undefined || this.queue.peek() !== undefined;
  }

  /** Bytes of the batch to come, or to be sent again, at most; but for a single record larger than any batch. */
  nextBytes(maxBatchBytes: number): number {
    return (
      this.batch?.bytes.length ??
      Math.max(this.queue.peek()?.size ?? 0, Math.min(this.queue.bytes, maxBatchBytes))
    );
  }

  /** The producer id of the batches to come; a lane that has one keeps it. */
  get identity(): ProducerId | undefined {
    return this.#identity;
  }

  /** Starts a new sequence under a new producer id. */
  adopt(identity: ProducerId): void {
    this.#identity = identity;
    this.#nextSequence = 0;
  }

  /** Gives up the producer id; the next batch needs another. */
  forgetIdentity(): void {
    this.#identity = undefined;
  }

  /**
   * Makes the next batch from the front of the queue, if there is none. A record that alone is larger than the topic
   * takes goes compressed, by itself; one that is too large even so is settled here.
   */
  async prepare(topic: Topic, limits: BatchLimits): Promise<Batch | undefined> {
    if (topic.maxMessageBytes !== this.#refused.limit) this.#refused = nothingRefused(topic);
    const limit = Math.min(topic.maxMessageBytes, this.#refused.recordBytes);
    while (!this.batch && this.#identity) {
      const records = this.#take(Math.min(limits.maxBatchBytes, limit, this.#refused.batchBytes));
      if (records.length === 0) return undefined;
      const now = Date.now();
      for (const pending of records) fitTime(pending, topic, now);
      const { bytes, release } = await this.#encode(records, limit, limits);
      if (bytes.length > limit) {
        for (const record of records) record.settle({ kind: 'too-large', size: bytes.length, limit });
        release();
        continue;
      }
      this.batch = { records, bytes, release, baseSequence: this.#nextSequence, mayBeWritten: false };
    }
    return this.batch;
  }

  /** Records of the batch, when an earlier attempt may have written it and the broker need not have known it again. */
  get recordsPerhapsTwice(): number {
    if (!this.batch?.mayBeWritten) return 0;
    const { records } = this.batch;
    const newest = records.reduce((time, { timestamp }) => Math.max(time, timestamp), 0);
    return Date.now() - newest >= PRODUCER_REMEMBERED_MS ? records.length : 0;
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
   * The broker says the batch is too large: the topic's limit was lowered, or could not be read. Several records are
   * tried in smaller batches; one alone more compressed, and is settled as too large if that does not help.
   */
  tooLarge(): void {
    const batch = this.batch;
    if (!batch) return;
    if (batch.records.length > 1) this.#refused.batchBytes = Math.floor(batch.bytes.length / 2);
    else this.#refused.recordBytes = batch.bytes.length - 1;
    this.dissolve();
  }

  /**
   * The topic refuses the times of the records at these places of the batch (all, when the broker does not say which):
   * they give way to the times of arrival, and where that was tried already, the record is settled as refused.
   */
  timesRefused(culprits: readonly number[], reason: string): void {
    for (const [index, pending] of (this.batch?.records ?? []).entries()) {
      if (culprits.length > 0 && !culprits.includes(index)) continue;
      const { arrivedAt } = pending.record;
      if (pending.timestamp === arrivedAt) pending.withdrawAs({ kind: 'refused', reason });
      pending.timestamp = arrivedAt;
    }
    this.dissolve();
  }

  /**
   * The topic will never take the records at these places of the batch; the others are sent again without them. `reason` is
   * Kafka's name for why. Where the broker does not say which, all are meant; but it says so, too, of a batch in whose
   * head a byte has changed on the way, which the checksum does not cover (base offset, length, attributes). So that is
   * believed when it is said twice in a row: false is "not yet, send it again".
   */
  refused(culprits: readonly number[], reason: string): boolean {
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

  /** The batch is not in the topic: its records go back to the front, free to be batched another way. */
  dissolve(): void {
    const batch = this.#endBatch();
    if (batch) this.queue.putBack(batch.records.filter(({ withdrawn }) => !withdrawn));
  }

  /** Takes out all; what may have been written went with the partition. */
  empty(): PendingRecord[] {
    this.dissolve();
    return this.queue.drain();
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
      const next = this.queue.peek();
      if (!next || records.length === MAX_BATCH_RECORDS) break;
      if (records.length > 0 && size + next.size > maxBytes) break;
      this.queue.shift();
      next.batched = true;
      records.push(next);
      size += next.size;
    }
    return records;
  }

  async #encode(
    records: readonly PendingRecord[],
    limit: number,
    { codec, pool }: BatchLimits,
  ): Promise<EncodedBatch> {
    const identity = this.#identity ?? { id: -1n, epoch: -1 };
    const sequence = {
      producerId: identity.id,
      producerEpoch: identity.epoch,
      baseSequence: this.#nextSequence,
    };
    const batch = await encodeBatch(records, sequence, codec, pool);
    if (batch.bytes.length <= limit || codec === codecs.gzip) return batch;
    batch.release();
    // gzip: every consumer can read it without a further library, and nothing but zstd makes smaller.
    return encodeBatch(records, sequence, codecs.gzip, pool);
  }
}

function nothingRefused({ maxMessageBytes }: Pick<Topic, 'maxMessageBytes'>) {
  return {
    limit: maxMessageBytes,
    batchBytes: Number.MAX_SAFE_INTEGER,
    recordBytes: Number.MAX_SAFE_INTEGER,
  };
}

/** A time that the topic would refuse gives way to the time of arrival (contract section 3). */
function fitTime(pending: PendingRecord, topic: Topic, now: number): void {
  const { timestamp } = pending;
  const acceptable =
    timestamp >= 0 && timestamp - now <= topic.maxAheadMs && now - timestamp <= topic.maxBehindMs;
  if (!acceptable) pending.timestamp = pending.record.arrivedAt;
}
