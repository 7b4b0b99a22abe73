import { connect, type Socket } from 'node:net';

/** A request, by its number, and the time at which it should begin. */
export interface Intent {
  readonly number: number;
  readonly at: number;
}

/** A connection that has one request at most. */
export class Connection {
  readonly #socket: Socket;
  readonly #done: (connection: Connection, status: number, intent: Intent | undefined) => void;
  #intent: Intent | undefined;
  #answer = '';

  /**
   * Calls `opened` once. Calls `done` with the status of each answer, and with 0 when the connection breaks, with its
   * request if it had one.
   */
  constructor(
    url: URL,
    opened: (connection: Connection) => void,
    done: (connection: Connection, status: number, intent: Intent | undefined) => void,
  ) {
    this.#done = done;
    this.#socket = connect(Number(url.port), url.hostname).setNoDelay(true);
    this.#socket.on('connect', () => opened(this));
    this.#socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    // `close` follows.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#ends(0));
  }

  send(intent: Intent, request: Buffer): void {
    this.#intent = intent;
    this.#socket.write(request);
  }

  #receive(bytes: Buffer): void {
    this.#answer += bytes.toString('latin1');
    const head = this.#answer.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#answer)?.[1] ?? 0);
    if (this.#answer.length < head + 4 + length) return;
    const status = Number(this.#answer.slice(9, 12));
    this.#answer = '';
    this.#ends(status);
  }

  #ends(status: number): void {
    const intent = this.#intent;
    this.#intent = undefined;
    this.#done(this, status, intent);
  }
}
