/** A Kafka record on its way: what is written, before it has a partition. */

export interface RecordHeader {
  readonly name: Buffer;
  readonly value: Buffer;
}

export interface KafkaRecord {
  readonly topic: string;
  /** Null where any partition will do. */
  readonly key: Buffer | null;
  /** The event's bytes exactly as received, after decoding. */
  readonly value: Buffer;
  readonly headers: readonly RecordHeader[];
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** When the proxy received it, in milliseconds since the epoch. */
  readonly arrivedAt: number;
}

/** A record header from text; Kafka holds both sides as UTF-8. */
export function recordHeader(name: string, value: string): RecordHeader {
  return { name: Buffer.from(name), value: Buffer.from(value) };
}

/** Bytes of length fields and the like that a record needs at most besides key, value and headers (varints). */
const RECORD_OVERHEAD = 36;
const HEADER_OVERHEAD = 6;

/** The most that a record adds to a batch, in bytes before compression. */
export function recordSize({ key, value, headers }: KafkaRecord): number {
  let size = RECORD_OVERHEAD + (key?.length ?? 0) + value.length;
  for (const header of headers) size += HEADER_OVERHEAD + header.name.length + header.value.length;
  return size;
}
