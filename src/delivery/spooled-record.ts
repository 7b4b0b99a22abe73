/**
 * The layout of a Kafka record in the spool. The topic is that of the log. Numbers are little-endian:
 *
 *      0  version of this layout, u8: 1
 *      1  the record's time in ms since the epoch, f64
 *      9  length of the key, i32; -1 without a key
 *     13  number of headers, u16
 *     15  the key, then for each header: length of the name u16, length of the value u32, name, value
 *      …  the event, up to the end
 *
 * The event comes last, so its bytes are written without a copy.
 */
import type { KafkaRecord, RecordHeader } from '../kafka/record.ts';

/** The newest layout that this program knows. */
export const VERSION = 1;
const FIXED_SIZE = 15;
const HEADER_FIXED_SIZE = 6;

/** The pieces to write, one after the other. The last piece is the event itself. */
export function encodeRecord({ key, value, headers, timestamp }: KafkaRecord): readonly Buffer[] {
  let size = FIXED_SIZE + (key?.length ?? 0);
  for (const header of headers) size += HEADER_FIXED_SIZE + header.name.length + header.value.length;
  const head = Buffer.allocUnsafe(size);
  head.writeUInt8(VERSION, 0);
  head.writeDoubleLE(timestamp, 1);
  head.writeInt32LE(key?.length ?? -1, 9);
  head.writeUInt16LE(headers.length, 13);
  let offset = FIXED_SIZE;
  if (key) offset += key.copy(head, offset);
  for (const header of headers) {
    head.writeUInt16LE(header.name.length, offset);
    head.writeUInt32LE(header.value.length, offset + 2);
    offset += HEADER_FIXED_SIZE;
    offset += header.name.copy(head, offset);
    offset += header.value.copy(head, offset);
  }
  return [head, value];
}

/**
 * Decodes a record. Its parts are parts of `payload`, not copies.
 * @throws if the layout has a later version, or the fixed part is cut off.
 */
export function decodeRecord(topic: string, payload: Buffer, arrivedAt: number): KafkaRecord {
  const version = payload.readUInt8(0);
  if (version !== VERSION)
    throw new Error(`a record of layout version ${version}, which this program does not know`);
  const timestamp = payload.readDoubleLE(1);
  const keyLength = payload.readInt32LE(9);
  let offset = FIXED_SIZE;
  const take = (length: number) => {
    offset += length;
    return payload.subarray(offset - length, offset);
  };
  const key = keyLength === -1 ? null : take(keyLength);
  const headers: RecordHeader[] = [];
  for (let left = payload.readUInt16LE(13); left > 0; left--) {
    const nameLength = payload.readUInt16LE(offset);
    const valueLength = payload.readUInt32LE(offset + 2);
    offset += HEADER_FIXED_SIZE;
    headers.push({ name: take(nameLength), value: take(valueLength) });
  }
  return { topic, key, headers, timestamp, arrivedAt, value: payload.subarray(offset) };
}
