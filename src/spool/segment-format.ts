/**
 * The format of a segment, version 1. All numbers are little-endian; CRC-32 is that of zlib.
 *
 * A topic's log is a folder of segments. A segment is a pair of files, `NNNNNNNNNN-SSSSSSSS.log` and `….marks`. The
 * number has ten decimal digits and gives the order. The seed has eight hexadecimal digits and is random.
 *
 * `.log`: the events, in the order in which the proxy took them.
 *
 *     header     0  "H2KSPOOL"
 *                8  version, u16
 *               10  zero, u16
 *               12  CRC-32 of bytes 0 to 11, continued over bytes 16 to 23, u32
 *               16  time at which the segment was made, in ms since the epoch, f64
 *     frame      0  "H2KE"
 *                4  ordinal within the segment, from 0, u32
 *                8  length of the payload in bytes, u32
 *               12  CRC-32 of ordinal, length, time and payload, started with the seed, u32
 *               16  time at which the event arrived, in ms since the epoch, f64
 *               24  payload
 *     …more frames, one after the other
 *
 * `.marks`: the delivery of the events. It is never synced: after a power cut, a lost mark means an event sent twice.
 *
 *                0  number of frames, u32; OPEN while the proxy still writes to the segment
 *                4  CRC-32 of these four bytes, started with the seed, u32; if it is wrong, the frames are counted again
 *                8  version of this file, u16: 0
 *               10  zeros
 *                   From version 1 on, the checksum goes on over bytes 8 to 15. So a version tells a later format from a
 *                   changed byte, which costs nothing.
 *               16  a byte for each frame, by ordinal: 0 kept, 1 delivered, 2 sent and not yet answered
 *     …a byte missing at the end counts as zero
 *
 * Invariants:
 *
 * - An event is acknowledged only after its frame, and its segment's name in the folder, are synced.
 * - The proxy never appends to a segment after an error, or to a segment of an earlier process. The content of a file
 *   after a failed sync is undefined, and the mark of one frame must never apply to another.
 * - A frame with a wrong CRC was never synced (at the end of an open segment), or it is damaged. The search for the next
 *   marker goes on behind it. No sender knows the seed, so no event can contain a valid frame.
 * - A proxy does not start with a file of a version that it does not know. It would leave acknowledged events behind.
 * - A segment is removed when all its frames are delivered. With damaged frames it is renamed to `….damaged` instead.
 */
import { crc32 } from 'node:zlib';

export const VERSION = 1;
export const HEADER_SIZE = 24;
export const FRAME_HEADER_SIZE = 24;
export const MARKS_HEADER_SIZE = 16;
export const MARKS_VERSION = 0;
/** The folder of parked events in that of the spool. It has a folder for each topic, in the same format. */
export const PARKED_FOLDER = 'parked';
/** Stands in place of the number of frames. */
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
  /** Offset of the next frame. */
  readonly end: number;
}

/** The file name without its ending. */
export function formatName({ number, seed }: SegmentName): string {
  return `${String(number).padStart(10, '0')}-${seed.toString(16).padStart(8, '0')}`;
}

/** Number and seed from the name of a `.log` file; undefined for any other name. */
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

/** Version and creation time of a segment; undefined if the header is damaged. */
export function decodeHeader(header: Buffer): { version: number; createdAt: number } | undefined {
  if (header.length < HEADER_SIZE || header.readUInt32LE(12) !== headerCrc(header)) return undefined;
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  return { version: header.readUInt16LE(8), createdAt: header.readDoubleLE(16) };
}

/** The header of a frame. It stands before the payload. */
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

/** The number of frames; undefined if the segment is still open or the header is torn. */
export function decodeMarksHeader(seed: number, header: Buffer): number | undefined {
  if (header.length < MARKS_HEADER_SIZE) return undefined;
  if (header.readUInt32LE(4) !== crc32(header.subarray(0, 4), seed)) return undefined;
  const count = header.readUInt32LE(0);
  return count === OPEN ? undefined : count;
}

/**
 * The version of a `.marks` file. A header that is torn or changed counts as one of version 0: its marks are used as far as
 * they go, and a wrong one means a duplicate at most.
 */
export function decodeMarksVersion(seed: number, header: Buffer): number {
  if (header.length < MARKS_HEADER_SIZE) return 0;
  const crc = crc32(header.subarray(8, MARKS_HEADER_SIZE), crc32(header.subarray(0, 4), seed));
  return header.readUInt32LE(4) === crc ? header.readUInt16LE(8) : 0;
}

/** The number of bytes that a frame header says of its payload, which may be wrong on a damaged disk. */
export function payloadSize(header: Buffer): number {
  return header.readUInt32LE(8);
}

/** The whole, undamaged frame at this offset; undefined if there is none. */
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

/** Every undamaged frame of the bytes, in order. Other bytes between the frames are skipped. */
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
