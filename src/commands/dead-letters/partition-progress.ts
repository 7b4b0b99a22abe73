/**
 * How far the replay of a partition is: which letters it has sent. A letter that is still wrong may stand between others that were
 * sent, and must be found by the next replay. So the offset of the group is that of the first letter that was not sent, and the
 * text beside the offset has the letters behind it that were: lengths of runs, in turn not sent and sent.
 *
 *     http2kafka1:BASE64URL
 *
 * The bytes are those of unsigned varints, compressed by deflate (RFC 1951). A program that knows nothing of it sees a group
 * whose lag ends at the first letter that was not sent.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MAX_METADATA_BYTES, type GroupPosition } from '../../kafka/transaction/group-offsets.ts';

const MARK = 'http2kafka1:';

/** Bytes of the runs, at most, when they are read: a text of another program must not fill the memory. */
const MAX_RUN_BYTES = 1024 * 1024;

/** The text beside the offset is not that of a replay. */
export class ForeignProgressError extends Error {}

/** From an offset up to another one, exclusive. */
type Run = readonly [from: number, to: number];

export class PartitionProgress {
  /** All letters before it are sent. */
  #offset: number;
  /** Behind it, in order, with gaps between them. */
  #sent: Run[];

  private constructor(offset: number, sent: readonly Run[]) {
    this.#offset = offset;
    this.#sent = [...sent];
  }

  /** Of a partition from which nothing was sent. */
  static at(offset: number): PartitionProgress {
    return new PartitionProgress(offset, []);
  }

  /**
   * As a group has it. `start` is the first offset that the partition still has.
   * @throws {ForeignProgressError}
   */
  static of({ offset, metadata }: GroupPosition, start: number): PartitionProgress {
    const progress = new PartitionProgress(offset, runsOf(metadata, offset));
    if (start > offset) progress.add(offset, start);
    return progress;
  }

  get offset(): number {
    return this.#offset;
  }

  copy(): PartitionProgress {
    return new PartitionProgress(this.#offset, this.#sent);
  }

  isSent(offset: number): boolean {
    if (offset < this.#offset) return true;
    let low = 0;
    let high = this.#sent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sent[middle]?.[1] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const run = this.#sent[low];
    return run !== undefined && run[0] <= offset;
  }

  /** Notes that the letters from an offset up to another one are sent, or that there are none. */
  add(from: number, to: number): void {
    if (from >= to || to <= this.#offset) return;
    let at = this.#sent.length;
    // Nearly always at the end: letters are read in order.
    while (at > 0 && (this.#sent[at - 1]?.[1] ?? 0) >= from) at -= 1;
    let [first, last] = [from, to];
    let overlapping = 0;
    for (const [start, end] of this.#sent.slice(at)) {
      if (start > to) break;
      first = Math.min(first, start);
      last = Math.max(last, end);
      overlapping += 1;
    }
    this.#sent.splice(at, overlapping, [first, last]);
    while (this.#sent[0] && this.#sent[0][0] <= this.#offset) this.#offset = this.#sent.shift()?.[1] ?? to;
  }

  /** As a group keeps it; undefined if it has too many runs for the brokers. */
  encoded(): GroupPosition | undefined {
    if (this.#sent.length === 0) return { offset: this.#offset, metadata: '' };
    const bytes: number[] = [];
    let at = this.#offset;
    for (const [from, to] of this.#sent) {
      for (const length of [from - at, to - from]) writeVarint(bytes, length);
      at = to;
    }
    const metadata = MARK + deflateRawSync(Buffer.from(bytes), { level: 9 }).toString('base64url');
    return metadata.length > MAX_METADATA_BYTES ? undefined : { offset: this.#offset, metadata };
  }
}

function runsOf(metadata: string, offset: number): readonly Run[] {
  if (metadata === '') return [];
  if (!metadata.startsWith(MARK)) throw new ForeignProgressError('it is not the group of a replay');
  const runs: Run[] = [];
  try {
    const packed = Buffer.from(metadata.slice(MARK.length), 'base64url');
    const bytes = inflateRawSync(packed, { maxOutputLength: MAX_RUN_BYTES });
    let at = offset;
    for (const lengths = varintsOf(bytes); lengths.length > 0;) {
      const from = at + (lengths.shift() ?? 0);
      at = from + (lengths.shift() ?? 0);
      runs.push([from, at]);
    }
  } catch (error) {
    throw new ForeignProgressError('its progress cannot be read', { cause: error });
  }
  return runs;
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function varintsOf(bytes: Buffer): number[] {
  const values: number[] = [];
  let value = 0;
  let factor = 1;
  for (const byte of bytes) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    values.push(value);
    value = 0;
    factor = 1;
  }
  if (factor !== 1 || values.length % 2 !== 0) throw new RangeError('the runs are cut off');
  return values;
}
