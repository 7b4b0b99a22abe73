/**
 * Finds out whether the codec is the reason why the batches of one partition fail, if the broker does not say so. A
 * batch that has failed often enough goes with a lighter codec, at last plain.
 */
import type { Codec } from '../wire/compression.ts';
import type { TopicCodecs } from './topic-codecs.ts';

/** So many attempts in a row may end without a usable answer, before the codec is suspected. */
const FAILURES = 3;

const NONE: ReadonlySet<Codec> = new Set();

/** What a trial must know of a batch. */
export interface TriedBatch {
  /** The codec of its records; undefined if they are plain. */
  readonly codec: Codec | undefined;
  /** Would the records fit into the topic plain? */
  readonly fitsPlain: boolean;
}

export class CodecTrial {
  /** The next batches do without these codecs, until one is written. */
  avoided: ReadonlySet<Codec> = NONE;
  readonly #codecs: TopicCodecs;
  /** Kafka's name of the failure for which they are avoided. */
  #reason = '';
  /** A batch has failed plain as well, so the codec was not the reason. */
  #isInnocent = false;
  #failures = 0;

  constructor(codecs: TopicCodecs) {
    this.#codecs = codecs;
  }

  /** The broker refuses a batch, and names no record. Returns true if it is to go with a lighter codec. */
  refused(batch: TriedBatch, reason: string): boolean {
    if (!this.#isInnocent && this.#avoid(batch, reason)) return true;
    this.#isInnocent = true;
    this.avoided = NONE;
    return false;
  }

  /**
   * An attempt has failed. `unreadable` is the name of the failure, if a broker without the codec's library fails like
   * this. Returns true if the batch is to go with another codec.
   */
  failed(batch: TriedBatch, unreadable: string | undefined): boolean {
    this.#failures = unreadable === undefined ? 0 : this.#failures + 1;
    if (unreadable === undefined || this.#failures < FAILURES) return false;
    if (this.#avoid(batch, unreadable)) return true;
    // It fails plain as well.
    const wasTrial = this.avoided.size > 0;
    this.avoided = NONE;
    this.#failures = 0;
    return wasTrial;
  }

  /** A batch with this codec is in the topic. */
  written(codec: Codec | undefined): void {
    for (const avoided of this.avoided) this.#codecs.suspect(avoided, this.#reason);
    if (codec) this.#codecs.written(codec);
    this.avoided = NONE;
    this.#isInnocent = false;
    this.#failures = 0;
  }

  #avoid({ codec, fitsPlain }: TriedBatch, reason: string): boolean {
    if (!codec || !fitsPlain) return false;
    this.avoided = new Set([...this.avoided, codec]);
    this.#reason = reason;
    return true;
  }
}
