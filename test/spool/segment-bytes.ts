/**
 * Reads a segment by the description of its format alone (src/spool/segment-format.ts). It shares no code with the
 * spool's own reader.
 */

export interface DecodedFrame {
  readonly start: number;
  readonly ordinal: number;
  readonly arrivedAt: number;
  readonly payload: Buffer;
  readonly isReference: boolean;
  readonly end: number;
}

/** CRC-32 as zlib computes it, bit by bit. It starts from the CRC `begin`. */
export function crc32(bytes: Buffer, begin = 0): number {
  let crc = ~begin;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** The header of a segment, of any version. */
export function segmentHeader(version: number, createdAt: number): Buffer {
  const header = Buffer.alloc(24);
  header.write('H2KSPOOL', 'latin1');
  header.writeUInt16LE(version, 8);
  header.writeDoubleLE(createdAt, 16);
  header.writeUInt32LE(crc32(header.subarray(16, 24), crc32(header.subarray(0, 12))), 12);
  return header;
}

/** A frame, as a writer that knows the seed makes it. */
export function frame(seed: number, ordinal: number, arrivedAt: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(24);
  header.write('H2KE', 'latin1');
  header.writeUInt32LE(ordinal, 4);
  header.writeUInt32LE(payload.length, 8);
  header.writeDoubleLE(arrivedAt, 16);
  header.writeUInt32LE(frameCrc(header, seed, payload), 12);
  return Buffer.concat([header, payload]);
}

/** The frames of an undamaged segment, without a torn frame at the end. @throws if anything else is wrong. */
export function decodeSegment(bytes: Buffer, seed: number, version = 1): DecodedFrame[] {
  const createdAt = bytes.readDoubleLE(16);
  if (!bytes.subarray(0, 24).equals(segmentHeader(version, createdAt))) throw new Error('header');
  const frames: DecodedFrame[] = [];
  for (let start = 24; start + 24 <= bytes.length;) {
    const end = start + 24 + bytes.readUInt32LE(start + 8);
    if (end > bytes.length) break;
    const header = bytes.subarray(start, start + 24);
    const payload = bytes.subarray(start + 24, end);
    const marker = header.toString('latin1', 0, 4);
    const isReference = version === 3 && marker === 'H2KR';
    if (marker !== 'H2KE' && !isReference) throw new Error(`marker at ${start}`);
    const begin = isReference ? crc32(Buffer.from(marker), seed) : seed;
    if (header.readUInt32LE(12) !== frameCrc(header, begin, payload)) throw new Error(`CRC at ${start}`);
    frames.push({
      start,
      ordinal: header.readUInt32LE(4),
      arrivedAt: header.readDoubleLE(16),
      payload,
      isReference,
      end,
    });
    start = end;
  }
  return frames;
}

/** Returns the seed from the name of a segment. */
export function seedOf(path: string): number {
  const [, seed] = /-([0-9a-f]{8})\.log$/.exec(path) ?? [];
  if (seed === undefined) throw new Error(`${path} is not the name of a segment`);
  return Number.parseInt(seed, 16);
}

function frameCrc(header: Buffer, seed: number, payload: Buffer): number {
  return crc32(payload, crc32(header.subarray(16, 24), crc32(header.subarray(4, 12), seed)));
}
