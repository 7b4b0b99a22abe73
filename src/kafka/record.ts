/** A Kafka record that is to be written. It has no partition yet. */

export interface RecordHeader {
  readonly name: Buffer;
  readonly value: Buffer;
}

export interface KafkaRecord {
  readonly topic: string;
  /** Null if any partition is right. */
  readonly key: Buffer | null;
  /** The event's bytes exactly as received, after decoding. */
  readonly value: Buffer;
  readonly headers: readonly RecordHeader[];
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** When the proxy received it, in milliseconds since the epoch. */
  readonly arrivedAt: number;
}

/** Makes a record header from text. Kafka keeps name and value as UTF-8. */
export function recordHeader(name: string, value: string): RecordHeader {
  return { name: Buffer.from(name), value: Buffer.from(value) };
}

/** Most bytes that a record needs besides key, value and headers: length fields and other varints. */
const RECORD_OVERHEAD = 36;
const HEADER_OVERHEAD = 6;

/** The most bytes that a record adds to a batch, before compression. */
export function recordSize({ key, value, headers }: Omit<KafkaRecord, 'topic'>): number {
  let size = RECORD_OVERHEAD + (key?.length ?? 0) + value.length;
  for (const header of headers) size += HEADER_OVERHEAD + header.name.length + header.value.length;
  return size;
}
