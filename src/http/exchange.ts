/** One request and its answer: what every step between them needs. To the pipeline it is an arrival. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Arrival, KnownSender } from '../pipeline/arrival.ts';

export interface Exchange extends Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `performance.now()` when the head of the request had arrived. */
  readonly startedAt: number;
  /** Set by the authentication, before the body is read. */
  known: KnownSender | undefined;
}
