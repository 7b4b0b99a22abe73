/**
 * Versions 9 to 11 of Kafka's produce request, which differ only in what their answers may add (`ProduceRequest.json`):
 *
 *     size 4 · api key 2 · version 2 · correlation id 4 · client id length 2 · client id · TAG_BUFFER ·
 *     transactional id (null) · acks 2 · timeout ms 4 · [name [index 4 · records · TAG_BUFFER] TAG_BUFFER] TAG_BUFFER
 *
 * Lengths of arrays, of names and of records are unsigned varints, one larger than what they count. 0 means null.
 */
import type { PartitionBatch } from '../cluster/brokers.ts';
import { unsignedVarintSize, writeUnsignedVarint } from './record-batch.ts';

const PRODUCE_KEY = 0;

/** All in-sync replicas must have a batch before the broker answers. */
const ACKS_ALL = -1;

/** Kafka's tagged fields, none, and its null. */
const NONE = 0;

/** Bytes of the head without the client id. */
const HEAD_BYTES = 23;

/** A larger piece of a batch stays a piece: copying it would cost more than a further piece for the kernel. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Most bytes of batches that one request copies. */
const MAX_COPIED_IN_ALL_BYTES = 128 * 1024;

export interface ProduceHead {
  /** As the broker's answer to the question for its versions allows it: 9 to 11. */
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
  room[at++] = NONE;
  room[at++] = NONE;
  at = room.writeInt16BE(ACKS_ALL, at);
  at = room.writeInt32BE(timeoutMs, at);
  at = writeUnsignedVarint(room, at, topics.length + 1);
  for (const partitions of topics) {
    const topic = partitions[0]?.topic ?? '';
    const nameBytes = Buffer.byteLength(topic);
    at = writeUnsignedVarint(room, at, nameBytes + 1);
    at += room.write(topic, at);
    at = writeUnsignedVarint(room, at, partitions.length + 1);
    for (const batch of partitions) {
      at = room.writeInt32BE(batch.partition, at);
      at = writeUnsignedVarint(room, at, batch.size + 1);
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
      room[at++] = NONE;
    }
    room[at++] = NONE;
  }
  room[at++] = NONE;
  pieces.push(room.subarray(from, at));
  // The size counts the bytes after it.
  room.writeInt32BE(at + apart - 4, 0);
  return pieces;
}

/** Bytes that a request needs beside the large pieces of its batches. */
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
