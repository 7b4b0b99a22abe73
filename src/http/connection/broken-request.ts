/** Answers to bytes that Node's parser cannot read as a request. They have the shape of every other error. */
import type { Duplex } from 'node:stream';
import { errorBody, errorTable, refusal, type Refusal } from '../../errors.ts';
import { RETRY_AFTER } from '../answer.ts';
import { headerLines, statusLine } from '../head-text.ts';
import { looksLikeProxyHeader } from './proxy-header.ts';

const UNEXPECTED_PROXY_HEADER =
  'The connection begins with the PROXY protocol. It is read with server.proxy_protocol, from the peers in server.forwarded_allow_ips';

const UNEXPECTED_TLS =
  'The client speaks TLS, and this port does not: its URL may have https in place of http';

/** RFC 8446 §5.1: the first record of a client has the type `handshake` (22) and the version 3.1 or, in old ones, 3.0. */
function looksLikeTls(bytes: Buffer): boolean {
  return bytes[0] === 22 && bytes[1] === 3;
}

/** Milliseconds that a client has to read the answer and close the connection. */
const LINGER_MS = 2000;

/**
 * Writes the answer to the socket itself, and closes the connection: it is not known where the next request begins.
 * `commonHeaders` are names and values in turn.
 */
export function answerBrokenRequest(socket: Duplex, reason: Refusal, commonHeaders: readonly string[]): void {
  const { status, retriable } = errorTable[reason.code];
  const body = errorBody(reason);
  const lines = [
    ...commonHeaders,
    ...(retriable && status === 503 ? ['retry-after', RETRY_AFTER] : []),
    ...['content-type', 'application/json'],
    ...['content-length', String(Buffer.byteLength(body))],
    ...['connection', 'close'],
  ];
  endAfter(socket, `${statusLine(status)}${headerLines(lines)}\r\n${body}`);
}

/** The code of Node's parser for the first line of HTTP/2 (RFC 9113 §3.4), which it does not read. */
export function isHttp2(code: string | undefined): boolean {
  return code === 'HPE_PAUSED_H2_UPGRADE';
}

/** RFC 9113: types of frames (§6.5, §6.8), and the error code HTTP_1_1_REQUIRED (§7). */
const SETTINGS = 4;
const GOAWAY = 7;
const HTTP_1_1_REQUIRED = 0xd;

/** Tells a client that speaks HTTP/2 without TLS, in its own protocol, to use HTTP/1.1. */
export function answerHttp2(socket: Duplex, { message }: Refusal): void {
  const goAway = Buffer.alloc(8);
  // No stream was handled: the last one has the number 0.
  goAway.writeUInt32BE(HTTP_1_1_REQUIRED, 4);
  // A server's first frame must be SETTINGS (§3.4).
  const frames = [
    frame(SETTINGS, Buffer.alloc(0)),
    frame(GOAWAY, Buffer.concat([goAway, Buffer.from(message)])),
  ];
  endAfter(socket, Buffer.concat(frames));
}

/** A frame of the connection itself, stream 0, without flags (RFC 9113 §4.1). */
function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  return Buffer.concat([head, payload]);
}

function endAfter(socket: Duplex, bytes: string | Buffer): void {
  socket.end(bytes);
  // Meanwhile Node reads on, for a client that writes everything before it reads.
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(cut));
}

/**
 * The refusal for an error of a connection, by Node's error code and the bytes that its parser was given. Undefined if the
 * client can no longer read one.
 */
export function reasonOf(code = '', bytes?: Buffer): Refusal | undefined {
  if (isHttp2(code)) return refusal('bad_request', 'HTTP/2 is not served here. Use HTTP/1.1');
  if (bytes && looksLikeProxyHeader(bytes)) return refusal('bad_request', UNEXPECTED_PROXY_HEADER);
  if (bytes && looksLikeTls(bytes)) return { ...refusal('bad_request', UNEXPECTED_TLS), cause: 'speaks-tls' };
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal('request_timeout');
    case 'HPE_HEADER_OVERFLOW':
      return refusal('headers_too_large');
    case 'HPE_INVALID_EOF_STATE':
      return refusal('bad_request', 'The request ends before its body does');
    default:
      return refusal('bad_request', undefined, /^HPE_[A-Z_]+$/.test(code) ? { parser: code } : null);
  }
}
