/** The body of a request: its type checked, read up to the limit, decoded. */
import type { IncomingMessage } from 'node:http';
import { refusal, type Refusal } from '../../errors.ts';
import type { BodyLimits, MemoryShare } from './body-memory.ts';
import { decodeBody, decoderFor } from './content-encoding.ts';
import type { Exchange } from '../exchange.ts';

/** What compressing can add to bytes that do not shrink (gzip: 5 bytes each 64 KiB), and more. */
const ENCODED_SLACK = 65_536;

/** `application/json`, `text/json`, `application/vnd.x+json`, with any parameters. */
const JSON_TYPE = /^\s*[a-z0-9!#$&^_.-]+\/(?:json|[a-z0-9!#$&^_.-]+\+json)\s*(?:;|$)/i;

/**
 * Pieces of a body that are put together once there are so many. A piece costs some 200 bytes to hold, however small: sent
 * byte by byte, a body of 5 MiB would take a gigabyte.
 */
const PIECES_TOGETHER = 1024;

/** Bytes that a piece is counted as, at least: what it takes to hold one, and some more. */
const PIECE_BYTES = 512;

/**
 * Reads and decodes a body of at most `maxBytes`, and calls `done` with it, or with why it is not taken. A larger one is
 * refused as soon as that is known: from its `Content-Length`, or when the limit is passed. When the sender goes away
 * `done` is never called: nobody is left to answer. It must not throw.
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
  // curl asks before it sends more than 1 MiB: a refusal by the head alone must come before the body does.
  if (expectsContinue(request)) response.writeContinue();
  collect(exchange, declared, limit, limits, (body) => {
    if (decoder && Buffer.isBuffer(body)) void decodeBody(body, decoder, limits, response).then(done);
    else done(body);
  });
}

/** RFC 9110 §10.1.1: to be passed over in a request of HTTP/1.0. */
function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect !== undefined && /100-continue/i.test(headers.expect) && httpVersion === '1.1';
}

/**
 * Plain listeners: an async iterator over the stream costs several times as much. A body that comes in one piece, as nearly
 * all events do, is handed on at once and needs no share of the memory; so events are taken even when it is used up.
 */
function collect(
  { request, response }: Exchange,
  declared: number,
  limit: number,
  { maxBytes, memory }: BodyLimits,
  done: (body: Buffer | Refusal) => void,
): void {
  const pieces: Buffer[] = [];
  let together = 0;
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
    if (!share.resize(Math.max(size, PIECE_BYTES * (pieces.length - together)))) {
      refuse(refusal('unavailable', 'Too much is being received at once'));
    } else if (pieces.length - together === PIECES_TOGETHER) {
      pieces.push(Buffer.concat(pieces.splice(together)));
      together += 1;
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
