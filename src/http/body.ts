/** The body of a request: its type checked, read up to the limit, decoded. */
import type { IncomingMessage } from 'node:http';
import { refusal, type Refusal } from '../errors.ts';
import { decodeBody, decoderFor } from './content-encoding.ts';
import type { Exchange } from './exchange.ts';

/** What compressing can add to bytes that do not shrink (gzip: 5 bytes each 64 KiB), and more. */
const ENCODED_SLACK = 65_536;

/** `application/json`, `text/json`, `application/vnd.x+json`, with any parameters. */
const JSON_TYPE = /^\s*[a-z0-9!#$&^_.-]+\/(?:json|[a-z0-9!#$&^_.-]+\+json)\s*(?:;|$)/i;

/**
 * Reads and decodes a body of at most `maxBytes`. A larger one is refused as soon as that is known: from its
 * `Content-Length`, or when the limit is passed. Never settles when the sender goes away: nobody is left to answer.
 */
export function readBody({ request, response }: Exchange, maxBytes: number): Promise<Buffer | Refusal> {
  const { headers } = request;
  const type = headers['content-type'];
  if (type !== undefined && type !== 'application/json' && !JSON_TYPE.test(type)) {
    return Promise.resolve(unsupported(type));
  }
  const decode = decoderFor(headers['content-encoding']);
  if (decode !== undefined && typeof decode !== 'function') return Promise.resolve(decode);

  const limit = decode ? maxBytes + ENCODED_SLACK : maxBytes;
  const declared = Number(headers['content-length'] ?? 0);
  if (declared > limit) return Promise.resolve(tooLarge(`is ${declared} bytes`, declared, maxBytes));
  // curl asks before it sends more than 1 MiB: a refusal by the head alone must come before the body does.
  if (headers.expect !== undefined && expectsContinue(request)) response.writeContinue();
  const body = collect(request, limit, maxBytes);
  if (!decode) return body;
  return body.then((read) => (Buffer.isBuffer(read) ? decodeBody(read, decode, maxBytes) : read));
}

/** RFC 9110 §10.1.1: to be passed over in a request of HTTP/1.0. */
function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect !== undefined && /100-continue/i.test(headers.expect) && httpVersion === '1.1';
}

/** Plain listeners: an async iterator over the stream costs several times as much. */
function collect(request: IncomingMessage, limit: number, maxBytes: number): Promise<Buffer | Refusal> {
  const { promise, resolve } = Promise.withResolvers<Buffer | Refusal>();
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
      return;
    }
    request.off('data', onData);
    chunks.length = 0;
    resolve(tooLarge(`is at least ${size} bytes`, size, maxBytes));
  };
  request.on('data', onData);
  request.on('end', () => {
    const [only] = chunks;
    resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks));
  });
  return promise;
}

function unsupported(type: string): Refusal {
  return refusal(
    'unsupported_media_type',
    `Content-Type "${type.slice(0, 100)}" is not supported. Send application/json, or none.`,
    null,
    { accept: 'application/json' },
  );
}

function tooLarge(what: string, size: number, limit: number): Refusal {
  return refusal('payload_too_large', `The body ${what}; the limit is ${limit} bytes`, { size, limit });
}
