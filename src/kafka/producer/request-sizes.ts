/**
 * How large a produce request to each broker may be, and which batches go into it. A broker closes the connection of a request that is too large for
 * it, without an answer: `socket.request.max.bytes`, 100 MiB by default. Azure Event Hubs takes 1 MiB.
 */
import type { Clock } from '../../support/time.ts';
import { RETRIAL_MS } from '../error-code.ts';
import type { PartitionQueue } from './partition-queue.ts';

/** Most bytes of a produce request. A broker reads this much at once without delaying other clients for long. */
export const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

/** So many requests in a row must get lost before the size is suspected. */
const LOSSES = 3;

/** Bytes. A request of this size gets lost for another reason. */
const SMALL_BYTES = 64 * 1024;

interface BrokerLimit {
  bytes: number;
  /** Requests in a row that were sent and not answered. */
  losses: number;
  /** When the limit was set, on the monotonic clock. */
  at: number;
}

export class RequestSizes {
  readonly #clock: Clock;
  readonly #limits = new Map<number, BrokerLimit>();

  /** `clock` is monotonic. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Most bytes of the next request to a broker. A single batch may be larger. */
  limitOf(broker: number): number {
    const limit = this.#limits.get(broker);
    if (limit === undefined) return MAX_REQUEST_BYTES;
    if (this.#clock.now() - limit.at >= RETRIAL_MS) limit.bytes = MAX_REQUEST_BYTES;
    return limit.bytes;
  }

  /** A broker has answered, or has not taken the connection: the size of the last request was not the reason. */
  innocent(broker: number): void {
    const limit = this.#limits.get(broker);
    if (limit) limit.losses = 0;
  }

  /**
   * A request was sent, and its connection is lost. Returns true if the request is one batch that may be too large: it is
   * then to be split.
   */
  lost(broker: number, bytes: number, batches: number): boolean {
    const limit = this.#limits.get(broker) ?? { bytes: MAX_REQUEST_BYTES, losses: 0, at: 0 };
    this.#limits.set(broker, limit);
    limit.losses += 1;
    if (limit.losses < LOSSES || bytes < SMALL_BYTES) return false;
    // Until the broker answers, each further loss halves the size again.
    limit.losses = LOSSES - 1;
    limit.bytes = Math.min(limit.bytes, Math.floor(bytes / 2));
    limit.at = this.#clock.now();
    return batches === 1;
  }
}

/** As many queues as fit into one request. Each turn begins with another queue, so that none is always left out. */
export function forOneRequest(
  queues: readonly PartitionQueue[],
  turn: number,
  maxBatchBytes: number,
  maxBytes: number,
): PartitionQueue[] {
  const from = turn % queues.length;
  let bytes = 0;
  return [...queues.slice(from), ...queues.slice(0, from)].filter((queue, index) => {
    bytes += queue.nextBytes(maxBatchBytes);
    return index === 0 || bytes <= maxBytes;
  });
}
