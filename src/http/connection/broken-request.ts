/** Answers to bytes that Node's parser cannot read as a request. They have the shape of every other error. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorBody, errorTable, refusal, type Refusal } from '../../errors.ts';
import { RETRY_AFTER } from '../answer.ts';

/** Milliseconds that a client has to read the answer and close the connection. */
const LINGER_MS = 2000;

/**
 * Writes the answer to the socket itself, and closes the connection: it is not known where the next request begins.
 * `commonHeaders` are names and values in turn.
 */
export function answerBrokenRequest(socket: Duplex, reason: Refusal, commonHeaders: readonly string[]): void {
  const { status, retriable } = errorTable[reason.code];
  const body = errorBody(reason);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let i = 0; i + 1 < commonHeaders.length; i += 2) {
    lines.push(`${commonHeaders[i] ?? ''}: ${commonHeaders[i + 1] ?? ''}`);
  }
  if (retriable && status === 503) lines.push(`retry-after: ${RETRY_AFTER}`);
  lines.push(
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  );
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  // Meanwhile Node reads on, for a client that writes everything before it reads.
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(cut));
}

/** The refusal for an error of a connection, by Node's error code. Undefined if the client can no longer read one. */
export function reasonOf(code = ''): Refusal | undefined {
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
