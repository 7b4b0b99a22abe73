/** One request and its answer. The HTTP code passes it from step to step; the pipeline sees it as an arrival. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Arrival, KnownSender } from '../pipeline/arrival.ts';
import type { RequestTrace } from '../tracing/port.ts';

/** What is used of a request that brings events: Node's `IncomingMessage` and the simple request have it. */
export interface HttpRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** True once all bytes of the body have arrived. */
  readonly complete: boolean;
  /** True if nothing else uses the buffers in which the pieces of the body lie. Several requests may share one of Node's. */
  readonly ownsPieces?: true;
  on(event: 'data', listener: (piece: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  once(event: 'end' | 'close', listener: () => void): unknown;
  off(event: 'data', listener: (piece: Buffer) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
}

/** What is used of the answer: Node's `ServerResponse` and the simple response have it. */
export interface HttpResponse {
  statusCode: number;
  shouldKeepAlive: boolean;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  /** The answer is sent, or the connection is closed. */
  on(event: 'close', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  writeContinue(): void;
  /** `lines` are names and values in turn. */
  writeHead(status: number, lines: string[]): unknown;
  write(body: string): unknown;
  end(body?: string): unknown;
  destroy(): unknown;
}

export interface Exchange extends Arrival {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
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
