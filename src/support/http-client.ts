/**
 * One HTTP request with limits on its time and its size, and with certificate authorities of its own. Node's `fetch` has neither
 * such authorities nor a limit of size. A redirect is an answer like any other: the caller trusts one address only.
 */
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect } from 'node:tls';
import type { EgressProxies, EgressProxy } from './egress-proxy.ts';
import { errorText } from './error-text.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Certificates (PEM) to trust in place of the system's. */
  readonly ca: string | Buffer | undefined;
  /** The proxy to go through. Undefined: the request goes to the server itself, whatever the environment says. */
  readonly proxy?: EgressProxy | undefined;
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

/** The HTTP proxy on the way cannot be reached, or makes no connection. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** The same as the message, without the address of the proxy. */
  readonly problem: string;

  constructor({ name, variable }: EgressProxy, why: string, cause?: unknown) {
    super(
      `the HTTP proxy ${name} (${variable}) ${why}${cause === undefined ? '' : `: ${errorText(cause)}`}`,
      { cause },
    );
    this.problem = `the HTTP proxy (${variable}) ${why}`;
  }
}

/**
 * Sends one request on a connection of its own. Keeps no process alive. A request by TLS goes through a tunnel of the proxy, which
 * sees the name of the server only.
 * @throws what Node, OpenSSL or the signal reports, here and while the body is read.
 */
export async function sendRequest(
  url: URL,
  { method, headers, body, ca, signal, proxy }: HttpRequest,
): Promise<HttpAnswer> {
  const options = {
    method,
    headers: {
      ...headers,
      // Requests are minutes apart: the other end closes a connection that is kept for so long.
      connection: 'close',
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    },
    signal,
    // Not the global agent: with NODE_USE_ENV_PROXY it would go through a proxy of its own choice.
    agent: false,
  } as const;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const authorities = ca === undefined ? {} : { ca };
  let request: ClientRequest;
  if (url.protocol === 'https:') {
    const tunnel = proxy && (await openTunnel(url, proxy, signal));
    const own = tunnel ? { agent: undefined, createConnection: () => secured(tunnel, url, ca) } : authorities;
    request = https.request(url, { ...options, ...own }, resolve);
  } else if (proxy) {
    // RFC 9112 §3.2.2: a proxy is asked for the whole URL.
    const asked = { host: proxy.host, port: proxy.port, path: url.href };
    const all = { ...options.headers, host: url.host, ...credentialsOf(proxy) };
    request = (proxy.isTls ? https : http).request({ ...options, ...asked, headers: all }, resolve);
  } else {
    request = http.request(url, options, resolve);
  }
  request.on('socket', (socket) => socket.unref());
  request.on('error', reject).end(body);
  return answerOf(await promise);
}

/** What a library hands to its `fetch`. */
export interface FetchOptions {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams | null | undefined;
}

/** How such a request is sent. */
export interface FetchLimits {
  readonly ca: string | Buffer | undefined;
  readonly proxies: EgressProxies | undefined;
  readonly signal: AbortSignal;
  /** Bytes of the answer. */
  readonly maxBytes: number;
}

/**
 * One request with the form of `fetch`, for libraries that take one. The answer is read whole.
 * @throws as `sendRequest` does, and {AnswerTooLargeError}.
 */
export async function fetchOnce(
  address: string,
  { method, headers, body }: FetchOptions,
  { ca, proxies, signal, maxBytes }: FetchLimits,
): Promise<Response> {
  const url = new URL(address);
  const answer = await sendRequest(url, {
    method: method === 'GET' ? 'GET' : 'POST',
    headers,
    ...(body !== undefined && body !== null && { body: String(body) }),
    ca,
    signal,
    // A proxy sees no secret of the request: it passes TLS on, and plain HTTP stays on this machine.
    proxy: proxies?.proxyFor(url),
  });
  const content = await answer.read(maxBytes);
  const answered = new Headers();
  for (const [name, values] of Object.entries(answer.headers)) {
    for (const value of values) answered.append(name, value);
  }
  return new Response(content, { status: answer.status, headers: answered });
}

/**
 * The credentials of a client at a token endpoint, for `Authorization: Basic`. RFC 6749 §2.3.1: id and secret are encoded as in a
 * form. The encoding of WHATWG's URL, 5.2, leaves dashes and dots unchanged. Many identity providers forget to decode, and with this
 * encoding they still accept usual ids.
 */
export function basicCredentials(id: string, secret: string): string {
  return Buffer.from([id, secret].map(formEncoded).join(':')).toString('base64');
}

/** All forms in which a client secret is sent: an endpoint might repeat them in its answer. */
export function secretForms(id: string, secret: string): string[] {
  if (secret === '') return [];
  return [basicCredentials(id, secret), secret, formEncoded(secret), encodeURIComponent(secret)];
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** RFC 9110 §9.3.6: a connection to the server, through the proxy. */
async function openTunnel(url: URL, proxy: EgressProxy, signal: AbortSignal): Promise<Socket> {
  const { host, port, isTls } = proxy;
  const authority = `${url.hostname}:${url.port || 443}`;
  const headers = { host: authority, ...credentialsOf(proxy) };
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const options = { method: 'CONNECT', host, port, path: authority, headers, agent: false, signal } as const;
  (isTls ? https : http)
    .request(options)
    .on('socket', (socket) => socket.unref())
    .on('connect', ({ statusCode = 0 }, socket: Socket) => {
      if (statusCode >= 200 && statusCode < 300) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new ProxyError(proxy, `answers with status ${statusCode}`));
    })
    .on('error', (error) =>
      reject(signal.aborted ? error : new ProxyError(proxy, 'cannot be reached', error)),
    )
    .end();
  return promise;
}

function credentialsOf({ authorization }: EgressProxy): Record<string, string> {
  return authorization === undefined ? {} : { 'proxy-authorization': authorization };
}

function secured(tunnel: Socket, { hostname }: URL, ca: HttpRequest['ca']): Socket {
  const host = hostname.replace(/^\[|\]$/g, '');
  // An address is no name to ask for (RFC 6066 §3).
  const servername = isIP(host) === 0 ? host : '';
  return connect({ socket: tunnel, host, servername, ...(ca !== undefined && { ca }) });
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
