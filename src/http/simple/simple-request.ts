/** A simple request, with what the HTTP code uses of Node's `IncomingMessage`. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpRequest } from '../exchange.ts';
import type { SimpleHead } from './simple-head.ts';

/** Nearly all bodies are read as they arrive, and need no list. */
const NONE: Buffer[] = [];

type Event = 'data' | 'end' | 'close';

/** A listener of any of the events. */
type Listener = (() => void) & ((piece: Buffer) => void);

export class SimpleRequest implements HttpRequest {
  readonly method = 'POST';
  readonly httpVersion = '1.1';
  readonly ownsPieces = true;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** True once all bytes of the body have arrived. */
  complete = false;
  /** Bytes of the body that have not arrived yet. */
  left: number;
  /** One listener for each event: lists of them, as Node has, would cost time for each event. */
  #data: Listener | undefined;
  #end: Listener | undefined;
  #close: Listener | undefined;
  /** Pieces that no one has read yet, in order. */
  #held: Buffer[] = NONE;
  #isRead = false;
  #isPaused = false;

  constructor({ url, headers, contentLength }: SimpleHead, socket: Socket) {
    this.url = url;
    this.headers = headers;
    this.socket = socket;
    this.left = contentLength;
  }

  on(event: 'data', listener: (piece: Buffer) => void): this;
  on(event: 'end' | 'close', listener: () => void): this;
  /** @throws {Error} if the event has a listener. */
  on(event: Event, listener: Listener): this {
    if (event === 'data') {
      this.#data = only(this.#data, listener);
      if (!this.#isPaused) this.resume();
    } else if (event === 'end') this.#end = only(this.#end, listener);
    else this.#close = only(this.#close, listener);
    return this;
  }

  /** The end and the close occur once. */
  once(event: 'end' | 'close', listener: () => void): this {
    return this.on(event, listener);
  }

  off(event: 'data', listener: (piece: Buffer) => void): this;
  off(event: 'end' | 'close', listener: () => void): this;
  off(event: Event, listener: Listener): this {
    if (event === 'data' && this.#data === listener) this.#data = undefined;
    else if (event === 'end' && this.#end === listener) this.#end = undefined;
    else if (event === 'close' && this.#close === listener) this.#close = undefined;
    return this;
  }

  pause(): this {
    this.#isPaused = true;
    this.#isRead = false;
    this.socket.pause();
    return this;
  }

  /** The body is read from now on: by the listeners of `data`, or by none. */
  resume(): this {
    const wasPaused = this.#isPaused;
    this.#isPaused = false;
    this.#isRead = true;
    // Not at once: the caller may add further listeners.
    if (this.#held !== NONE || this.complete) process.nextTick(() => this.#flush());
    else if (wasPaused) this.socket.resume();
    return this;
  }

  isPaused(): boolean {
    return this.#isPaused;
  }

  /** The next bytes of the body, at most as many as are left. */
  arrive(piece: Buffer): void {
    this.left -= piece.length;
    this.complete = this.left === 0;
    if (!this.#isRead || this.#held !== NONE) {
      this.#hold(piece);
      return;
    }
    this.#data?.(piece);
    if (this.complete) this.#finish();
  }

  /** The connection is closed. */
  gone(): void {
    this.#held = NONE;
    this.#end = undefined;
    this.#close?.();
  }

  #hold(piece: Buffer): void {
    if (this.#held === NONE) this.#held = [];
    this.#held.push(piece);
    // The rest stays with the kernel, and with the client.
    if (!this.complete) this.socket.pause();
  }

  #flush(): void {
    // A body without its pieces would be another body.
    if (this.socket.destroyed) return;
    while (this.#isRead) {
      const piece = this.#held.shift();
      if (!piece) {
        this.#held = NONE;
        if (this.complete) this.#finish();
        else this.socket.resume();
        return;
      }
      this.#data?.(piece);
    }
  }

  #finish(): void {
    if (!this.#isRead) return;
    const end = this.#end;
    this.#end = undefined;
    end?.();
  }
}

function only(listener: Listener | undefined, added: Listener): Listener {
  if (listener) throw new Error('the event has a listener already');
  return added;
}
