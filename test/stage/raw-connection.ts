import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RawOptions {
  /** Nothing is read before `read()` is called, as by a client that writes all it has before it looks. */
  readonly paused?: boolean;
}

/** A bare connection to a proxy, for tests in which the very bytes on the wire matter. */
export class RawConnection {
  /** How it was closed: by the other side in good order, by a reset, or by us. */
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
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawConnection(socket, options);
  }

  read(): void {
    this.#socket.on('data', (bytes: Buffer) => (this.#received = Buffer.concat([this.#received, bytes])));
  }

  /** Resolves when the bytes have left this process; rejects when the connection has gone. */
  async send(data: string | Buffer): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#socket.write(bytes, (error) => (error ? reject(error) : resolve(undefined)));
    await promise;
  }

  /** Says that nothing more will come, and goes on listening. */
  finish(): void {
    this.#socket.end();
  }

  /** Resets the connection, as the end of a process may. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }

  /** The next answer; one of 100 counts. Rejects when the connection is closed before it is whole. */
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

  /** What has been received and is no whole answer. */
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
    this.#received = this.#received.subarray(start + length);
    return { status: Number(first.split(' ')[1]), headers, body };
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
