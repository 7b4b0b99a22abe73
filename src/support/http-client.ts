/**
 * One HTTP request with limits on its time and its size, and with certificate authorities of its own. Node's `fetch` has neither
 * such authorities nor a limit of size. A redirect is an answer like any other: the caller trusts one address only.
 */
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Certificates (PEM) to trust in place of the system's. */
  readonly ca: string | Buffer | undefined;
  /** The request goes to the server itself, and through no proxy of the environment (`NODE_USE_ENV_PROXY`). */
  readonly isDirect?: boolean;
  /** Aborts when the time for the whole exchange is over. */
  readonly signal: AbortSignal;
}

/** An answer whose body is not yet read. The caller calls either `read` or `discard`. */
export interface HttpAnswer {
  readonly status: number;
  /** Each header with all of its values; names are in lower case. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /**
   * The whole body.
   * @throws {AnswerTooLargeError} and closes the connection, when the body has more than `maxBytes` bytes.
   */
  read(maxBytes: number): Promise<Buffer>;
  /** Closes the connection without reading the body. */
  discard(): void;
}

export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';

  constructor(maxBytes: number) {
    super(`an answer of more than ${maxBytes} bytes`);
  }
}

/**
 * Sends one request on a connection of its own. Keeps no process alive.
 * @throws what Node, OpenSSL or the signal reports, here and while the body is read.
 */
export async function sendRequest(
  url: URL,
  { method, headers, body, ca, signal, isDirect = false }: HttpRequest,
): Promise<HttpAnswer> {
  const options: RequestOptions = {
    method,
    headers: {
      ...headers,
      // Requests are minutes apart: the other end closes a connection that is kept for so long.
      connection: 'close',
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    },
    signal,
    ...(isDirect && { agent: false }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request =
    url.protocol === 'https:'
      ? https.request(url, { ...options, ...(ca !== undefined && { ca }) }, resolve)
      : http.request(url, options, resolve);
  request.on('socket', (socket) => socket.unref());
  request.on('error', reject).end(body);
  return answerOf(await promise);
}

function answerOf(message: IncomingMessage): HttpAnswer {
  return {
    status: message.statusCode ?? 0,
    headers: withoutGaps(message.headersDistinct),
    read: (maxBytes) => bodyOf(message, maxBytes),
    discard: () => void message.destroy(),
  };
}

async function bodyOf(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message.iterator()) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    // Leaving the loop closes the connection.
    if (size > maxBytes) throw new AnswerTooLargeError(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function withoutGaps(headers: NodeJS.Dict<string[]>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, values = []]) => [name, values]));
}
