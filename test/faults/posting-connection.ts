import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const CONNECT_MS = 5000;

export interface Answer {
  readonly status: number;
  /** The header `X-Delivery`. */
  readonly delivery: string | undefined;
  /** Status line and headers. */
  readonly head: string;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One keep-alive connection, one event at a time. Not `node:http`: its client needs more CPU time than the proxy, on the same
 * two cores.
 */
export class PostingConnection {
  readonly #socket: Socket;
  readonly #opened: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;
  #ended = false;

  constructor(port: number) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#opened = new Promise((resolve, reject) => {
      socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('cannot connect in time')));
      socket.once('connect', () => {
        socket.setTimeout(0);
        resolve();
      });
      socket.once('close', () => reject(new Error('cannot connect')));
    });
    this.#opened.catch(() => undefined); // post() hands it on.
    socket.on('error', () => undefined); // `close` follows.
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
    socket.on('data', (piece: Buffer) => this.#take(piece));
  }

  /** Whether another event can be posted on it. */
  get usable(): boolean {
    return !this.#ended;
  }

  /** Rejects when the connection breaks before the answer is complete, or when the answer takes longer than `limitMs`. */
  async post(body: Buffer, limitMs: number): Promise<Answer> {
    await this.#opened;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    if (this.#ended) throw new Error('the connection has ended');
    this.#waiting = { resolve, reject };
    const limit = setTimeout(() => this.#socket.destroy(), limitMs);
    this.#socket.cork();
    this.#socket.write(
      `POST /api/v1/lineage HTTP/1.1\r\nHost: faults\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    this.#socket.write(body);
    this.#socket.uncork();
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    this.#received = this.#received.length === 0 ? piece : Buffer.concat([this.#received, piece]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    // The proxy gives the length of each answer to an event. Without one, this must not wait for ever.
    const end = headEnd + HEAD_END.length + Number(length ?? 0);
    if (this.#received.length < end) return;
    this.#received = this.#received.subarray(end);
    if (length === undefined || /\r\nconnection: *close/i.test(head)) this.#socket.end();
    if (!this.#socket.writable) this.#ended = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    const delivery = /\r\nx-delivery: *([^\r]*)/i.exec(head)?.[1];
    waiting?.resolve({ status, delivery, head });
  }

  #end(): void {
    this.#ended = true;
    this.#socket.destroy();
    this.#waiting?.reject(new Error('the connection broke'));
    this.#waiting = undefined;
  }
}
