/** Finds the events that references name, in the logs of other topics. */
import { join } from 'node:path';
import { errorCode } from '../../support/error-text.ts';
import { readAll, type Disk, type DiskFile } from '../disk.ts';
import {
  decodeFrame,
  decodeReference,
  formatName,
  REFERENCE_VERSION,
  type Reference,
} from '../segment-format.ts';
import type { Segment } from '../segment.ts';

/**
 * What a reference leads to.
 *
 * - `removed`: its file is not there any more, so all its events were delivered, and a mark was lost.
 * - `lost`: someone has removed the file while the proxy ran.
 * - `damaged`: the bytes have changed on disk.
 */
export type Body =
  { readonly bytes: Buffer; readonly segment: Segment | undefined } | 'removed' | 'lost' | 'damaged';

/** The loaded segment that a reference names; undefined if there is none. */
export type FindSegment = (reference: Reference) => Segment | undefined;

/** Most bytes of one read for several references that follow each other. */
const READ_BYTES = 1024 * 1024;

/** The path of the file that a reference names. `topics` is the folder of all topics. */
export function bodyPath(topics: string, reference: Reference): string {
  return join(topics, reference.topic, `${formatName(reference)}.log`);
}

/** The event of a reference in these bytes, which begin at `from` in the file. Undefined if they are not that event. */
export function bodyIn(
  bytes: Buffer,
  from: number,
  { offset, seed, ordinal }: Reference,
): Buffer | undefined {
  if (offset < from) return undefined;
  const frame = decodeFrame(bytes, offset - from, seed);
  return frame && !frame.isReference && frame.ordinal === ordinal ? frame.payload : undefined;
}

export class Bodies {
  readonly #disk: Disk;
  readonly #topics: string;
  readonly #find: FindSegment;

  /** `topics` is the folder of all topics. */
  constructor(disk: Disk, topics: string, find: FindSegment) {
    this.#disk = disk;
    this.#topics = topics;
    this.#find = find;
  }

  /** What each reference leads to, in their order. Rejects if the disk cannot be read. */
  async read(references: readonly Reference[]): Promise<readonly Body[]> {
    const bodies: Body[] = [];
    while (bodies.length < references.length) {
      const near = nearOnes(references, bodies.length);
      bodies.push(...(await this.#readNear(near)));
    }
    return bodies;
  }

  /** References to one file, in its order. */
  async #readNear(references: readonly Reference[]): Promise<readonly Body[]> {
    const [first] = references;
    const last = references.at(-1);
    if (!first || !last) return [];
    const segment = this.#find(first);
    let file: DiskFile;
    try {
      file = await this.#disk.open(bodyPath(this.#topics, first));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      // A segment that is not known as lost may be put back in its place.
      if (segment && !segment.isLost) throw error;
      return references.map(() => (segment ? 'lost' : 'removed'));
    }
    try {
      const buffer = Buffer.allocUnsafeSlow(last.offset + last.length - first.offset);
      const bytes = buffer.subarray(0, await readAll(file, buffer, first.offset));
      return references.map((reference) => {
        const found = bodyIn(bytes, first.offset, reference);
        return found ? { bytes: found, segment } : 'damaged';
      });
    } finally {
      await file.close();
    }
  }
}

/** Pins the events that undelivered references of this segment name. Rejects if the disk cannot be read. */
export async function pinBodies(segment: Segment, find: FindSegment): Promise<void> {
  const { marks, size, version } = segment;
  if (version < REFERENCE_VERSION || marks.undelivered === 0) return;
  for (let offset = 0; offset < size;) {
    const { frames, next } = await segment.read(offset);
    offset = next;
    for (const { ordinal, payload, isReference } of frames) {
      if (!isReference || ordinal >= marks.count || !marks.isUndelivered(ordinal)) continue;
      const body = find(decodeReference(payload));
      if (!body) continue;
      body.pins.add();
      segment.holds.add(body);
    }
  }
}

/** The references from this index on that one read can serve. */
function nearOnes(references: readonly Reference[], from: number): readonly Reference[] {
  const first = references[from];
  if (!first) return [];
  let to = from + 1;
  let end = first.offset + first.length;
  for (let next = references[to]; next; next = references[to]) {
    const isSame = next.number === first.number && next.seed === first.seed && next.topic === first.topic;
    if (!isSame || next.offset < end || next.offset + next.length - first.offset > READ_BYTES) break;
    end = next.offset + next.length;
    to += 1;
  }
  return references.slice(from, to);
}
