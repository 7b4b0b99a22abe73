/** The body reader: checks the type of a body, reads it up to the limit, and decodes it. */
import { refusal, type Refusal } from '../../errors.ts';
import { BodyBuffer, movedPiece, UNKNOWN_BYTES, type Lend } from './body-buffer.ts';
import { NO_MEMORY, type BodyLimits, type MemoryShare } from './body-memory.ts';
import { decodeBody, decoderFor, decodingBytes } from './content-encoding.ts';
import type { Exchange, HttpRequest } from '../exchange.ts';

/** Bytes that compression may add to a body that does not shrink, with a margin (gzip: 5 bytes per 64 KiB). */
const ENCODED_SLACK = 65_536;

/** `application/json`, `text/json` or `application/vnd.x+json`, with any parameters. */
const JSON_TYPE = /^\s*[a-z0-9!#$&^_.-]+\/(?:json|[a-z0-9!#$&^_.-]+\+json)\s*(?:;|$)/i;

/**
 * Reads and decodes a body of at most `maxBytes`. Calls `done` with the body or with a refusal.
 * A larger body is refused as early as possible: by its `Content-Length`, or when it passes the limit.
 * If the client closes the connection, `done` is never called, because no client waits for an answer.
 * `done` must not throw.
 */
export function readBody(
  exchange: Pick<Exchange, 'request' | 'response'>,
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
  const reading: Reading = { declared, limit, maxBytes, decodedBytes: decoder ? decodingBytes(maxBytes) : 0 };
  const collected = (body: Buffer | Refusal, share: MemoryShare | undefined) => {
    if (!decoder || !Buffer.isBuffer(body)) done(body);
    else
      void decodeBody(body, decoder, maxBytes, share ?? limits.memory.shareFor(response), limits.lend).then(
        done,
      );
  };
  const read = (share?: MemoryShare) => collect(exchange, reading, limits, share, collected);
  if (!expectsContinue(request)) {
    read();
    return;
  }
  const readOn = (share?: MemoryShare) => {
    // curl waits for this before it sends more than 1 MiB. A refusal by the head alone must come before it.
    response.writeContinue();
    read(share);
  };
  if (declared <= UNKNOWN_BYTES) {
    readOn();
    return;
  }
  const share = limits.memory.shareFor(response);
  share.reserve(
    declared + reading.decodedBytes,
    () => readOn(share),
    () => done(NO_MEMORY),
  );
}

/** RFC 9110 §10.1.1: a server ignores the expectation in a request of HTTP/1.0. */
function expectsContinue({ headers, httpVersion }: HttpRequest): boolean {
  return headers.expect !== undefined && /100-continue/i.test(headers.expect) && httpVersion === '1.1';
}

interface Reading {
  /** The length of the body as sent, from the head. 0 if it is not known. */
  readonly declared: number;
  /** Most bytes of the body as sent. */
  readonly limit: number;
  /** Most bytes of the body, decoded. */
  readonly maxBytes: number;
  /** Bytes of memory that decoding needs, in addition. 0 for a body without encoding. */
  readonly decodedBytes: number;
}

/**
 * Reads a body with plain listeners: an async iterator over the stream costs several times as much.
 * A body in one piece, as nearly all events are, takes no share of the memory. So such events are taken even when the
 * memory for bodies is used up. Any other body gets the memory for its whole length first, and waits for it unread.
 * Its pieces are copied into one buffer: a piece takes 200 bytes beside its content, and may have a single byte.
 * If the body lies in a block of the pool (`blockOf`), one pin of it is the receiver's.
 */
function collect(
  { request, response }: Pick<Exchange, 'request' | 'response'>,
  reading: Reading,
  { memory, lend }: BodyLimits,
  reserved: MemoryShare | undefined,
  done: (body: Buffer | Refusal, share: MemoryShare | undefined) => void,
): void {
  const { declared, limit, maxBytes, decodedBytes } = reading;
  const ownsPieces = request.ownsPieces === true;
  // A compressed body is not read where it lies.
  const lendPlain: Lend = decodedBytes > 0 ? () => undefined : lend;
  let share = reserved;
  /** Bytes that the body may have with the memory it has. */
  let room = reserved ? declared : 0;
  let size = 0;
  let only: Buffer | undefined;
  let waiting: Buffer[] = [];
  let body: BodyBuffer | undefined;
  const refuse = (reason: Refusal) => {
    request.off('data', onData);
    request.off('end', onEnd);
    share?.giveBack();
    waiting = [];
    body?.drop();
    // The rest is discarded.
    request.resume();
    done(reason, undefined);
  };
  const append = (piece: Buffer) => {
    if (!body) {
      body = new BodyBuffer(lendPlain, ownsPieces);
      response.once('close', () => body?.drop());
    }
    body.append(piece, declared, room);
  };
  const grant = (bytes: number) => {
    room = bytes;
    for (const piece of waiting) append(piece);
    waiting = [];
    share?.arriving(() => refuse(NO_MEMORY));
    if (request.isPaused()) request.resume();
  };
  const demand = () => {
    const bytes = declared > 0 ? declared : room === 0 && size <= UNKNOWN_BYTES ? UNKNOWN_BYTES : limit;
    share ??= memory.shareFor(response);
    const needed = bytes + decodedBytes;
    // A body in chunks does not wait: Node would read on, and hold each of its chunks, which may have a single byte.
    if (declared === 0 && !memory.isFree(needed, share.bytes)) {
      refuse(NO_MEMORY);
      return;
    }
    share.reserve(
      needed,
      () => grant(bytes),
      () => refuse(NO_MEMORY),
    );
    if (waiting.length > 0) request.pause();
  };
  const onData = (piece: Buffer) => {
    size += piece.length;
    if (size > limit) {
      refuse(tooLarge(`is at least ${size} bytes`, size, maxBytes));
    } else if (size <= room) {
      append(piece);
    } else if (size === declared && waiting.length === 0) {
      only = piece;
    } else {
      waiting.push(piece);
      // The second of two pieces that Node has emitted before the pause.
      if (waiting.length === 1) demand();
    }
  };
  const onEnd = () => {
    share?.arrived();
    done(only ? movedPiece(only, lendPlain, ownsPieces) : (body?.take() ?? Buffer.alloc(0)), share);
  };
  share?.arriving(() => refuse(NO_MEMORY));
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
