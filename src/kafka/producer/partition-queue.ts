/**
 * The records that wait for one partition. At most one batch is in flight at any time. The batch keeps its bytes,
 * producer id and sequence through every retry: this makes writing idempotent and keeps the order.
 */
import { backoff } from '../../support/backoff.ts';
import type { ProducerId } from '../cluster/brokers.ts';
import type { Topic } from '../cluster/cluster.ts';
import { MAX_BACKOFF_MS } from '../cluster/cluster-watch.ts';
import type { ErrorCode } from '../error-code.ts';
import { BATCH_HEADER_SIZE, type EncodedBatch } from '../wire/record-batch.ts';
import { Batch, encodeRecords, type BatchContent, type BatchMaking, type TopicSharing } from './batch.ts';
import { CodecTrial } from './codec-trial.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';
import type { NeverTaken } from './port.ts';
import { RecordTimes, type TimesRefusal } from './record-times.ts';
import { RefusedSizes } from './refused-sizes.ts';

/** The largest sequence number. The next one is 0. */
const MAX_SEQUENCE = 0x7fffffff;

/** Most records of a batch. The limit exists because a record in a batch can no longer be withdrawn. */
const MAX_BATCH_RECORDS = 10_000;

/** Kafka's values for a batch without a producer id. */
const NO_IDENTITY: ProducerId = { id: -1n, epoch: -1 };

