/** What the pipeline knows about a request that brings events. The bytes of the events are passed beside it. */
import type { Sender } from '../auth/sender.ts';
import type { Limits } from '../auth/senders.ts';
import type { RequestTrace } from '../tracing/port.ts';
import type { Client } from '../support/turns.ts';
import type { RequestLines } from './line-limit.ts';

/** A sender that the authentication has recognised, with its limits. */
export interface KnownSender {
  readonly sender: Sender;
  readonly limits: Limits;
}

/** How a request came, for the log. A member is undefined if it is not known. The client has chosen the texts. */
export interface Origin {
  readonly method?: string | undefined;
  /** The path as the client wrote it, without the query, which may hold a secret. */
  readonly path?: string | undefined;
  /** The address of the client: the one that a trusted proxy names, or that of the connection. */
  readonly client?: string | undefined;
  /** The same without a port. The log lines of one address have one limit. */
  readonly address?: string | undefined;
  /** The header `User-Agent`. */
  readonly userAgent?: string | undefined;
}

export interface Arrival extends Client {
  /** ASCII only, safe in a header, a log line and a record. */
  readonly requestId: string;
  /** The header `traceparent` as it arrived, not yet checked. */
  readonly traceparent: string | undefined;
  /** The spans of the request; undefined without tracing. */
  readonly trace?: RequestTrace | undefined;
  /** Undefined if the proxy does not authenticate senders. */
  readonly known?: KnownSender | undefined;
  /** When the head of the request had arrived: milliseconds of the monotonic clock. */
  readonly startedAt?: number | undefined;
  /** How the request came. Called only when a log line is written, because it has a cost. */
  origin(): Origin;
  /** For the events of one batch: the log lines that they have had together. */
  readonly lines?: RequestLines | undefined;
}
