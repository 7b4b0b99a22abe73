/**
 * Writes records to the partitions of one topic on one broker, over a plain socket, and keeps no promise: a failed
 * request is not sent again, a broken connection ends the program, and the broker cannot recognise a duplicate.
 *
 * One request is in flight. It takes what has arrived while the one before it was in flight, up to a limit for each
 * partition. The request is encoded into one buffer, which is used again when the answer has arrived.
 */
import { crc32c } from '@node-rs/crc32';
import { connect, type Socket } from 'node:net';

export interface FloorRecord {
  /** Each character is one byte. */
  readonly key: string;
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  /** Called when the broker has answered. */
  readonly done: (taken: boolean) => void;
}

/** Most bytes of a partition's values in one request; http2kafka has the same limit. One record may be larger. */
const BATCH_BYTES = 1024 * 1024;

/** More than a record needs besides its key and value: varints, attributes, no headers. */
const RECORD_SLACK = 24;
/** More than a partition needs besides its records: index, length, the batch's header of 61 bytes. */
const PARTITION_SLACK = 80;

const PRODUCE = 0;
/** The last version without compact fields, which Kafka 4 still takes. */
const VERSION = 8;
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 30_000;
/** Null, and "no producer id". */
const NONE = -1;

export class FloorProducer {
  readonly #topic: string;
  readonly #waiting: FloorRecord[][];
  #waits = 0;
  readonly #inFlight: FloorRecord[][];
  #isInFlight = false;
  readonly #socket: Socket;
  #request = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #answer: Buffer = Buffer.alloc(0);

