/**
 * `Content-Encoding` (RFC 9110 §8.4): gzip, deflate, br, zstd. Decoding stops at the limit, so a decompression bomb
 * costs no more memory than a normal body.
 */
import { promisify } from 'node:util';
import {
  brotliDecompress,
  brotliDecompressSync,
  constants,
  gunzip,
  gunzipSync,
  inflate,
  inflateRaw,
  inflateRawSync,
  inflateSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import pLimit from 'p-limit';
import { refusal, type Refusal } from '../../errors.ts';
import { errorCode } from '../../support/error-text.ts';
import { moved, type Lend } from './body-buffer.ts';
import { NO_MEMORY, type MemoryShare } from './body-memory.ts';

interface Limits {
  readonly maxOutputLength: number;
  /** Bytes of each piece that Node decodes at a time. */
  readonly chunkSize?: number;
}

type Decode<Decoded> = (body: Buffer, limits: Limits) => Decoded;

interface Decoder {
  readonly decodeSync: Decode<Buffer>;
  /** On a thread of Node's pool. */
  readonly decodeAsync: Decode<Promise<Buffer>>;
}

/**
 * Most encoded bytes of a body that is decoded synchronously. A larger body, or one that is large when decoded, is decoded
 * on another thread, so that it does not delay other requests. The way to the thread and back costs twice as much as
 * decoding an event.
 */
const MAX_SYNC_BYTES = 16 * 1024;

/**
 * Larger bodies that are decoded at the same time: as many as Node has threads for it; more would not be faster.
 * The other bodies wait in their encoded form, which is small. If all were decoded in parallel, each could take 5 MiB.
 */
const decodeLimit = pLimit(4);

/** RFC 9659: zstd as content encoding has a window of at most 8 MiB (2^23). A frame could ask for 128 MiB. */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const inflateRawAsync = promisify(inflateRaw);
const brotliAsync = promisify(brotliDecompress);
const zstdAsync = promisify(zstdDecompress);

/** Pieces of a body that does not say its decoded size. Each is a task of another thread: 16 KiB cost twice as much. */
const CHUNK_BYTES = 256 * 1024;

/** A gzip body ends with its decoded size, modulo 2^32 (RFC 1952 §2.3.1). It is a hint: a client may lie. */
function chunkSizeOf(encoded: Buffer, decoder: Decoder, maxBytes: number): number {
  if (decoder !== gzip || encoded.length < 4) return Math.min(CHUNK_BYTES, maxBytes + 1);
  // One byte more: else Node asks for another piece, to see that there is none.
  return Math.min(encoded.readUInt32LE(encoded.length - 4), maxBytes) + 1;
}

const gzip: Decoder = {
  decodeSync: (body, limits) => gunzipSync(body, limits),
  decodeAsync: (body, limits) => gunzipAsync(body, limits),
};

/** RFC 9110 §8.4.1.2 requires zlib's format, but some clients send raw deflate. Zlib's header distinguishes them. */
const deflate: Decoder = {
  decodeSync: (body, limits) => (hasZlibHeader(body) ? inflateSync : inflateRawSync)(body, limits),
  decodeAsync: (body, limits) => (hasZlibHeader(body) ? inflateAsync : inflateRawAsync)(body, limits),
};

const brotli: Decoder = {
  decodeSync: (body, limits) => brotliDecompressSync(body, limits),
  decodeAsync: (body, limits) => brotliAsync(body, limits),
};

const zstd: Decoder = {
  decodeSync: (body, limits) => zstdDecompressSync(body, { ...ZSTD_OPTIONS, ...limits }),
  decodeAsync: (body, limits) => zstdAsync(body, { ...ZSTD_OPTIONS, ...limits }),
};

const decoders = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['br', brotli],
  ['zstd', zstd],
]);

/** The value of `Accept-Encoding` in a 415 answer (RFC 9110 §15.5.16). */
export const supportedEncodings = 'gzip, deflate, br, zstd';

/** The decoder for the value of `Content-Encoding`; undefined for a body without encoding. */
export function decoderFor(header: string): Decoder | undefined | Refusal {
  const name = header.trim().toLowerCase();
  if (name === 'identity' || name === '') return undefined;
  return (
    decoders.get(name) ??
    refusal(
      'unsupported_media_type',
      `Content-Encoding "${header.slice(0, 100)}" is not supported. Send identity, ${supportedEncodings}.`,
      null,
      { 'accept-encoding': supportedEncodings },
    )
  );
}

/** Bytes that decoding takes at most: Node collects the decoded pieces, and joins them. */
export function decodingBytes(maxBytes: number): number {
  return 2 * maxBytes;
}

/**
 * Most decoded bytes of a body that is decoded synchronously: a fraction of a millisecond of work. 5 KB can be 5 MiB when
 * decoded, which would delay other requests. Such a small body takes no share of the memory for bodies.
 */
export const SMALL_BYTES = 64 * 1024;

/**
 * Decodes a body. Resolves to a refusal if it cannot be decoded, or is larger than `maxBytes` when decoded.
 * `share` has the memory for decoding already if the body came in several pieces. If the decoded body lies in a block of
 * the pool, one pin of it is the caller's.
 */
export async function decodeBody(
  encoded: Buffer,
  decoder: Decoder,
  maxBytes: number,
  share: MemoryShare,
  lend: Lend,
): Promise<Buffer | Refusal> {
  try {
    const small = smallBody(encoded, decoder, maxBytes);
    if (small) {
      share.resize(0);
      return moved(small, lend);
    }
    const needed = decodingBytes(maxBytes);
    if (share.bytes < needed && !(await reserved(share, needed))) return NO_MEMORY;
    const chunkSize = Math.max(constants.Z_MIN_CHUNK, chunkSizeOf(encoded, decoder, maxBytes));
    const decoded = await decodeLimit(() =>
      decoder.decodeAsync(encoded, { maxOutputLength: maxBytes, chunkSize }),
    );
    share.resize(decoded.length);
    return moved(decoded, lend);
  } catch (error) {
    share.giveBack();
    const code = errorCode(error);
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      return refusal('payload_too_large', `The decoded body is larger than the limit of ${maxBytes} bytes`, {
        encoded: encoded.length,
        limit: maxBytes,
      });
    }
    return refusal('invalid_request', 'Invalid request', [
      {
        location: ['body'],
        message: 'The body cannot be decoded as its Content-Encoding says',
        code: 'encoding_invalid',
        context: { reason: String(code) },
        input: null,
      },
    ]);
  }
}

/** The decoded body if it is small, encoded and decoded. */
function smallBody(encoded: Buffer, { decodeSync }: Decoder, maxBytes: number): Buffer | undefined {
  if (encoded.length > MAX_SYNC_BYTES) return undefined;
  try {
    return decodeSync(encoded, { maxOutputLength: Math.min(SMALL_BYTES, maxBytes) });
  } catch (error) {
    if (maxBytes > SMALL_BYTES && errorCode(error) === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

function reserved(share: MemoryShare, bytes: number): Promise<boolean> {
  return new Promise((resolve) => {
    share.reserve(
      bytes,
      () => resolve(true),
      () => resolve(false),
    );
  });
}

function hasZlibHeader(body: Buffer): boolean {
  if (body.length < 2) return false;
  const word = body.readUInt16BE(0);
  // RFC 1950 §2.2: the method is 8, and the first two bytes are a multiple of 31.
  return ((word >> 8) & 0x0f) === 8 && word % 31 === 0;
}
