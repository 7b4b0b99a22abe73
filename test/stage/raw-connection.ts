import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';

export interface RawAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** All of it as it came, with one character for each byte. */
  readonly bytes: string;
}

export interface RawOptions {
  /** Reads nothing before `read()` is called, like a client that writes everything before it reads. */
  readonly paused?: boolean;
  /** Over TLS, with any certificate of the server. */
  readonly tls?: boolean;
}

/** A connection to a proxy, for tests that are about the bytes on the wire. */
export class RawConnection {
  /** How the connection was closed: `ended` by the peer in order, `reset`, or `cut` by this side. */
  readonly closed: Promise<'ended' | 'reset' | 'cut'>;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket, { paused = false }: RawOptions) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('end', () => resolve('ended'));
      socket.once('error', () => resolve('reset'));
      socket.once('close', () => resolve('cut'));
    });
    if (!paused) this.read();
  }

  static async open(port: number, options: RawOptions = {}): Promise<RawConnection> {
    // Without delay each `send` is a segment of its own.
    const to = { port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true };
    const socket = options.tls === true ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    await once(socket, options.tls === true ? 'secureConnect' : 'connect');
    return new RawConnection(socket, options);
  }

  read(): void {
    this.#socket.on('data', (bytes: Buffer) => (this.#received = Buffer.concat([this.#received, bytes])));
  }

  /** Resolves when the bytes have left this process. Rejects when the connection is closed. */
  async send(data: string | Buffer): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#socket.write(bytes, (error) => (error ? reject(error) : resolve(undefined)));
    await promise;
  }

  /** Closes this side for writing, and goes on reading. */
  finish(): void {
    this.#socket.end();
  }

  /** Resets the connection, as the kernel may do when a process ends. One over TLS is closed. */
  cut(): void {
    if (this.#socket instanceof TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** The next answer, which may be `100 Continue`. Rejects when the connection is closed before the answer is complete. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const answer = this.#take();
      if (answer) return answer;
      const closed = await Promise.race([
        this.closed,
        once(this.#socket, 'data').then(
          () => undefined,
          () => undefined,
        ),
      ]);
      if (closed !== undefined) {
        const last = this.#take();
        if (last) return last;
        throw new Error(`${closed} after ${JSON.stringify(this.unread)}`);
      }
    }
  }

  /** Received bytes that are no complete answer. */
  get unread(): string {
    return this.#received.toString('latin1');
  }

  #take(): RawAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [first = '', ...lines] = this.#received.toString('latin1', 0, end).split('\r\n');
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const start = end + 4;
    const length = Number(headers.get('content-length') ?? 0);
    if (this.#received.length < start + length) return undefined;
    const body = this.#received.toString('utf8', start, start + length);
    const bytes = this.#received.toString('latin1', 0, start + length);
    this.#received = this.#received.subarray(start + length);
    return { status: Number(first.split(' ')[1]), headers, body, bytes };
  }
}

/** The bytes of a POST with a length; `head` are further header lines. */
export function rawPost(
  body: Buffer | string,
  head: readonly string[] = [],
  path = '/api/v1/lineage',
): Buffer {
  const bytes = Buffer.from(body);
  const lines = [`POST ${path} HTTP/1.1`, 'Host: proxy', `Content-Length: ${bytes.length}`, ...head];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}
