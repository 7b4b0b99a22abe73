/** One request and its answer. The HTTP code passes it from step to step; the pipeline sees it as an arrival. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Arrival, KnownSender } from '../pipeline/arrival.ts';
import type { RequestTrace } from '../tracing/port.ts';

export interface Exchange extends Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path without the query, the root path and a slash at its end, e.g. `/api/v1/lineage`. */
  readonly path: string;
  /** When the head of the request had arrived: milliseconds of `performance.now()`. */
  readonly startedAt: number;
  /** The authentication sets it before the body is read. */
  known: KnownSender | undefined;
  readonly trace: RequestTrace | undefined;
  /** True once the connection is closed. */
  isGone(): boolean;
}
