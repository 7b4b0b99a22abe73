/**
 * A connection whose requests are simple: it reads one after the other, without Node's HTTP server. At the first request
 * that is not simple, Node's HTTP server gets the connection, with all bytes from that request on, and keeps it.
 */
import type { Socket } from 'node:net';
import { refusal, type Refusal } from '../../errors.ts';
import type { ServedPath } from '../paths.ts';
import type { AnswerHeads } from './answer-head.ts';
import { HEAD_END, HeadReader } from './simple-head.ts';
import { SimpleRequest } from './simple-request.ts';
import { SimpleResponse } from './simple-response.ts';

/** What becomes of the requests. */
export interface SimpleHandler {
  /** The path of a URL to which events are posted; undefined for any other URL. */
  pathOf(url: string): ServedPath | undefined;
  /** Handles a request whose body arrives from now on. */
  handle(request: SimpleRequest, response: SimpleResponse, path: ServedPath): void;
  /** Refuses the request that arrives, or that has not arrived in time, and closes the connection. */
  refuse(reason: Refusal, socket: Socket): void;
}

/** What a connection needs of its surroundings. */
export interface SimpleContext {
  readonly handler: SimpleHandler;
  /** Most bytes of a head. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly answerHeads: AnswerHeads;
  /** Node's HTTP server gets the connection. Its bytes are in the socket, which is paused. */
  readonly handOver: (connection: SimpleConnection) => void;
}

const HEAD_END_LINES = '\r\n'.length;

const ENDS_EARLY = refusal('bad_request', 'The request ends before its body does');

export class SimpleConnection {
  readonly socket: Socket;
  readonly #context: SimpleContext;
  readonly #heads: HeadReader;
  /** The request whose body arrives, or that is not answered. */
  #request: SimpleRequest | undefined;
  #response: SimpleResponse | undefined;
  /** When the request began, or the wait for one: milliseconds of `performance.now()`. */
  since = performance.now();
  /** True from the first request on. */
  isUsed = false;
  /** The client sends no more. */
  #isHalfClosed = false;
  /** No further request is read: the connection closes. */
  #isClosing = false;
  /** The client has sent more after the body of the request. The socket has these bytes, and is paused. */
  #hasMore = false;
  readonly #onData = (bytes: Buffer): void => this.#receive(bytes);
  readonly #onEnd = (): void => this.#halfClose();
  readonly #onClose = (): void => this.#closed();

  constructor(socket: Socket, context: SimpleContext) {
    this.socket = socket;
    this.#context = context;
    this.#heads = new HeadReader(context.maxHeaders);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', ignore);
  }

  /**
   * What the connection does: it waits for a request, receives its body, or answers. The rest of a body that is answered
   * belongs to the wait: a second answer would be taken for that of the next request.
   */
  get state(): 'waiting' | 'receiving' | 'answering' | 'closing' {
    if (this.#isClosing) return 'closing';
    if (!this.#response) return 'waiting';
    return this.#request?.complete === true ? 'answering' : 'receiving';
  }

  /** Refuses the request that arrives, or has not arrived in time, and closes the connection. */
  refuse(reason: Refusal): void {
    this.#isClosing = true;
    this.#context.handler.refuse(reason, this.socket);
    // A client that writes everything before it reads must be able to.
    this.socket.resume();
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosing) return;
    const request = this.#request;
    if (!request) this.#begin(bytes);
    else if (request.left === 0) this.#putBack(bytes);
    else if (bytes.length <= request.left) this.#arrive(request, bytes);
    else {
      const end = request.left;
      // A copy: the reader of the body may free the memory of these bytes.
      this.#putBack(Buffer.from(bytes.subarray(end)));
      this.#arrive(request, bytes.subarray(0, end));
    }
  }

  #begin(bytes: Buffer): void {
    const { handler, maxHeaderBytes, answerHeads } = this.#context;
    const headEnd = bytes.indexOf(HEAD_END);
    const start = headEnd + HEAD_END.length;
    const head =
      headEnd === -1 || start > maxHeaderBytes
        ? undefined
        : this.#heads.read(bytes.toString('latin1', 0, start - HEAD_END_LINES));
    const path = head && handler.pathOf(head.url);
    // A client that does not wait for its answers gets Node's HTTP server, which handles several requests at a time.
    if (!path || bytes.length > start + head.contentLength) {
      this.#putBack(bytes);
      this.#handOver();
      return;
    }
    const request = new SimpleRequest(head, this.socket);
    const response = new SimpleResponse(this.socket, answerHeads, () => this.#sent());
    this.#request = request;
    this.#response = response;
    this.isUsed = true;
    this.since = performance.now();
    handler.handle(request, response, path);
    if (bytes.length > start) this.#receive(bytes.subarray(start));
  }

  #arrive(request: SimpleRequest, bytes: Buffer): void {
    request.arrive(bytes);
    if (this.#response) return;
    this.since = performance.now();
    if (request.complete) this.#next();
  }

  /** The client sends its next request before it has the answer. Node's HTTP server gets it after that. */
  #putBack(bytes: Buffer): void {
    this.#hasMore = true;
    this.socket.pause();
    this.socket.unshift(bytes);
  }

  /** The answer is sent. The body of its request may still arrive. */
  #sent(): void {
    const response = this.#response;
    if (!response) return;
    this.#response = undefined;
    response.closed();
    if (!response.shouldKeepAlive || this.#isHalfClosed) {
      this.#isClosing = true;
      this.socket.destroySoon();
      return;
    }
    this.since = performance.now();
    if (this.#request?.complete === true) this.#next();
  }

  #next(): void {
    // The answer to a body's last bytes may be sent before they have been dealt with.
    if (!this.#request || this.#isClosing) return;
    this.#request = undefined;
    if (this.#hasMore) this.#handOver();
    // The reader of the body may have paused at its last piece.
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** The socket is paused, and has all bytes from the next request on. */
  #handOver(): void {
    const { socket } = this;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    this.#context.handOver(this);
  }

  #halfClose(): void {
    this.#isHalfClosed = true;
    const { state } = this;
    if (state === 'waiting') this.socket.end();
    else if (state === 'receiving') this.refuse(ENDS_EARLY);
  }

  #closed(): void {
    const [request, response] = [this.#request, this.#response];
    this.#request = undefined;
    this.#response = undefined;
    request?.gone();
    if (!response) return;
    response.destroyed = true;
    response.closed();
  }
}

function ignore(): void {
  // The event `close` follows.
}
