/**
 * The answer to versions 3 to 11 of Kafka's produce request (`ProduceResponse.json`):
 *
 *     size 4 · correlation id 4 · TAG_BUFFER · [name [partition] TAG_BUFFER] · throttle time ms 4 · TAG_BUFFER
 *
 * Each partition in it:
 *
 *     index 4 · error code 2 · base offset 8 · log append time ms 8 · log start offset 8 ·
 *     [batch index 4 · message TAG_BUFFER] · message · TAG_BUFFER
 *
 * From version 9 on lengths are unsigned varints, one larger than what they count. 0 means null. Before, there are no TAG_BUFFERs, an array
 * has a length of 4 bytes, a text one of 2, and -1 means null. The log start offset came with version 5, refused records and the message with
 * version 8 (KIP-467). Tagged fields are skipped: version 10 added the new leader of a partition (KIP-951), which the proxy asks the cluster
 * for.
 */
import type { PartitionAnswer } from '../cluster/brokers.ts';
import { FLEXIBLE_VERSION } from './produce-request.ts';

/** Bytes of the log append time, and of the log start offset. */
const APPEND_TIME_BYTES = 8;
const START_OFFSET_BYTES = 8;

/** The first versions with the log start offset, and with the refused records. */
const START_OFFSET_VERSION = 5;
const CULPRITS_VERSION = 8;

const NO_CULPRITS: readonly number[] = [];

/**
 * Reads an answer to a request of this version, with its size in front.
 * @throws {RangeError} if it is not one.
 */
export function readProduceAnswer(bytes: Buffer, version: number): PartitionAnswer[] {
  const reader = new AnswerReader(bytes, 8, version >= FLEXIBLE_VERSION);
  const answers: PartitionAnswer[] = [];
  reader.skipTags();
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.text() ?? '';
    for (let partitions = reader.count(); partitions > 0; partitions--)
      answers.push(readPartition(reader, topic, version));
    reader.skipTags();
  }
  reader.skip(4);
  reader.skipTags();
  if (reader.at !== bytes.length) throw new RangeError('bytes follow the answer to a produce request');
  return answers;
}

function readPartition(reader: AnswerReader, topic: string, version: number): PartitionAnswer {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const baseOffset = reader.int64();
  reader.skip(version < START_OFFSET_VERSION ? APPEND_TIME_BYTES : APPEND_TIME_BYTES + START_OFFSET_BYTES);
  if (version < CULPRITS_VERSION) {
    return { topic, partition, errorCode, baseOffset, culprits: NO_CULPRITS, message: null };
  }
  let culprits = NO_CULPRITS;
  let ownMessage: string | null = null;
  const refused = reader.count();
  if (refused > 0) {
    const places: number[] = [];
    for (let index = 0; index < refused; index++) {
      places.push(reader.int32());
      const message = reader.text();
      if (index === 0) ownMessage = message;
      reader.skipTags();
    }
    culprits = places;
  }
  const batchMessage = reader.text();
  reader.skipTags();
  return { topic, partition, errorCode, baseOffset, culprits, message: ownMessage ?? batchMessage };
}

class AnswerReader {
  readonly #bytes: Buffer;
  readonly #isFlexible: boolean;
  at: number;

  constructor(bytes: Buffer, at: number, isFlexible: boolean) {
    this.#bytes = bytes;
    this.#isFlexible = isFlexible;
    this.at = at;
  }

  int16(): number {
    const value = this.#bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.#bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** Exact up to 2^53, which no partition reaches. */
  int64(): number {
    const high = this.int32();
    return high * 2 ** 32 + (this.int32() >>> 0);
  }

  /** The length of an array; 0 for null. */
  count(): number {
    return Math.max(0, this.#isFlexible ? this.#varint() - 1 : this.int32());
  }

  text(): string | null {
    const length = this.#isFlexible ? this.#varint() - 1 : this.int16();
    if (length < 0) return null;
    const from = this.at;
    this.skip(length);
    return this.#bytes.toString('utf8', from, this.at);
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#bytes.length) throw new RangeError('the answer to a produce request is too short');
  }

  /** Before version 9 there are none. */
  skipTags(): void {
    if (!this.#isFlexible) return;
    for (let tags = this.#varint(); tags > 0; tags--) {
      this.#varint();
      this.skip(this.#varint());
    }
  }

  /** An unsigned varint of at most 32 bits. */
  #varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.at);
      this.at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError('a length in the answer to a produce request is too large');
  }
}