export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Records that are not in a batch yet. */
  readonly waiting = new PendingQueue();
  /** The batch made from waiting records, not yet settled. */
  batch: Batch | undefined;
  /** A request with the batch is being made or is in flight. */
  busy = false;
  /** Which times the leader takes. */
  readonly times = new RecordTimes();
  /** No attempt before this time, on the monotonic clock. */
  retryAt = 0;
  /** How many attempts in a row have failed. */
  failures = 0;
  /** Records of a batch that is being compressed. */
  #encoding: readonly PendingRecord[] = [];
  readonly #refusedSizes = new RefusedSizes();
  /** How often in a row a broker has answered that it will never take a batch, and has named no record. */
  #refusals = 0;
  /** Most records of the next batch. It shrinks to find refused records that the broker does not name. */
  #mostRecords = MAX_BATCH_RECORDS;
  readonly #codecTrial: CodecTrial;
  readonly #sharing: TopicSharing;
  #identity: ProducerId | undefined;
  /** The last producer id that the queue has lost. */
  #lostId: bigint | undefined;
  #nextSequence = 0;
  #closed = false;

  constructor(topic: string, partition: number, sharing: TopicSharing) {
    this.topic = topic;
    this.partition = partition;
    this.#sharing = sharing;
    this.#codecTrial = new CodecTrial(sharing.codecs);
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
      this.batch?.size ??
      Math.max(this.waiting.peek()?.size ?? 0, Math.min(this.waiting.bytes, maxBatchBytes))
    );
  }

  /** The producer id of the next batches. A queue keeps its id until it loses it. */
  get identity(): ProducerId | undefined {
    return this.#identity;
  }

  /** What was too large may fit now: an operator has raised a limit that the proxy may not read. */
  forgetRefused(): void {
    this.#refusedSizes.forget();
  }

  /** Starts a new sequence under a new producer id. */
  adopt(identity: ProducerId): void {
    this.#identity = identity;
    this.#nextSequence = 0;
  }

  /** The broker no longer knows the producer or its sequence: the next batch needs another id. */
  loseIdentity(): void {
    this.#leaveIdentity();
    this.dissolve();
  }

  /** Had the queue this producer id, and lost it? Then brokers may know its sequences by other batches. */
  hasLost({ id }: ProducerId): boolean {
    return id === this.#lostId;
  }

  /**
   * Makes the next batch from the front of the queue, if there is no batch yet. A record that alone is larger than
   * the topic allows goes alone and compressed. If it is still too large, it is settled here. A promise only if a codec
   * needs one.
   */
  prepare(topic: Topic, making: BatchMaking): Batch | undefined | Promise<Batch | undefined> {
    const limit = this.#refusedSizes.limitOf(topic, making.monotonic.now());
    if (this.batch?.isOutdated) return this.#prepareAgain(this.batch, topic, limit, making);
    while (!this.batch && this.#identity) {
      const maxBytes = this.#refusedSizes.batchLimit(Math.min(making.maxBatchBytes, limit));
      const records = this.waiting.take(maxBytes - BATCH_HEADER_SIZE, this.#mostRecords);
      if (records.length === 0) return undefined;
      const content = this.#contentOf(records, limit);
      this.#encoding = records;
      const encoded = this.#encode(content, topic, limit, making);
      if (encoded instanceof Promise) return this.#prepareLater(encoded, content, topic, limit, making);
      this.#adoptBatch(encoded, content, limit);
    }
    return this.batch;
  }

  async #prepareLater(
    encoding: Promise<EncodedBatch>,
    content: BatchContent,
    topic: Topic,
    limit: number,
    making: BatchMaking,
  ): Promise<Batch | undefined> {
    this.#adoptBatch(await encoding, content, limit);
    return this.prepare(topic, making);
  }

  /** Takes the encoded records for the next batch, if the topic takes it. */
  #adoptBatch(encoded: EncodedBatch, content: BatchContent, limit: number): void {
    this.#encoding = [];
    const size = encoded.size;
    // The queue was closed meanwhile, and has settled the records.
    if (!this.#closed && size <= limit) {
      this.batch = new Batch(encoded, content);
      return;
    }
    encoded.release();
    if (this.#closed) return;
    for (const record of content.records) this.#settle(record, { kind: 'too-large', size, limit });
  }

  /**
   * The batch goes out. It counts here and not at the answer, as the process may be killed before that: each attempt may
   * write it once more if the broker no longer recognises it.
   */
  sent(): void {
    const { batch } = this;
    if (!batch) return;
    const { now, perhapsTwice } = this.#sharing;
    if (batch.mayBeWritten && batch.isForgotten(now())) perhapsTwice(batch.records.length);
    for (const record of batch.records) record.send();
  }

  /** The batch is in the topic, from this offset on; -1 if that is not known. */
  written(baseOffset: number): void {
    const batch = this.#endBatch();
    if (!batch) return;
    this.failures = 0;
    this.#refusals = 0;
    this.#mostRecords = Math.min(MAX_BATCH_RECORDS, this.#mostRecords * 2);
    this.#codecTrial.written(batch.codec);
    this.#nextSequence = (batch.baseSequence + batch.records.length) % (MAX_SEQUENCE + 1);
    const { partition } = this;
    let offset = baseOffset;
    for (const record of batch.records) {
      record.settle({ kind: 'written', partition, offset });
      if (offset >= 0) offset += 1;
    }
  }

  /**
   * The topic does not take the batch as it is. Its records go again in another form, or are settled. Returns false if
   * the batch needs a pause: the answer is not believed yet, or no other form is left.
   */
  refused(code: ErrorCode, refusal: TimesRefusal, topic: Topic, making: BatchMaking): boolean {
    const { meaning, name } = code;
    if (meaning === 'timestamp') {
      const isTaken = this.times.refused(this.batch?.records ?? [], refusal, topic, making);
      this.#again();
      return isTaken;
    }
    if (meaning === 'compression') return this.#codecRefused(name);
    if (meaning === 'too-large') this.#tooLarge(making.monotonic.now());
    else return this.#recordsRefused(refusal.culprits, name);
    return true;
  }

  /**
   * The topic's limit was lowered, or could not be read. Several records go again in smaller batches. A single record
   * goes again with stronger compression, and is settled as too large if that does not help.
   */
  #tooLarge(now: number): void {
    const { batch } = this;
    if (!batch) return;
    this.#refusedSizes.refused(batch.size, batch.records.length, now);
    this.dissolve();
  }

  /** The broker does not take the codec of the batch. A plain batch has no other form. */
  #codecRefused(reason: string): boolean {
    const { batch } = this;
    if (!batch?.codec) return false;
    this.#sharing.codecs.refuse(batch.codec, reason);
    this.#again();
    return true;
  }

  /**
   * The topic will never take the refused records. The others go again without them. If the broker names no record:
   *
   * - It also refuses the whole batch when a byte of its header has changed in transit. The checksum does not cover base
   *   offset, length, leader epoch and magic. So a refusal is believed when it comes twice in a row.
   * - The codec may be the reason. So the batch goes with a lighter one.
   * - The other records may be good. So smaller batches find the refused ones.
   */
  #recordsRefused(culprits: readonly number[], reason: string): boolean {
    const { batch } = this;
    if (!batch) return false;
    const { records } = batch;
    if (culprits.length === 0) {
      this.#refusals += 1;
      if (this.#refusals === 1) return false;
      if (this.#codecTrial.refused(batch, reason)) {
        this.#again();
        return true;
      }
      if (records.length > 1) {
        this.#mostRecords = Math.floor(records.length / 2);
        this.dissolve();
        return true;
      }
    }
    const refused = new Set(culprits);
    for (const [index, pending] of records.entries()) {
      if (culprits.length > 0 && !refused.has(index)) continue;
      this.#settle(pending, { kind: 'refused', reason });
      pending.withdrawn = true;
    }
    // The leader has decided: nothing fails any more.
    this.failures = 0;
    this.dissolve();
    return true;
  }

  #settle(pending: PendingRecord, outcome: NeverTaken): void {
    pending.settle(outcome);
    this.#sharing.refused(outcome);
  }

  /** The records go again in another form: as the same batch if it may be in the topic, else with newer records. */
  #again(): void {
    if (this.batch?.mayBeWritten) this.batch.isOutdated = true;
    else this.dissolve();
  }

  /**
   * An attempt to send the batch has failed. A batch that may be in the topic stays unchanged, so that the broker
   * recognises it. Any other batch dissolves: its records can be withdrawn again, and go together with newer records.
   * `unreadable` is the name of a failure. The codec may be its reason.
   */
  failed(mayBeWritten: boolean, unreadable?: string): void {
    if (!this.batch) return;
    this.batch.mayBeWritten ||= mayBeWritten;
    const isOtherCodec = this.#codecTrial.failed(this.batch, unreadable);
    if (!this.batch.mayBeWritten) this.dissolve();
    else if (isOtherCodec) this.#again();
  }

  /**
   * The batch may be too large for a request to the broker. Its records go again in smaller batches.
   */
  split(): void {
    const { batch } = this;
    if (!batch || batch.records.length === 1) return;
    this.#refusedSizes.halve(batch.size);
    this.dissolve();
  }

  /** Waits before the next attempt, longer after each failure. `now` is on the monotonic clock. */
  delay(now: number, firstMs: number): void {
    this.failures += 1;
    this.retryAt = now + backoff(this.failures, firstMs, MAX_BACKOFF_MS);
  }

  /**
   * The records of the batch return to the front of the queue, for other batches. If the batch may be in the topic, these
   * need another producer id: the broker would take a batch with the same sequence for the one that it has, acknowledge
   * it and not write it.
   */
  dissolve(): void {
    const batch = this.#endBatch();
    if (batch?.mayBeWritten) {
      this.#leaveIdentity();
      this.#sharing.perhapsTwice(batch.records.length);
    }
    if (batch) this.waiting.putBack(batch.records.filter(({ withdrawn }) => !withdrawn));
  }

  #leaveIdentity(): void {
    this.#lostId = this.#identity?.id ?? this.#lostId;
    this.#identity = undefined;
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

  /** The batch's bytes are no longer needed: the broker has them all, or the connection is closed. */
  #endBatch(): Batch | undefined {
    const batch = this.batch;
    this.batch = undefined;
    batch?.release();
    return batch;
  }

  /** Encodes the records of a batch that may be written in another form. */
  async #prepareAgain(
    batch: Batch,
    topic: Topic,
    limit: number,
    making: BatchMaking,
  ): Promise<Batch | undefined> {
    const encoded = await this.#encode(batch, topic, limit, making);
    if (this.#closed || this.batch !== batch) {
      encoded.release();
      return this.batch;
    }
    batch.release();
    this.batch = new Batch(encoded, this.#contentOf(batch.records, limit), batch.mayBeWritten);
    // The topic takes no form of it. As a new batch, its records are settled as too large.
    if (encoded.size > limit) this.dissolve();
    return this.prepare(topic, making);
  }

  #contentOf(records: readonly PendingRecord[], limit: number): BatchContent {
    let size = BATCH_HEADER_SIZE;
    for (const record of records) size += record.size;
    const { topic, partition } = this;
    return { topic, partition, records, baseSequence: this.#nextSequence, fitsPlain: size <= limit };
  }

  #encode(
    { records, baseSequence }: BatchContent,
    topic: Topic,
    limit: number,
    making: BatchMaking,
  ): EncodedBatch | Promise<EncodedBatch> {
    const { id: producerId, epoch: producerEpoch } = this.#identity ?? NO_IDENTITY;
    const { avoided } = this.#codecTrial;
    const plan = { producerId, producerEpoch, baseSequence, limit, avoided };
    this.times.stamp(records, topic, making);
    try {
      const encoded = encodeRecords(records, plan, this.#sharing.codecs, making.pool);
      return encoded instanceof Promise
        ? encoded.catch((error: unknown) => this.#giveUp(records, error))
        : encoded;
    } catch (error) {
      return this.#giveUp(records, error);
    }
  }

  /** A codec has failed. Records that are not in a batch yet return to the front of the queue. */
  #giveUp(records: readonly PendingRecord[], error: unknown): never {
    if (!this.#closed && this.#encoding === records) this.waiting.putBack(records);
    this.#encoding = [];
    throw error;
  }
}
