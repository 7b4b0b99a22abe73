/**
 * `Content-Encoding` (RFC 9110 §8.4): gzip, deflate, br, zstd. Nothing is ever decoded beyond the limit, so a bomb costs
 * no more memory than an honest body.
 */
import type { ServerResponse } from 'node:http';
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
import type { BodyLimits } from './body-memory.ts';

type Decode<Decoded> = (body: Buffer, maxOutputLength: number) => Decoded;

interface Decoder {
  readonly atOnce: Decode<Buffer>;
  readonly elsewhere: Decode<Promise<Buffer>>;
}

/**
 * Bytes of a body that is decoded at once; larger ones are on a thread of their own, so as not to hold up others. The way
 * there and back costs twice what it takes to decode an event.
 */
const AT_ONCE_BYTES = 16 * 1024;

/**
 * Larger bodies that are decoded at once: as many as Node has threads for it, more would not be quicker. The others wait as
 * they came, small; decoded a little at a time all together, each could take its 5 MiB.
 */
const inTurn = pLimit(4);

/** RFC 9659: a window of at most 8 MiB (2^23) for zstd as content encoding; a frame could ask for 128 MiB. */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const inflateRawAsync = promisify(inflateRaw);
const brotliAsync = promisify(brotliDecompress);
const zstdAsync = promisify(zstdDecompress);

const gzip: Decoder = {
  atOnce: (body, maxOutputLength) => gunzipSync(body, { maxOutputLength }),
  elsewhere: (body, maxOutputLength) => gunzipAsync(body, { maxOutputLength }),
};

/** RFC 9110 §8.4.1.2 means zlib's format, but some clients send bare deflate: zlib's header tells them apart. */
const deflate: Decoder = {
  atOnce: (body, maxOutputLength) =>
    (hasZlibHeader(body) ? inflateSync : inflateRawSync)(body, { maxOutputLength }),
  elsewhere: (body, maxOutputLength) =>
    (hasZlibHeader(body) ? inflateAsync : inflateRawAsync)(body, { maxOutputLength }),
};

const brotli: Decoder = {
  atOnce: (body, maxOutputLength) => brotliDecompressSync(body, { maxOutputLength }),
  elsewhere: (body, maxOutputLength) => brotliAsync(body, { maxOutputLength }),
};

const zstd: Decoder = {
  atOnce: (body, maxOutputLength) => zstdDecompressSync(body, { ...ZSTD_OPTIONS, maxOutputLength }),
  elsewhere: (body, maxOutputLength) => zstdAsync(body, { ...ZSTD_OPTIONS, maxOutputLength }),
};

const decoders = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['br', brotli],
  ['zstd', zstd],
]);

/** For `Accept-Encoding` of a 415 (RFC 9110 §15.5.16). */
export const supportedEncodings = 'gzip, deflate, br, zstd';

/** The decoder that a request's `Content-Encoding` asks for; undefined where the body comes as it is. */
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

/** Decodes a body; refuses what is broken, and stops at the limit. */
export async function decodeBody(
  encoded: Buffer,
  decoder: Decoder,
  { maxBytes, memory }: BodyLimits,
  response: ServerResponse,
): Promise<Buffer | Refusal> {
  try {
    if (encoded.length <= AT_ONCE_BYTES) return decoder.atOnce(encoded, maxBytes);
    const share = memory.shareFor(response);
    return await inTurn(async () => {
      share.force(maxBytes);
      const decoded = await decoder.elsewhere(encoded, maxBytes).finally(() => share.force(0));
      share.force(decoded.length);
      return decoded;
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
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

function hasZlibHeader(body: Buffer): boolean {
  if (body.length < 2) return false;
  const word = body.readUInt16BE(0);
  // RFC 1950 §2.2: method 8, and a check that makes the first two bytes a multiple of 31.
  return ((word >> 8) & 0x0f) === 8 && word % 31 === 0;
}
