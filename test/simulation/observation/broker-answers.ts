/** What a process has heard of the brokers about the batches that it sent. */

export interface HeardAnswer {
  /** On the monotonic clock. */
  readonly at: number;
  readonly topic: string;
  readonly partition: number;
  /** Undefined: the connection broke, or no answer came in time. */
  readonly errorCode: number | undefined;
  readonly records: number;
  readonly bytes: number;
}

/** NONE, and DUPLICATE_SEQUENCE_NUMBER. */
export function isWritten({ errorCode }: HeardAnswer): boolean {
  return errorCode === 0 || errorCode === 46;
}
