/** The answer to a simple request, with what the HTTP code uses of Node's `ServerResponse`. */
import type { Socket } from 'node:net';
import type { HttpResponse } from '../exchange.ts';
import type { AnswerHeads } from './answer-head.ts';

/** Headers in whose place Node writes none of its own, or that change what it does with the connection. */
const OBEYED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'expect',
  'keep-alive',
  'trailer',
  'transfer-encoding',
]);

/**
 * True if simple responses may have these headers, names and values in turn. An operator may choose e.g. `Connection: close`
 * for every answer, which Node obeys.
 */
export function mayHave(lines: readonly string[]): boolean {
  return !lines.some((name, index) => index % 2 === 0 && OBEYED.has(name.toLowerCase()));
}

export class SimpleResponse implements HttpResponse {
  statusCode = 200;
  headersSent = false;
  shouldKeepAlive = true;
  /** True once the connection is closed. */
  destroyed = false;
  readonly #socket: Socket;
  readonly #heads: AnswerHeads;
  readonly #sent: () => void;
  #head = '';
  readonly #closeListeners: (() => void)[] = [];

  /** `sent` hears that the kernel has taken the whole answer. */
  constructor(socket: Socket, heads: AnswerHeads, sent: () => void) {
    this.#socket = socket;
    this.#heads = heads;
    this.#sent = sent;
  }

  on(_event: 'close', listener: () => void): this {
    this.#closeListeners.push(listener);
    return this;
  }

  /** The close occurs once. */
  once(event: 'close', listener: () => void): this {
    return this.on(event, listener);
  }

  /** The answer is sent, or the connection is closed. */
  closed(): void {
    for (const listener of this.#closeListeners) listener();
  }

  /**
   * `lines` are names and values in turn, `content-length` among them. Sent with the first bytes of the body.
   * @throws {TypeError} for a character that no header may have.
   */
  writeHead(status: number, lines: readonly string[]): void {
    this.#head = this.#heads.write(status, lines, !this.shouldKeepAlive);
    this.statusCode = status;
    this.headersSent = true;
  }

  writeContinue(): void {
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  }

  write(body: string): void {
    const head = this.#head;
    this.#head = '';
    // The connection was refused meanwhile, e.g. because the body came too slowly.
    if (!this.#socket.writable) return;
    if (body === '') this.#socket.write(head, 'latin1');
    else this.#socket.write(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]));
  }

  /** The last bytes of the body. */
  end(body = ''): void {
    if (this.destroyed) return;
    if (this.#head !== '' || body !== '') this.write(body);
    // Nearly always the kernel takes an answer at once. Then a callback of the stream would only cost time.
    if (this.#socket.writableLength === 0) this.#sent();
    else this.#socket.write('', this.#sent);
  }

  /** Closes the connection. */
  destroy(): void {
    this.#socket.destroy();
  }
}
