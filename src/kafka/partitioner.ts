/** Which partition a key belongs to. Both choices agree with a client that other producers of the topic may use. */
import { crc32 } from 'node:zlib';
import { murmur2 } from './murmur2.ts';

export type PartitionerName = 'murmur2' | 'crc32';

/** The partition of a key, from 0 to `partitions` - 1. */
export type Partitioner = (key: Buffer, partitions: number) => number;

export const partitioners: Readonly<Record<PartitionerName, Partitioner>> = {
  /** Java's `DefaultPartitioner` for records with a key; clears the sign as `Utils.toPositive` does. */
  murmur2: (key, partitions) => (murmur2(key) & 0x7fffffff) % partitions,
  /** librdkafka's `consistent_random` for records with a key: the CRC-32 of zlib, unsigned. */
  crc32: (key, partitions) => crc32(key) % partitions,
};
