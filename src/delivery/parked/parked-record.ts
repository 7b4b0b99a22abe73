/**
 * The layout of a parked event on disk. The topic is that of the log. Numbers are little-endian:
 *
 *      0  version of this layout, u8: 1
 *      1  time at which the event was parked, in ms since the epoch, f64
 *      9  length of the refusal in bytes, u16
 *     11  length of the reason in bytes, u16
 *     13  the refusal: why its own topic does not take the event; empty if that is the dead-letter topic
 *      …  the reason: why the event is parked
 *      …  the event, as in the spool (see spooled-record.ts), up to the end
 */
import { createHash } from 'node:crypto';

const VERSION = 1;
const FIXED_SIZE = 13;

/** Bytes of a text, at most. Names of errors and sizes are far shorter. */
const TEXT_BYTES = 1000;

/** Hexadecimal digits of an id. Among a million parked events, two have the same one with a chance of 1 to 37 million. */
const ID_DIGITS = 16;

/** Why an event is parked. */
export interface ParkedReason {
  /** Why its own topic does not take it; empty if that is the dead-letter topic. */
  readonly refusal: string;
  /** Why the dead-letter topic does not take it. It begins with its kind: `too-large: …`, `refused: …`. */
  readonly reason: string;
}

/** A parked event as it is read. */
export interface ParkedRecord extends ParkedReason {
  readonly id: string;
  /** When it was parked, in milliseconds since the epoch. */
  readonly since: number;
  /** The event as in the spool. */
  readonly payload: Buffer;
}

/** The bytes in front of the event. `since` is in milliseconds since the epoch. */
export function encodeParkedHead({ refusal, reason }: ParkedReason, since: number): Buffer {
  const texts = [refusal, reason].map((text) => Buffer.from(text).subarray(0, TEXT_BYTES));
  const head = Buffer.alloc(FIXED_SIZE);
  head.writeUInt8(VERSION, 0);
  head.writeDoubleLE(since, 1);
  for (const [index, text] of texts.entries()) head.writeUInt16LE(text.length, 9 + 2 * index);
  return Buffer.concat([head, ...texts]);
}

/**
 * Decodes a parked event. Its payload is a part of `bytes`, not a copy. Never throws: an event of a layout that this
 * program does not know is one with a reason that says so.
 */
export function decodeParked(topic: string, bytes: Buffer, arrivedAt: number): ParkedRecord {
  const version = bytes.length < FIXED_SIZE ? 0 : bytes.readUInt8(0);
  if (version !== VERSION) {
    const reason = `unreadable: a parked event of layout version ${version}, which this program does not know`;
    return { id: idOf(topic, [bytes], arrivedAt), since: arrivedAt, refusal: '', reason, payload: bytes };
  }
  const reasonAt = FIXED_SIZE + bytes.readUInt16LE(9);
  const payloadAt = reasonAt + bytes.readUInt16LE(11);
  const payload = bytes.subarray(payloadAt);
  return {
    id: idOf(topic, [payload], arrivedAt),
    since: bytes.readDoubleLE(1),
    refusal: bytes.toString('utf8', FIXED_SIZE, reasonAt),
    reason: bytes.toString('utf8', reasonAt, payloadAt),
    payload,
  };
}

/**
 * The id of a parked event, from its topic, its bytes and its time of arrival. It stays the same as long as the event is
 * parked. An event that a crash has left twice on disk has one id.
 */
export function idOf(topic: string, parts: readonly Buffer[], arrivedAt: number): string {
  const hash = createHash('sha256').update(`${topic} ${arrivedAt} `);
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, ID_DIGITS);
}
