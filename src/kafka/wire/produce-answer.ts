/**
 * The answer to versions 9 to 11 of Kafka's produce request (`ProduceResponse.json`):
 *
 *     size 4 · correlation id 4 · TAG_BUFFER · [name [partition] TAG_BUFFER] · throttle time ms 4 · TAG_BUFFER
 *
 * Each partition in it:
 *
 *     index 4 · error code 2 · base offset 8 · log append time ms 8 · log start offset 8 ·
 *     [batch index 4 · message TAG_BUFFER] · message · TAG_BUFFER
 *
 * Lengths are unsigned varints, one larger than what they count. 0 means null. Tagged fields are skipped: version 10 added
 * the new leader of a partition (KIP-951), which the proxy asks the cluster for.
 */
import type { PartitionAnswer } from '../cluster/brokers.ts';

/** Bytes of base offset, log append time and log start offset. */
const OFFSETS_BYTES = 24;

const NO_CULPRITS: readonly number[] = [];

/**
 * Reads an answer, with its size in front.
 * @throws {RangeError} if it is not one.
 */
export function readProduceAnswer(bytes: Buffer): PartitionAnswer[] {
  const reader = new AnswerReader(bytes, 8);
  const answers: PartitionAnswer[] = [];
  reader.skipTags();
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.text() ?? '';
    for (let partitions = reader.count(); partitions > 0; partitions--)
      answers.push(readPartition(reader, topic));
    reader.skipTags();
  }
  reader.skip(4);
  reader.skipTags();
  if (reader.at !== bytes.length) throw new RangeError('bytes follow the answer to a produce request');
  return answers;
}

function readPartition(reader: AnswerReader, topic: string): PartitionAnswer {
  const partition = reader.int32();
  const errorCode = reader.int16();
  reader.skip(OFFSETS_BYTES);
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
  return { topic, partition, errorCode, culprits, message: ownMessage ?? batchMessage };
}

class AnswerReader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
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

  /** The length of an array; 0 for null. */
  count(): number {
    return Math.max(0, this.#varint() - 1);
  }

  text(): string | null {
    const length = this.#varint() - 1;
    if (length < 0) return null;
    const from = this.at;
    this.skip(length);
    return this.#bytes.toString('utf8', from, this.at);
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#bytes.length) throw new RangeError('the answer to a produce request is too short');
  }

  skipTags(): void {
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
