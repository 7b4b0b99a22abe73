/** The body reader: checks the type of a body, reads it up to the limit, and decodes it. */
import type { IncomingMessage } from 'node:http';
import { refusal, type Refusal } from '../../errors.ts';
import type { BodyLimits, MemoryShare } from './body-memory.ts';
import { decodeBody, decoderFor } from './content-encoding.ts';
import type { Exchange } from '../exchange.ts';

/** Bytes that compression may add to a body that does not shrink, with a margin (gzip: 5 bytes per 64 KiB). */
const ENCODED_SLACK = 65_536;

/** `application/json`, `text/json` or `application/vnd.x+json`, with any parameters. */
const JSON_TYPE = /^\s*[a-z0-9!#$&^_.-]+\/(?:json|[a-z0-9!#$&^_.-]+\+json)\s*(?:;|$)/i;

/**
 * This many pieces of a body are joined into one. Each piece takes about 200 bytes of memory beside its content.
 * Sent byte by byte, a body of 5 MiB would take a gigabyte.
 */
const MAX_PIECES = 1024;

/** Bytes of memory that a piece counts as, at least: the cost of holding it, with a margin. */
const PIECE_BYTES = 512;

/**
 * Reads and decodes a body of at most `maxBytes`. Calls `done` with the body or with a refusal.
 * A larger body is refused as early as possible: by its `Content-Length`, or when it passes the limit.
 * If the client closes the connection, `done` is never called, because no client waits for an answer.
 * `done` must not throw.
 */
export function readBody(
  exchange: Exchange,
  limits: BodyLimits,
  done: (body: Buffer | Refusal) => void,
): void {
  const { request, response } = exchange;
  const { headers } = request;
  const { maxBytes } = limits;
  const type = headers['content-type'];
  if (type !== undefined && !JSON_TYPE.test(type)) {
    done(unsupported(type));
    return;
  }
  const encoding = headers['content-encoding'];
  const decoder = encoding === undefined ? undefined : decoderFor(encoding);
  if (decoder !== undefined && 'code' in decoder) {
    done(decoder);
    return;
  }
  const limit = decoder ? maxBytes + ENCODED_SLACK : maxBytes;
  const declared = Number(headers['content-length'] ?? 0);
  if (declared > limit) {
    done(tooLarge(`is ${declared} bytes`, declared, maxBytes));
    return;
  }
  // curl waits for this before it sends more than 1 MiB. A refusal by the head alone must come before it.
  if (expectsContinue(request)) response.writeContinue();
  collect(exchange, declared, limit, limits, (body) => {
    if (decoder && Buffer.isBuffer(body)) void decodeBody(body, decoder, limits, response).then(done);
    else done(body);
  });
}

/** RFC 9110 §10.1.1: a server ignores the expectation in a request of HTTP/1.0. */
function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect !== undefined && /100-continue/i.test(headers.expect) && httpVersion === '1.1';
}

/**
 * Reads a body with plain listeners: an async iterator over the stream costs several times as much.
 * A body in one piece, as nearly all events are, takes no share of the memory. So such events are taken even when the
 * memory for bodies is used up.
 */
function collect(
  { request, response }: Exchange,
  declared: number,
  limit: number,
  { maxBytes, memory }: BodyLimits,
  done: (body: Buffer | Refusal) => void,
): void {
  const pieces: Buffer[] = [];
  let joined = 0;
  let size = 0;
  let share: MemoryShare | undefined;
  const refuse = (reason: Refusal) => {
    request.off('data', onData);
    request.off('end', onEnd);
    pieces.length = 0;
    share?.giveBack();
    done(reason);
  };
  const onData = (piece: Buffer) => {
    size += piece.length;
    if (size > limit) {
      refuse(tooLarge(`is at least ${size} bytes`, size, maxBytes));
      return;
    }
    pieces.push(piece);
    if (size === declared) return;
    share ??= memory.shareFor(response);
    if (!share.resize(Math.max(size, PIECE_BYTES * (pieces.length - joined)))) {
      refuse(refusal('unavailable', 'Too much is being received at once'));
    } else if (pieces.length - joined === MAX_PIECES) {
      pieces.push(Buffer.concat(pieces.splice(joined)));
      joined += 1;
    }
  };
  const onEnd = () => {
    const [only] = pieces;
    done(pieces.length === 1 && only ? only : Buffer.concat(pieces));
  };
  request.on('data', onData);
  request.on('end', onEnd);
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
