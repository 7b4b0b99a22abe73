/** What the pipeline knows of a request that brings events. Their bytes come beside it. */
import type { Sender } from '../auth/sender.ts';
import type { Limits } from '../auth/senders.ts';

/** A sender that the authentication has recognised, and what it may do. */
export interface KnownSender {
  readonly sender: Sender;
  readonly limits: Limits;
}

export interface Arrival {
  /** ASCII, fit for a header, a log line and a record. */
  readonly requestId: string;
  /** Where the events were posted: `/api/v1/lineage`. For the log. */
  readonly path: string;
  /** The name that the client gives itself (`User-Agent`). For the log. */
  readonly client: string | undefined;
  /** The sender's `traceparent`, as it came. */
  readonly traceparent: string | undefined;
  /** Undefined where senders are not authenticated. */
  readonly known?: KnownSender | undefined;
}
