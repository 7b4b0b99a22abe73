/** What each process sent: every attempt to send a batch, with what it has heard of it. */
import type { BatchContent } from '../cluster/batch-content.ts';
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import { UNCERTAIN_CODES } from '../cluster/broker-codes.ts';

/** By these a broker recognises a batch that comes again. */
export interface BatchName {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

/** One batch in one request. */
export interface Sending extends BatchName {
  /** On the monotonic clock. */
  readonly at: number;
  readonly requestIds: readonly string[];
  readonly bytes: number;
  /** Is it a day old by the latest time that the process can think it is? A broker may then have forgotten the producer. */
  readonly isOld: boolean;
  /** When the process heard of it: an answer, or that none will come. Undefined while it is in flight. */
  heardAt: number | undefined;
  /** Undefined without an answer. */
  errorCode: number | undefined;
  /** The events that the answer names as the refused ones. */
  culprits: readonly string[];
}

/** `producer.id.expiration.ms`, Kafka's default. */
const REMEMBERED_MS = 24 * 60 * 60 * 1000;

/** `now` is the latest time that the process can think it is, in milliseconds since the epoch. */
export function sendingOf(
  topic: string,
  partition: number,
  { producerId, epoch, firstSequence: sequence, records, size: bytes, maxTimestamp }: BatchContent,
  at: number,
  now: number,
): Sending {
  return {
    ...{ topic, partition, producerId, epoch, sequence, at, bytes },
    requestIds: records.map(({ requestId }) => requestId),
    // Records without a time have -1.
    isOld: now - Math.max(0, maxTimestamp) >= REMEMBERED_MS,
    heardAt: undefined,
    errorCode: undefined,
    culprits: [],
  };
}

export function nameOf({ topic, partition, producerId, epoch, sequence }: BatchName): string {
  return [topic, partition, producerId, epoch, sequence].join(' ');
}

/** Did a broker say that the batch is in the topic? NONE, and DUPLICATE_SEQUENCE_NUMBER. */
export function isAcknowledged({ heardAt, errorCode }: Sending): boolean {
  return heardAt !== undefined && (errorCode === 0 || errorCode === 46);
}

/** May the batch be in the topic, as far as the process can know? */
export function isUncertain({ heardAt, errorCode }: Sending): boolean {
  return heardAt === undefined || errorCode === undefined || UNCERTAIN_CODES.includes(errorCode);
}

/** Has a broker said that it does not take the batch as it is, however often it comes? */
export function isRefusedAsItIs({ heardAt, errorCode }: Sending): boolean {
  if (heardAt === undefined || errorCode === undefined) return false;
  const { meaning } = errorCodeOf(errorCode);
  return meaning !== 'written' && meaning !== 'retry' && meaning !== 'unknown';
}

/** Has a broker said that it never takes a record of the batch, whatever its form? */
export function isNeverTaken({ heardAt, errorCode }: Sending): boolean {
  if (heardAt === undefined || errorCode === undefined) return false;
  const { meaning } = errorCodeOf(errorCode);
  return meaning === 'never' || meaning === 'too-large';
}
