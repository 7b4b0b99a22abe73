/** A batch of one partition queue, and what is needed to make it. */
import type { PartitionBatch } from '../cluster/brokers.ts';
import type { Codec } from '../wire/compression.ts';
import {
  encodeBatch,
  wholeOf,
  type BatchIdentity,
  type BufferPool,
  type EncodedBatch,
} from '../wire/record-batch.ts';
import type { PendingRecord } from './pending-record.ts';
import type { NeverTaken } from './port.ts';
import type { Clocks } from './record-times.ts';
import type { TopicCodecs } from './topic-codecs.ts';

/**
 * Milliseconds for which a broker knows the producer of a batch after a restart or after it becomes the leader. It is
 * the default of `producer.id.expiration.ms` (KIP-854). Such a broker counts from the times of the batch's records,
 * not from its arrival.
 */
const PRODUCER_REMEMBERED_MS = 24 * 60 * 60 * 1000;

/** What a batch keeps when its records are encoded again. */
export interface BatchContent {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly PendingRecord[];
  readonly baseSequence: number;
  /** Would the records fit into the topic plain? */
  readonly fitsPlain: boolean;
}

export class Batch implements BatchContent, PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly PendingRecord[];
  readonly baseSequence: number;
  readonly fitsPlain: boolean;
  readonly pieces: readonly Buffer[];
  readonly size: number;
  /** The codec of the records; undefined if they are plain. */
  readonly codec: Codec | undefined;
  /** An attempt ended, and no answer says whether the batch was written. */
  mayBeWritten: boolean;
  /**
   * The same records must be encoded again before the next attempt, with other times or another codec. They keep their
   * sequence: by it alone a broker recognises a batch (`ProducerAppendInfo.java`), not by its bytes.
   */
  isOutdated = false;
  readonly #encoded: EncodedBatch;

  constructor(encoded: EncodedBatch, content: BatchContent, mayBeWritten = false) {
    this.topic = content.topic;
    this.partition = content.partition;
    this.records = content.records;
    this.baseSequence = content.baseSequence;
    this.fitsPlain = content.fitsPlain;
    this.pieces = encoded.pieces;
    this.size = encoded.size;
    this.codec = encoded.codec;
    this.mayBeWritten = mayBeWritten;
    this.#encoded = encoded;
  }

  /** May a broker no longer recognise the batch when it comes again? `now` is in milliseconds since the epoch. */
  isForgotten(now: number): boolean {
    const newest = this.records.reduce((time, { timestamp }) => Math.max(time, timestamp), 0);
    return now - newest >= PRODUCER_REMEMBERED_MS;
  }

  get bytes(): Buffer {
    return wholeOf(this.pieces);
  }

  /** Call it once, when the bytes are no longer needed. */
  release(): void {
    this.#encoded.release();
  }
}

/** What is known of a batch before it is encoded. */
export interface BatchPlan extends BatchIdentity {
  /** Most bytes of the batch, after compression. */
  readonly limit: number;
  /** The batch must not use these codecs. */
  readonly avoided: ReadonlySet<Codec>;
}

/**
 * Encodes records, compressed as the topic's batches are. If they are larger than `limit`, with the strongest codec
 * instead, and perhaps still larger. A promise only if a codec needs one.
 */
export function encodeRecords(
  records: readonly PendingRecord[],
  plan: BatchPlan,
  codecs: TopicCodecs,
  pool: BufferPool,
): EncodedBatch | Promise<EncodedBatch> {
  const ordinary = codecs.ordinary(plan.avoided);
  const stronger = (encoded: EncodedBatch) => {
    if (encoded.size <= plan.limit) return encoded;
    const strong = codecs.strong(plan.avoided);
    if (!strong || ordinary === strong) return encoded;
    encoded.release();
    return encodeBatch(records, plan, strong, pool);
  };
  const encoded = encodeBatch(records, plan, ordinary, pool);
  return encoded instanceof Promise ? encoded.then(stronger) : stronger(encoded);
}

/** What the queues of one topic share. */
export interface TopicSharing {
  readonly codecs: TopicCodecs;
  /** Hears of each record that the topic never takes. */
  readonly refused: (outcome: NeverTaken) => void;
  /** Hears how many records may be in the topic twice: the broker no longer recognises a batch that may be written. */
  readonly perhapsTwice: (records: number) => void;
  /** Milliseconds since the epoch, for the age of records as a broker may see it. */
  readonly now: () => number;
}

/** What is needed to make batches. */
export interface BatchMaking extends Clocks {
  /** Most bytes of a batch, before compression. */
  readonly maxBatchBytes: number;
  readonly pool: BufferPool;
}
