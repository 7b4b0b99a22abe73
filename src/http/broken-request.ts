/** What Node's parser could not make a request of, answered in the shape of every other error. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorBody, errorTable, refusal, type Refusal } from '../errors.ts';
import type { Answers } from './answer.ts';

/** Answers on the bare socket, and closes it: where the next request would begin is not known. */
export function answerBrokenRequest(
  error: Error & { code?: string },
  socket: Duplex,
  answers: Answers,
): void {
  if (!socket.writable || error.code === 'ECONNRESET' || error.code === 'EPIPE') {
    socket.destroy();
    return;
  }
  const reason = reasonOf(error.code ?? '');
  const { status } = errorTable[reason.code];
  const body = errorBody(reason);
  const common = answers.commonHeaders(randomUUID());
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let i = 0; i + 1 < common.length; i += 2) lines.push(`${common[i] ?? ''}: ${common[i + 1] ?? ''}`);
  lines.push(
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  );
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function reasonOf(code: string): Refusal {
  switch (code) {
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
