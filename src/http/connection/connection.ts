/** What the proxy knows of an open connection. */
import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';

/** The state of a connection. */
export interface Connection {
  readonly socket: Socket;
  /** False for the TCP socket beneath TLS: it never has a request in flight. */
  readonly carriesRequests: boolean;
  /** Requests that have begun and are not answered yet. More than one if the client pipelines. */
  inFlight: number;
  /** Those of them that wait until earlier answers are read. Each is a call that begins to handle the request. */
  readonly waiting: (() => void)[];
  /** When the client began to leave an answer unread, in milliseconds of `performance.now()`. 0: it reads. */
  unreadSince: number;
  /** True from the first request on. */
  isUsed: boolean;
  /** When the last request ended, or the connection began: milliseconds of `performance.now()`. */
  idleSince: number;
  /** `socket.bytesRead` when the connection became idle or the drain began. If it grows, a request is arriving. */
  bytesRead: number;
  /** The request that began last, while any request is in flight. */
  latest?: Exchange | undefined;
  /** Set once the client has sent a broken request. Answers it, after all requests before it. */
  answerBroken?: () => void;
  /** Set once an answer with `Connection: close` has been sent. */
  isClosing?: true;
}
