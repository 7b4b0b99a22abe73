/**
 * `Content-Encoding` (RFC 9110 §8.4): gzip, deflate, br, zstd. Nothing is ever decoded beyond the limit, so a bomb costs
 * no more memory than an honest body.
 */
import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { refusal, type Refusal } from '../errors.ts';

type Decoder = (body: Buffer, maxOutputLength: number) => Promise<Buffer>;

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const inflateRawAsync = promisify(inflateRaw);
const brotliAsync = promisify(brotliDecompress);
const zstdAsync = promisify(zstdDecompress);

/** RFC 9659: a window of at most 8 MiB (2^23) for zstd as content encoding; a frame could ask for 128 MiB. */
const ZSTD_WINDOW_LOG_MAX = 23;

const decoders = new Map<string, Decoder>([
  ['gzip', (body, maxOutputLength) => gunzipAsync(body, { maxOutputLength })],
  ['x-gzip', (body, maxOutputLength) => gunzipAsync(body, { maxOutputLength })],
  [
    'deflate',
    // RFC 9110 §8.4.1.2 means zlib's format, but some clients send bare deflate: zlib's header tells them apart.
    (body, maxOutputLength) =>
      (hasZlibHeader(body) ? inflateAsync : inflateRawAsync)(body, { maxOutputLength }),
  ],
  ['br', (body, maxOutputLength) => brotliAsync(body, { maxOutputLength })],
  [
    'zstd',
    (body, maxOutputLength) =>
      zstdAsync(body, {
        maxOutputLength,
        params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
      }),
  ],
]);

/** For `Accept-Encoding` of a 415 (RFC 9110 §15.5.16). */
export const supportedEncodings = 'gzip, deflate, br, zstd';

/** The decoder that a request's `Content-Encoding` asks for; undefined where the body comes as it is. */
export function decoderFor(header: string | undefined): Decoder | undefined | Refusal {
  if (header === undefined) return undefined;
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
  decode: Decoder,
  maxBytes: number,
): Promise<Buffer | Refusal> {
  try {
    return await decode(encoded, maxBytes);
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
