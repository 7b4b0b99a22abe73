/**
 * Versions 3 to 11 of Kafka's produce request (`ProduceRequest.json`). Version 9 came with Kafka 2.8. Older ones are for brokers of other
 * makers: Redpanda and Azure Event Hubs take 7 at most. From 12 on a request may name topics by their ids only.
 *
 *     size 4 · api key 2 · version 2 · correlation id 4 · client id length 2 · client id · TAG_BUFFER ·
 *     transactional id (null) · acks 2 · timeout ms 4 · [name [index 4 · records · TAG_BUFFER] TAG_BUFFER] TAG_BUFFER
 *
 * From version 9 on, lengths of arrays, of names and of records are unsigned varints, one larger than what they count. 0 means null
 * (KIP-482). Before, there are no TAG_BUFFERs, a length has 4 bytes, that of a name 2, and -1 means null.
 */
import type { PartitionBatch } from '../cluster/brokers.ts';
import { unsignedVarintSize, writeUnsignedVarint } from './record-batch.ts';

const PRODUCE_KEY = 0;

/** All in-sync replicas must have a batch before the broker answers. */
const ACKS_ALL = -1;

/** Kafka's tagged fields, none, and its null. */
const NONE = 0;

/** Null for a length of 2 bytes. */
const PLAIN_NULL = -1;

/** The first version with varints and tagged fields. */
export const FLEXIBLE_VERSION = 9;

/** Most bytes of the head without the client id, and of the end. */
const HEAD_BYTES = 26;

/** A larger piece of a batch stays a piece: copying it would cost more than a further piece for the kernel. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Most bytes of batches that one request copies. */
const MAX_COPIED_IN_ALL_BYTES = 128 * 1024;

export interface ProduceHead {
  /** 3 to 11. */
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: Buffer;
  /** Most milliseconds that the broker waits for the replicas. */
  readonly timeoutMs: number;
}

/**
 * Encodes a request. Returns its bytes in pieces: large ones of batches are pieces as they are, all else is written into `room`, of
 * which the other pieces are parts. `room` has at least `roomFor(batches, clientId)` bytes.
 */
export function encodeProduce(
  batches: readonly PartitionBatch[],
  { version, correlationId, clientId, timeoutMs }: ProduceHead,
  room: Buffer,
): Buffer[] {
  const topics = byTopic(batches);
  const isFlexible = version >= FLEXIBLE_VERSION;
  const pieces: Buffer[] = [];
  let copies = MAX_COPIED_IN_ALL_BYTES;
  let apart = 0;
  let from = 0;
  let at = 4;
  at = room.writeInt16BE(PRODUCE_KEY, at);
  at = room.writeInt16BE(version, at);
  at = room.writeInt32BE(correlationId, at);
  at = room.writeInt16BE(clientId.length, at);
  at += clientId.copy(room, at);
  if (isFlexible) {
    room[at++] = NONE;
    room[at++] = NONE;
  } else at = room.writeInt16BE(PLAIN_NULL, at);
  at = room.writeInt16BE(ACKS_ALL, at);
  at = room.writeInt32BE(timeoutMs, at);
  at = writeLength(room, at, topics.length, isFlexible);
  for (const partitions of topics) {
    const topic = partitions[0]?.topic ?? '';
    const nameBytes = Buffer.byteLength(topic);
    at = isFlexible ? writeUnsignedVarint(room, at, nameBytes + 1) : room.writeInt16BE(nameBytes, at);
    at += room.write(topic, at);
    at = writeLength(room, at, partitions.length, isFlexible);
    for (const batch of partitions) {
      at = room.writeInt32BE(batch.partition, at);
      at = writeLength(room, at, batch.size, isFlexible);
      for (const piece of batch.pieces) {
        if (isCopied(piece.length, copies)) {
          copies -= piece.length;
          at += piece.copy(room, at);
        } else {
          if (at > from) pieces.push(room.subarray(from, at));
          pieces.push(piece);
          apart += piece.length;
          from = at;
        }
      }
      if (isFlexible) room[at++] = NONE;
    }
    if (isFlexible) room[at++] = NONE;
  }
  if (isFlexible) room[at++] = NONE;
  pieces.push(room.subarray(from, at));
  // The size counts the bytes after it.
  room.writeInt32BE(at + apart - 4, 0);
  return pieces;
}

/** The length of an array or of records. */
function writeLength(room: Buffer, at: number, length: number, isFlexible: boolean): number {
  return isFlexible ? writeUnsignedVarint(room, at, length + 1) : room.writeInt32BE(length, at);
}

/** Bytes that a request of any version needs beside the large pieces of its batches. */
export function roomFor(batches: readonly PartitionBatch[], clientId: Buffer): number {
  let copies = MAX_COPIED_IN_ALL_BYTES;
  let size = HEAD_BYTES + clientId.length + unsignedVarintSize(batches.length + 1);
  for (const batch of batches) {
    // As if each batch had a topic of its own: UTF-8 takes three bytes at most for a unit of a string.
    size += 3 * batch.topic.length + 12 + 5 + unsignedVarintSize(batch.size + 1);
    for (const { length } of batch.pieces) {
      if (!isCopied(length, copies)) continue;
      copies -= length;
      size += length;
    }
  }
  return size;
}

function isCopied(bytes: number, copies: number): boolean {
  return bytes <= MAX_COPIED_BYTES && bytes <= copies;
}

/** The batches of each topic. */
function byTopic(batches: readonly PartitionBatch[]): (readonly PartitionBatch[])[] {
  const first = batches[0]?.topic;
  if (batches.every(({ topic }) => topic === first)) return [batches];
  return [...Map.groupBy(batches, ({ topic }) => topic).values()];
}
