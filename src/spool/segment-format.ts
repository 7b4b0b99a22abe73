/**
 * The format of a segment, versions 1 to 3. All numbers are little-endian; CRC-32 is that of zlib.
 *
 * A topic's log is a folder of segments. A segment is a pair of files, `NNNNNNNNNN-SSSSSSSS.log` and `….marks`. The
 * number has ten decimal digits and gives the order. The seed has eight hexadecimal digits and is random.
 *
 * `.log`: the events, in the order in which the proxy took them.
 *
 *     header     0  "H2KSPOOL"
 *                8  version, u16: 3 if the file has references, else 2 if it has events of several topics, else 1
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
 * A reference stands in place of an event whose bytes are in the log of another topic, for an event of several topics. It
 * is a frame with the marker "H2KR", and the CRC is continued over that marker after the seed. Its payload:
 *
 *                0  number of the segment that has the event, u32
 *                4  seed of that segment, u32
 *                8  ordinal of the event there, u32
 *               12  offset of its frame there, u32
 *               16  length of that frame, its header included, u32
 *               20  the topic of that log, up to the end
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
 * - A reference is written only after the frame that it names is synced.
 * - A segment is removed when all its frames, and all references to them, are delivered. So a reference to a segment that
 *   is not there is one whose mark was lost. With damaged frames the segment is renamed to `….damaged` instead.
 */
import { crc32 } from 'node:zlib';

/** The version of a segment whose events are for one topic each. Version 0.1.0 of the program reads it, too. */
export const PLAIN_VERSION = 1;
/** The version of a segment with events that references may name. A program that does not know these must not remove it. */
export const SHARED_VERSION = 2;
/** The version of a segment with references. */
export const REFERENCE_VERSION = 3;
/** The newest version that this program knows. */
export const VERSION = REFERENCE_VERSION;
export const HEADER_SIZE = 24;
export const FRAME_HEADER_SIZE = 24;
export const MARKS_HEADER_SIZE = 16;
export const MARKS_VERSION = 0;
/** The folder of events in that of the spool. It has a folder for each topic. */
export const TOPICS_FOLDER = 'topics';
/** The folder of parked events in that of the spool. It has a folder for each topic, in the same format. */
export const PARKED_FOLDER = 'parked';
/** Stands in place of the number of frames. */
export const OPEN = 0xffffffff;

const MAGIC = Buffer.from('H2KSPOOL');
const MARKER = Buffer.from('H2KE');
const REFERENCE_MARKER = Buffer.from('H2KR');
/** Both markers begin with it. */
const MARKERS = Buffer.from('H2K');
const REFERENCE_FIXED_SIZE = 20;
/** Bytes of a topic's name, at most: Kafka's limit. */
const TOPIC_BYTES = 249;
/** Most bytes of the frame of a reference. */
export const REFERENCE_FRAME_SIZE = FRAME_HEADER_SIZE + REFERENCE_FIXED_SIZE + TOPIC_BYTES;
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
  /** The payload names the place of the event. */
  readonly isReference: boolean;
  /** Offset of the next frame. */
  readonly end: number;
}

/** Where the bytes of an event are in the log of another topic. */
export interface Reference extends SegmentName {
  readonly topic: string;
  readonly ordinal: number;
  /** Offset and bytes of its frame, the header included. */
  readonly offset: number;
  readonly length: number;
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

export function encodeHeader(createdAt: number, version = PLAIN_VERSION): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(header);
  header.writeUInt16LE(version, 8);
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
  isReference = false,
): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_SIZE);
  let length = 0;
  for (const part of payload) length += part.length;
  (isReference ? REFERENCE_MARKER : MARKER).copy(header);
  header.writeUInt32LE(ordinal, 4);
  header.writeUInt32LE(length, 8);
  header.writeDoubleLE(arrivedAt, 16);
  let crc = frameHeaderCrc(header, seed, isReference);
  for (const part of payload) crc = crc32(part, crc);
  header.writeUInt32LE(crc, 12);
  return header;
}

export function encodeReference({ topic, number, seed, ordinal, offset, length }: Reference): Buffer {
  const payload = Buffer.alloc(REFERENCE_FIXED_SIZE);
  for (const [index, value] of [number, seed, ordinal, offset, length].entries()) {
    payload.writeUInt32LE(value, 4 * index);
  }
  return Buffer.concat([payload, Buffer.from(topic)]);
}

/** What the payload of a reference says. */
export function decodeReference(payload: Buffer): Reference {
  return {
    number: payload.readUInt32LE(0),
    seed: payload.readUInt32LE(4),
    ordinal: payload.readUInt32LE(8),
    offset: payload.readUInt32LE(12),
    length: payload.readUInt32LE(16),
    topic: payload.toString('utf8', REFERENCE_FIXED_SIZE),
  };
}

/** Bytes of the event of a frame, which may be elsewhere. */
export function eventSize({ payload, isReference }: Frame): number {
  return isReference ? payload.readUInt32LE(16) - FRAME_HEADER_SIZE : payload.length;
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
  if (start > bytes.length) return undefined;
  const isReference = !isAt(MARKER, bytes, offset);
  if (isReference && !isAt(REFERENCE_MARKER, bytes, offset)) return undefined;
  const header = bytes.subarray(offset, start);
  const end = start + header.readUInt32LE(8);
  if (end > bytes.length) return undefined;
  const payload = bytes.subarray(start, end);
  if (crc32(payload, frameHeaderCrc(header, seed, isReference)) !== header.readUInt32LE(12)) return undefined;
  if (isReference && payload.length <= REFERENCE_FIXED_SIZE) return undefined;
  return { ordinal: header.readUInt32LE(4), arrivedAt: header.readDoubleLE(16), payload, isReference, end };
}

function isAt(marker: Buffer, bytes: Buffer, offset: number): boolean {
  return bytes.compare(marker, 0, marker.length, offset, offset + marker.length) === 0;
}

/** Every undamaged frame of the bytes, in order. Other bytes between the frames are skipped. */
export function* findFrames(bytes: Buffer, seed: number): Generator<Frame> {
  let offset = 0;
  while (offset >= 0 && offset < bytes.length) {
    const frame = decodeFrame(bytes, offset, seed);
    if (frame) yield frame;
    offset = frame?.end ?? bytes.indexOf(MARKERS, offset + 1);
  }
}

function headerCrc(header: Buffer): number {
  return crc32(header.subarray(16, HEADER_SIZE), crc32(header.subarray(0, 12)));
}

function frameHeaderCrc(header: Buffer, seed: number, isReference: boolean): number {
  const begin = isReference ? crc32(REFERENCE_MARKER, seed) : seed;
  return crc32(header.subarray(16, FRAME_HEADER_SIZE), crc32(header.subarray(4, 12), begin));
}
