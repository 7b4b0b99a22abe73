/** Sizes of batches that a broker refused as too large although they are within the known limit of the topic. */
import type { Topic } from '../cluster/cluster.ts';
import { RETRIAL_MS } from '../error-code.ts';

/**
 * Milliseconds for which a limit of a single record is believed. It refuses events, and the limit of the broker may have been
 * raised where the proxy cannot read it, as `segment.bytes`. One record is then tried again.
 */
const RECORD_RETRIAL_MS = 10_000;

export class RefusedSizes {
  /** The limit of the topic for which they hold, in bytes. */
  #limit = 0;
  /** When a broker refused a size, on the monotonic clock. */
  #at = Number.POSITIVE_INFINITY;
  /** Most bytes of the next batches, before compression. */
  #batchBytes = Number.MAX_SAFE_INTEGER;
  /** Most bytes of a single record's batch. */
  #recordBytes = Number.MAX_SAFE_INTEGER;
  /** When a broker refused a single record, on the monotonic clock. */
  #recordAt = Number.POSITIVE_INFINITY;

  /** Most bytes that the topic takes now, after compression. `now` is on the monotonic clock. */
  limitOf({ maxMessageBytes }: Topic, now: number): number {
    if (now - this.#at > RETRIAL_MS || maxMessageBytes !== this.#limit) {
      this.#limit = maxMessageBytes;
      this.forget();
    }
    if (now - this.#recordAt > RECORD_RETRIAL_MS) this.#recordBytes = Number.MAX_SAFE_INTEGER;
    return Math.min(maxMessageBytes, this.#recordBytes);
  }

  /** Most bytes of the next batch, if `bytes` is the most otherwise. */
  batchLimit(bytes: number): number {
    return Math.min(bytes, this.#batchBytes);
  }

  /** Forgets them: an operator may have raised a limit that the proxy may not read. */
  forget(): void {
    this.#at = Number.POSITIVE_INFINITY;
    this.#batchBytes = Number.MAX_SAFE_INTEGER;
    this.#recordBytes = Number.MAX_SAFE_INTEGER;
  }

  /** The broker refuses a batch of so many bytes. `now` is on the monotonic clock. */
  refused(bytes: number, records: number, now: number): void {
    this.#at = now;
    if (records > 1) {
      this.halve(bytes);
      return;
    }
    this.#recordBytes = bytes - 1;
    this.#recordAt = now;
  }

  /** The next batches have half of these bytes. */
  halve(bytes: number): void {
    this.#batchBytes = Math.floor(bytes / 2);
  }
}
