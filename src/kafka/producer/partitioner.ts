/** Chooses the partition of a key. Each choice agrees with a client that other producers of the topic may use. */
import { crc32 } from 'node:zlib';

export type PartitionerName = 'murmur2' | 'crc32';

/** The partition of a key, from 0 to `partitions` - 1. */
export type Partitioner = (key: Buffer, partitions: number) => number;

export const partitioners: Readonly<Record<PartitionerName, Partitioner>> = {
  /** Java's `DefaultPartitioner` for records with a key; clears the sign as `Utils.toPositive` does. */
  murmur2: (key, partitions) => (murmur2(key) & 0x7fffffff) % partitions,
  /** librdkafka's `consistent_random` for records with a key: the CRC-32 of zlib, unsigned. */
  crc32: (key, partitions) => crc32(key) % partitions,
};

/**
 * The hash of the Java client's default partitioner (`org.apache.kafka.common.utils.Utils.murmur2`). Returns a signed
 * 32-bit integer. It is linear in the key's length: a key is a sender's text, so a slower hash would invite abuse.
 */
export function murmur2(bytes: Uint8Array): number {
  const multiplier = 0x5bd1e995;
  const length = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let hash = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = Math.imul(view.getInt32(at, true), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const left = length - at;
  if (left >= 3) hash ^= view.getUint8(at + 2) << 16;
  if (left >= 2) hash ^= view.getUint8(at + 1) << 8;
  if (left >= 1) hash = Math.imul(hash ^ view.getUint8(at), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
