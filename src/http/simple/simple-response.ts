/** The answer to a simple request, with what the HTTP code uses of Node's `ServerResponse`. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpResponse } from '../exchange.ts';

/** RFC 9110 §5.5: characters that a header may have. Another one could end it, and begin a header of its own. */
const HEADER_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

export class SimpleResponse implements HttpResponse {
  statusCode = 200;
  headersSent = false;
  shouldKeepAlive = true;
  /** True once the connection is closed. */
  destroyed = false;
  readonly #socket: Socket;
  readonly #keepAlive: string;
  readonly #sent: () => void;
  #head = '';
  readonly #closeListeners: (() => void)[] = [];

  /** `keepAlive` are the lines that keep the connection open. `sent` hears that the kernel has taken the whole answer. */
  constructor(socket: Socket, keepAlive: string, sent: () => void) {
    this.#socket = socket;
    this.#keepAlive = keepAlive;
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
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    for (let index = 0; index + 1 < lines.length; index += 2) {
      const [name = '', value = ''] = [lines[index], lines[index + 1]];
      if (!HEADER_TEXT.test(value))
        throw new TypeError(`the header ${name} has a character that no header may have`);
      head += `${name}: ${value}\r\n`;
    }
    this.#head = `${head}Date: ${httpDate()}\r\n${this.shouldKeepAlive ? this.#keepAlive : CLOSE}\r\n`;
    this.statusCode = status;
    this.headersSent = true;
  }

  writeContinue(): void {
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  }

  write(body: string): void {
    const head = this.#head;
    this.#head = '';
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

const CLOSE = 'Connection: close\r\n';

const SECOND_MS = 1000;

let second = 0;
let date = '';

/** The time as a header has it (RFC 9110 §5.6.7), made once a second. */
function httpDate(): string {
  const now = Math.floor(Date.now() / SECOND_MS);
  if (now !== second) {
    second = now;
    date = new Date(now * SECOND_MS).toUTCString();
  }
  return date;
}
