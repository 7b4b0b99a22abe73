/** A batch of one partition queue, and what is needed to make it. */
import type { BufferPool, EncodedBatch } from '../wire/record-batch.ts';
import type { PendingRecord } from './pending-record.ts';
import type { NeverTaken } from './port.ts';
import type { Clocks } from './record-times.ts';
import type { TopicCodecs } from './topic-codecs.ts';

export interface Batch extends EncodedBatch {
  readonly records: readonly PendingRecord[];
  readonly baseSequence: number;
  /** Would the records fit into the topic plain? */
  readonly fitsPlain: boolean;
  /** An attempt ended, and no answer says whether the batch was written. */
  mayBeWritten: boolean;
  /**
   * The same records must be encoded again before the next attempt, with other times or another codec. They keep their
   * sequence: by it alone a broker recognises a batch (`ProducerAppendInfo.java`), not by its bytes.
   */
  isOutdated: boolean;
}

/** What the queues of one topic share. */
export interface TopicSharing {
  readonly codecs: TopicCodecs;
  /** Hears of each record that the topic never takes. */
  readonly refused: (outcome: NeverTaken) => void;
  /** Hears how many records may be in the topic twice: the broker no longer recognises a batch that may be written. */
  readonly perhapsTwice: (records: number) => void;
}

/** What is needed to make batches. */
export interface BatchMaking extends Clocks {
  /** Most bytes of a batch, before compression. */
  readonly maxBatchBytes: number;
  readonly pool: BufferPool;
}
