/** What Node's HTTP server, with the options of the proxy, reads of the bytes of requests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { createListener } from '../../../src/http/connection/listener.ts';
import { errorOfHead } from '../../../src/http/connection/request-head.ts';
import { isOfPage } from '../../../src/http/cors.ts';
import { HEAD_END, HeadReader, type SimpleHead } from '../../../src/http/simple/simple-head.ts';
import { createLogger } from '../../../src/log.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';

export const MAX_HEADER_BYTES = 16_384;
export const MAX_HEADERS = 100;

/** Bodies of more bytes are not sent: of such a request only the head is compared. */
const MOST_BODY_BYTES = 4096;

/** Bytes of a body. They would begin a request of their own, if the body ended before them. */
const BODY = Buffer.from('GET / HTTP/1.1\r\n\r\n');

/** What matters of a request. */
export interface Reading {
  readonly event: 'request' | 'checkContinue' | 'checkExpectation' | 'upgrade' | 'connect';
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  readonly keepsConnection: boolean;
  /** The message of the refusal by its head, if there is one. */
  readonly refused: string | undefined;
  /** Whether it needs the checks that only requests of a page need. */
  readonly isOfPage: boolean;
  /** Undefined if only the head was sent. */
  readonly bodyBytes: number | undefined;
}

/** The head that the proxy reads without Node's parser, if it begins with these bytes; undefined if it does not. */
export function simpleHeadOf(bytes: Buffer, reader = new HeadReader(MAX_HEADERS)): SimpleHead | undefined {
  const lines = bytes.indexOf(HEAD_END);
  if (lines === -1 || lines + HEAD_END.length > MAX_HEADER_BYTES) return undefined;
  return reader.read(bytes.toString('latin1', 0, lines + '\r\n'.length));
}

export class NodeReader {
  readonly #server: Server;
  /** What has been read on the connection of the test. */
  #readings: Reading[] = [];
  /** Called for each reading. */
  #heard: () => void = () => undefined;
  #withBodies = true;

  private constructor() {
    const log = createLogger({ enabled: false, level: 'error', preset: 'json' }, '1', {
      write: () => undefined,
    });
    const limits = { maxHeaderBytes: MAX_HEADER_BYTES, maxHeaders: MAX_HEADERS };
    const times = { keepAliveMs: 75_000, headersTimeoutMs: 0, requestTimeoutMs: 0 };
    const handler = {
      // No path is one of events, so Node's server gets every connection at its first byte.
      pathOf: () => undefined,
      handle: () => assert.fail('a request was handled as a simple one'),
      refuse: () => assert.fail('a request was refused as a simple one'),
    };
    this.#server = createListener(
      { tls: undefined, ...limits, ...times },
      createMetrics(),
      log,
      () => undefined,
      handler,
    );
    for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.#read(event, request, response),
      );
    }
    for (const event of ['upgrade', 'connect'] as const) {
      this.#server.on(event, (request: IncomingMessage, socket) => {
        this.#note(event, request, false, undefined);
        socket.destroy();
      });
    }
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  static async start(): Promise<NodeReader> {
    const reader = new NodeReader();
    reader.#server.listen(0, '127.0.0.1');
    await once(reader.#server, 'listening');
    return reader;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /**
   * Fails if Node reads one of these heads in another way than the simple reader does. A head that the simple reader does not
   * take is not sent. Returns how many it takes.
   */
  async compare(heads: readonly Buffer[]): Promise<number> {
    // As on one connection: a head is compared with the one before it.
    const reader = new HeadReader(MAX_HEADERS);
    const taken = heads.flatMap((bytes) => {
      const head = simpleHeadOf(bytes, reader);
      return head ? [{ head, bytes: bytes.subarray(0, bytes.indexOf(HEAD_END) + HEAD_END.length) }] : [];
    });
    const [short, long] = [true, false].map((isShort) =>
      taken.filter(({ head }) => head.contentLength <= MOST_BODY_BYTES === isShort),
    );
    await this.#compareAll(short ?? [], true);
    for (const one of long ?? []) await this.#compareAll([one], false);
    return taken.length;
  }

  /** All on one connection: so a body that Node reads shorter or longer breaks the next request. */
  async #compareAll(
    taken: readonly { head: SimpleHead; bytes: Buffer }[],
    withBodies: boolean,
  ): Promise<void> {
    const parts = taken.flatMap(({ head, bytes }) =>
      withBodies ? [bytes, Buffer.alloc(head.contentLength, BODY)] : [bytes],
    );
    const readings = await this.#readingsOf(Buffer.concat(parts), taken.length, withBodies);
    for (const [index, { head, bytes }] of taken.entries()) {
      const about = `the simple reader takes ${JSON.stringify(bytes.toString('latin1'))}`;
      const reading = readings[index] ?? assert.fail(`Node reads no request: ${about}`);
      const expected: Reading = {
        event: 'request',
        method: 'POST',
        url: head.url,
        httpVersion: '1.1',
        headers: head.headers,
        keepsConnection: true,
        refused: undefined,
        isOfPage: false,
        bodyBytes: withBodies ? head.contentLength : undefined,
      };
      assert.deepEqual(reading, expected, about);
    }
  }

  /** At most `count` readings: fewer if Node closes the connection. */
  async #readingsOf(bytes: Buffer, count: number, withBodies: boolean): Promise<readonly Reading[]> {
    this.#readings = [];
    this.#withBodies = withBodies;
    if (count === 0) return [];
    const { port } = this.#server.address() as AddressInfo; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
    const socket = connect(port, '127.0.0.1');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined).resume();
    this.#heard = () => {
      if (this.#readings.length === count) socket.destroy();
    };
    // Closed for writing: otherwise Node would wait for the rest of a body that it reads longer.
    socket.end(bytes);
    await closed;
    return this.#readings;
  }

  #read(event: Reading['event'], request: IncomingMessage, response: ServerResponse): void {
    if (!this.#withBodies) {
      this.#note(event, request, response.shouldKeepAlive, undefined);
      return;
    }
    let size = 0;
    request.on('data', (piece: Buffer) => (size += piece.length));
    request.on('end', () => {
      const { shouldKeepAlive } = response;
      response.writeHead(200, { 'content-length': 0 }).end();
      this.#note(event, request, shouldKeepAlive, size);
    });
  }

  #note(
    event: Reading['event'],
    request: IncomingMessage,
    keepsConnection: boolean,
    bodyBytes: number | undefined,
  ): void {
    const { method, url, httpVersion, headers } = request;
    const refused = errorOfHead(request, MAX_HEADERS)?.message;
    const about = { keepsConnection, refused, isOfPage: isOfPage(headers), bodyBytes };
    this.#readings.push({ event, method, url, httpVersion, headers, ...about });
    this.#heard();
  }
}
