/** What the pipeline knows about a request that brings events. The bytes of the events are passed beside it. */
import type { Sender } from '../auth/sender.ts';
import type { Limits } from '../auth/senders.ts';

/** A sender that the authentication has recognised, with its limits. */
export interface KnownSender {
  readonly sender: Sender;
  readonly limits: Limits;
}

export interface Arrival {
  /** ASCII only, safe in a header, a log line and a record. */
  readonly requestId: string;
  /** The path that the events were posted to, e.g. `/api/v1/lineage`. For the log. */
  readonly path: string;
  /** The header `User-Agent`. For the log. */
  readonly client: string | undefined;
  /** The header `traceparent` as it arrived, not yet checked. */
  readonly traceparent: string | undefined;
  /** Undefined if the proxy does not authenticate senders. */
  readonly known?: KnownSender | undefined;
}
