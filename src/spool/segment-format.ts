/**
 * The format of a segment, version 1. All numbers are little-endian; CRC-32 is that of zlib.
 *
 * A topic's log is a folder of segments. A segment is a pair of files, `NNNNNNNNNN-SSSSSSSS.log` and `….marks`: its
 * number, in ten decimal digits, gives its place in the order; its seed, in eight hexadecimal ones, is random.
 *
 * `.log`: the events, in the order in which they were taken.
 *
 *     header     0  "H2KSPOOL"
 *                8  version, u16
 *               10  zero, u16
 *               12  CRC-32 of bytes 16 to 23, begun with that of bytes 0 to 11, u32
 *               16  when it was made, in ms since the epoch, f64
 *     frame      0  "H2KE"
 *                4  ordinal within the segment, from 0, u32
 *                8  length of the payload in bytes, u32
 *               12  CRC-32 of ordinal, length, time and payload, begun with the seed, u32
 *               16  when the event arrived, in ms since the epoch, f64
 *               24  payload
 *     …further frames, one behind the other
 *
 * `.marks`: what has become of them. It is never synced: a mark that a power cut undoes means an event sent twice.
 *
 *                0  number of frames, u32; OPEN while the segment is still written to
 *                4  CRC-32 of these four bytes, begun with the seed, u32; when it is wrong, the frames are counted anew
 *                8  zeros
 *               16  a byte for each frame, by ordinal: 0 kept, 1 delivered, 2 sent and not yet answered
 *     …what is missing at its end counts as zero
 *
 * Invariants:
 *
 * - An event is acknowledged only after its frame, and its segment's name in the folder, were synced.
 * - A segment that has met an error, or belongs to an earlier process, is never appended to again: what a failed sync
 *   has left in the file is nobody's guess, and the marks of one frame must not come to stand for another.
 * - A frame with a wrong CRC was never synced (at the end of an open segment) or is damaged. The marker lets the search
 *   for the next one go on behind it; the seed, which no sender knows, keeps an event from having a frame inside it.
 * - A segment is removed when all its frames are delivered; one with damaged frames is renamed to `….damaged` instead.
 */
import { crc32 } from 'node:zlib';

export const VERSION = 1;
export const HEADER_SIZE = 24;
export const FRAME_HEADER_SIZE = 24;
export const MARKS_HEADER_SIZE = 16;
/** In place of the number of frames. */
export const OPEN = 0xffffffff;

const MAGIC = Buffer.from('H2KSPOOL');
const MARKER = Buffer.from('H2KE');
const NAME = /^(?<number>\d{10})-(?<seed>[0-9a-f]{8})\.log$/;

export interface SegmentName {
  readonly number: number;
  readonly seed: number;
}

export interface Frame {
  readonly ordinal: number;
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
  /** A part of the bytes searched, not a copy. */
  readonly payload: Buffer;
  /** Where the next frame begins. */
  readonly end: number;
}

/** The name without ending. */
export function formatName({ number, seed }: SegmentName): string {
  return `${String(number).padStart(10, '0')}-${seed.toString(16).padStart(8, '0')}`;
}

/** Number and seed from the name of a `.log`; undefined where it is none. */
export function parseName(file: string): SegmentName | undefined {
  const { number, seed } = NAME.exec(file)?.groups ?? {};
  if (number === undefined || seed === undefined) return undefined;
  return { number: Number(number), seed: Number.parseInt(seed, 16) };
}

export function encodeHeader(createdAt: number): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(header);
  header.writeUInt16LE(VERSION, 8);
  header.writeDoubleLE(createdAt, 16);
  header.writeUInt32LE(headerCrc(header), 12);
  return header;
}

/** The version and when it was made; undefined where the header is damaged. */
export function decodeHeader(header: Buffer): { version: number; createdAt: number } | undefined {
  if (header.length < HEADER_SIZE || header.readUInt32LE(12) !== headerCrc(header)) return undefined;
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  return { version: header.readUInt16LE(8), createdAt: header.readDoubleLE(16) };
}

/** The header of a frame, to be written in front of the payload. */
export function encodeFrameHeader(
  seed: number,
  ordinal: number,
  arrivedAt: number,
  payload: readonly Buffer[],
): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_SIZE);
  let length = 0;
  for (const part of payload) length += part.length;
  MARKER.copy(header);
  header.writeUInt32LE(ordinal, 4);
  header.writeUInt32LE(length, 8);
  header.writeDoubleLE(arrivedAt, 16);
  let crc = frameHeaderCrc(header, seed);
  for (const part of payload) crc = crc32(part, crc);
  header.writeUInt32LE(crc, 12);
  return header;
}

/** The header of `.marks`; `count` is the number of frames, or OPEN. */
export function encodeMarksHeader(seed: number, count: number): Buffer {
  const header = Buffer.alloc(MARKS_HEADER_SIZE);
  header.writeUInt32LE(count, 0);
  header.writeUInt32LE(crc32(header.subarray(0, 4), seed), 4);
  return header;
}

/** The number of frames; undefined where it is not known, or the header is torn. */
export function decodeMarksHeader(seed: number, header: Buffer): number | undefined {
  if (header.length < MARKS_HEADER_SIZE) return undefined;
  if (header.readUInt32LE(4) !== crc32(header.subarray(0, 4), seed)) return undefined;
  const count = header.readUInt32LE(0);
  return count === OPEN ? undefined : count;
}

/** The whole, undamaged frame that begins at this offset; undefined where none does. */
export function decodeFrame(bytes: Buffer, offset: number, seed: number): Frame | undefined {
  const start = offset + FRAME_HEADER_SIZE;
  if (start > bytes.length || bytes.compare(MARKER, 0, MARKER.length, offset, offset + 4) !== 0)
    return undefined;
  const header = bytes.subarray(offset, start);
  const end = start + header.readUInt32LE(8);
  if (end > bytes.length) return undefined;
  const payload = bytes.subarray(start, end);
  if (crc32(payload, frameHeaderCrc(header, seed)) !== header.readUInt32LE(12)) return undefined;
  return { ordinal: header.readUInt32LE(4), arrivedAt: header.readDoubleLE(16), payload, end };
}

/** Every undamaged frame of the bytes, in order; what lies between two of them is passed over. */
export function* findFrames(bytes: Buffer, seed: number): Generator<Frame> {
  let offset = 0;
  while (offset >= 0 && offset < bytes.length) {
    const frame = decodeFrame(bytes, offset, seed);
    if (frame) yield frame;
    offset = frame?.end ?? bytes.indexOf(MARKER, offset + 1);
  }
}

function headerCrc(header: Buffer): number {
  return crc32(header.subarray(16, HEADER_SIZE), crc32(header.subarray(0, 12)));
}

function frameHeaderCrc(header: Buffer, seed: number): number {
  return crc32(header.subarray(16, FRAME_HEADER_SIZE), crc32(header.subarray(4, 12), seed));
}
