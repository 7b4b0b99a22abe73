/** What other parts see of tracing: they tell it of requests, of events on their way to Kafka, and of those of the spool. */

/** A request, as its span describes it. */
export interface TracedRequest {
  readonly method: string;
  /** The path of the table that it fits; undefined for another one. */
  readonly route: string | undefined;
  /** Without the query, which may hold a secret. */
  readonly path: string;
  readonly scheme: 'http' | 'https';
  readonly httpVersion: string;
  readonly userAgent: string | undefined;
  readonly requestId: string;
  /** The header as it arrived. */
  readonly traceparent: string | undefined;
}

/** What has become of a record. */
export type SendOutcome =
  | { readonly kind: 'acknowledged'; readonly partition: number; readonly offset: number }
  | { readonly kind: 'spooled' }
  /** It is not kept. The reason names no address. */
  | { readonly kind: 'failed'; readonly reason: string };

/** The delivery of one record. */
export interface SendTrace {
  /** For the record, so that the span of a consumer joins the trace. */
  readonly traceparent: string;
  end(outcome: SendOutcome): void;
}

/** One request. */
export interface RequestTrace {
  /** A record of so many bytes is on its way to this topic. */
  send(topic: string, bytes: number): SendTrace;
  /** The request is answered, or its client is gone. */
  end(status: number): void;
}

/** A record of the spool that Kafka has acknowledged. */
export interface DrainedRecord {
  readonly topic: string;
  readonly bytes: number;
  /** The header `traceparent` of the record. */
  readonly traceparent: string | undefined;
  /** Milliseconds that Kafka took. */
  readonly tookMs: number;
  readonly partition: number;
  readonly offset: number;
}

export interface Tracing {
  request(request: TracedRequest): RequestTrace;
  /** The sender had its answer long ago: the span of the delivery has a link to its trace. */
  drained(record: DrainedRecord): void;
  /** Sends what is left to the exporter, for `timeoutMs` milliseconds at most. Never rejects. */
  close(timeoutMs: number): Promise<void>;
}