  constructor(port: number, topic: string, partitions: number) {
    this.#topic = topic;
    this.#waiting = Array.from({ length: partitions }, () => []);
    this.#inFlight = Array.from({ length: partitions }, () => []);
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (piece: Buffer) => this.#receive(piece));
    this.#socket.on('error', (error) => {
      throw error;
    });
    this.#socket.on('close', () => {
      throw new Error('the broker has closed the connection');
    });
  }

  add(record: FloorRecord): void {
    const partition = (murmur2(record.key) & 0x7fffffff) % this.#waiting.length;
    this.#waiting[partition]?.push(record);
    this.#waits += 1;
    // At the end of the turn, so that events of the same turn share the request.
    if (!this.#isInFlight) {
      this.#isInFlight = true;
      setImmediate(() => this.#send());
    }
  }

  #send(): void {
    for (const [partition, waiting] of this.#waiting.entries()) {
      let bytes = 0;
      let count = 0;
      for (const record of waiting) {
        if (count > 0 && bytes + record.bytes > BATCH_BYTES) break;
        bytes += record.bytes;
        count += 1;
      }
      this.#waits -= count;
      if (count === waiting.length) {
        this.#inFlight[partition] = waiting;
        this.#waiting[partition] = [];
      } else {
        this.#inFlight[partition] = waiting.splice(0, count);
      }
    }
    this.#socket.write(this.#encode());
  }

  #receive(piece: Buffer): void {
    this.#answer = this.#answer.length === 0 ? piece : Buffer.concat([this.#answer, piece]);
    if (this.#answer.length < 4 || this.#answer.length < 4 + this.#answer.readInt32BE(0)) return;
    const answer = this.#answer;
    this.#answer = Buffer.alloc(0);
    // Length, correlation id, number of topics, the topic's name.
    let at = 12;
    at += 2 + answer.readInt16BE(at);
    const partitions = answer.readInt32BE(at);
    at += 4;
    for (let left = partitions; left > 0; left--) {
      const records = this.#inFlight[answer.readInt32BE(at)] ?? [];
      const taken = answer.readInt16BE(at + 4) === 0;
      // Partition, error code, base offset, time, first offset.
      at += 4 + 2 + 8 + 8 + 8;
      const errors = answer.readInt32BE(at);
      at += 4;
      for (let index = 0; index < errors; index++) at = afterText(answer, at + 4);
      at = afterText(answer, at);
      for (const record of records) record.done(taken);
    }
    this.#isInFlight = this.#waits > 0;
    if (this.#isInFlight) this.#send();
  }

  /** A ProduceRequest of the records in flight. */
  #encode(): Buffer {
    let size = 64 + this.#topic.length;
    let partitions = 0;
    for (const records of this.#inFlight) {
      if (records.length === 0) continue;
      partitions += 1;
      size += PARTITION_SLACK;
      for (const { key, bytes } of records) size += RECORD_SLACK + key.length + bytes;
    }
    if (this.#request.length < size) this.#request = Buffer.allocUnsafeSlow(2 * size);
    const request = this.#request;
    let at = request.writeInt16BE(PRODUCE, 4);
    at = request.writeInt16BE(VERSION, at);
    at = request.writeInt32BE(0, at);
    at = request.writeInt16BE(NONE, at);
    at = request.writeInt16BE(NONE, at);
    at = request.writeInt16BE(ALL_REPLICAS, at);
    at = request.writeInt32BE(TIMEOUT_MS, at);
    at = request.writeInt32BE(1, at);
    at = request.writeInt16BE(this.#topic.length, at);
    at += request.write(this.#topic, at, 'latin1');
    at = request.writeInt32BE(partitions, at);
    for (const [index, records] of this.#inFlight.entries()) {
      if (records.length === 0) continue;
      at = request.writeInt32BE(index, at);
      const end = writeBatch(request, at + 4, records);
      request.writeInt32BE(end - at - 4, at);
      at = end;
    }
    request.writeInt32BE(at - 4, 0);
    return request.subarray(0, at);
  }
}

/** Writes a record batch (magic 2). Returns the offset after it. */
function writeBatch(to: Buffer, start: number, records: readonly FloorRecord[]): number {
  const time = BigInt(Date.now());
  let at = start + 61;
  for (const [index, { key, pieces, bytes }] of records.entries()) {
    const size = 3 + varintSize(index) + varintSize(key.length) + key.length + varintSize(bytes) + bytes;
    at = writeVarint(to, at, size);
    to[at++] = 0;
    to[at++] = 0;
    at = writeVarint(to, at, index);
    at = writeVarint(to, at, key.length);
    at += to.write(key, at, 'latin1');
    at = writeVarint(to, at, bytes);
    for (const piece of pieces) at += piece.copy(to, at);
    to[at++] = 0;
  }
  to.writeBigInt64BE(0n, start);
  // The length counts the bytes after it.
  to.writeInt32BE(at - start - 12, start + 8);
  to.writeInt32BE(NONE, start + 12);
  to.writeInt8(2, start + 16);
  to.writeInt16BE(0, start + 21);
  to.writeInt32BE(records.length - 1, start + 23);
  to.writeBigInt64BE(time, start + 27);
  to.writeBigInt64BE(time, start + 35);
  to.writeBigInt64BE(BigInt(NONE), start + 43);
  to.writeInt16BE(NONE, start + 51);
  to.writeInt32BE(NONE, start + 53);
  to.writeInt32BE(records.length, start + 57);
  to.writeUInt32BE(crc32c(to.subarray(start + 21, at)), start + 17);
  return at;
}

/** Lengths are not negative here, so zigzag doubles them. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value * 2; rest > 127; rest >>>= 7) size += 1;
  return size;
}

function writeVarint(to: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value * 2;
  for (; rest > 127; rest >>>= 7) to[at++] = (rest & 127) | 128;
  to[at++] = rest;
  return at;
}

/** The offset after a text that may be null. */
function afterText(answer: Buffer, at: number): number {
  return at + 2 + Math.max(0, answer.readInt16BE(at));
}

/** Kafka's hash of a key (`org.apache.kafka.common.utils.Utils.murmur2`), of a text of bytes. */
function murmur2(key: string): number {
  const multiplier = 0x5bd1e995;
  const length = key.length;
  let hash = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word =
      key.charCodeAt(at) |
      (key.charCodeAt(at + 1) << 8) |
      (key.charCodeAt(at + 2) << 16) |
      (key.charCodeAt(at + 3) << 24);
    word = Math.imul(word, multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const left = length - at;
  if (left >= 3) hash ^= key.charCodeAt(at + 2) << 16;
  if (left >= 2) hash ^= key.charCodeAt(at + 1) << 8;
  if (left >= 1) hash = Math.imul(hash ^ key.charCodeAt(at), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
