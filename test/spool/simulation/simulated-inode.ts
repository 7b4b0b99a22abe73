import type { Random } from '../../openlineage/random.ts';
import { FileContent, SECTOR_BYTES } from './file-content.ts';

/** A change of a file since its last sync. A power cut loses or keeps each change as a whole. */
type Change = { number: number; position?: number } & (
  { kind: 'sector'; position: number; image: Buffer } | { kind: 'extend' | 'truncate'; size: number }
);

let inodes = 0;

/** A file without its name: the bytes that processes see, and the bytes that a power cut leaves. */
export class SimulatedInode {
  readonly identity = `inode ${(inodes += 1)}`;
  /** The bytes that a process reads: the page cache. */
  readonly seen: FileContent;
  readonly #durable: FileContent;
  #unsynced: Change[] = [];
  #lastChange = 0;
  /** Has a failed sync lost bytes that processes still see? */
  #lossy = false;

  /** Makes a file with these bytes, synced; empty by default. */
  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.seen = new FileContent(bytes);
    this.#durable = new FileContent(bytes);
  }

  /** The number of the last change. A sync that begins now makes the changes up to it durable. */
  get lastChange(): number {
    return this.#lastChange;
  }

  write(bytes: Buffer, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    const longer = end > this.seen.size;
    this.seen.write(bytes, position);
    if (longer) this.#change({ kind: 'extend', size: end });
    for (let at = position - (position % SECTOR_BYTES); at < end; at += SECTOR_BYTES) {
      this.#change({ kind: 'sector', position: at, image: this.seen.bytes(at, at + SECTOR_BYTES) });
    }
  }

  truncate(size: number): void {
    this.#change({ kind: size < this.seen.size ? 'truncate' : 'extend', size });
    this.seen.truncate(size);
  }

  /** Makes the changes up to this one durable. */
  sync(lastChange: number): void {
    for (const change of this.#unsynced) if (change.number <= lastChange) apply(change, this.#durable);
    this.#unsynced = this.#unsynced.filter((change) => change.number > lastChange);
  }

  /**
   * Fails a sync as Linux does when a device fails: it counts unwritten bytes as written from then on. Processes
   * still see them, and no later sync makes them durable. (https://lwn.net/Articles/752063)
   */
  failSync(random: Random): void {
    const survives = survival(this.#unsynced.length, random);
    const kept: Change[] = [];
    for (const [index, change] of this.#unsynced.entries()) {
      if (change.kind !== 'sector') kept.push(change);
      else if (survives(index)) apply(change, this.#durable);
      else this.#lossy = true;
    }
    this.#unsynced = kept;
  }

  /** The file as the next process finds it. Bytes that a failed sync has lost may then be gone from memory, too. */
  afterKill(random: Random): SimulatedInode {
    const next = new SimulatedInode();
    const evicted = this.#lossy && random.below(2) === 0;
    next.seen.write(this.#durable.bytes(), 0);
    next.#durable.write(this.#durable.bytes(), 0);
    for (const change of this.#unsynced) {
      next.#unsynced.push(change);
      apply(change, next.seen);
    }
    if (!evicted) {
      next.seen.truncate(0);
      next.seen.write(this.seen.bytes(), 0);
    }
    next.#lastChange = this.#lastChange;
    next.#lossy = this.#lossy;
    return next;
  }

  /** The file as a power cut leaves it. Some unsynced changes may be in it. */
  afterPowerCut(random: Random): SimulatedInode {
    const content = new FileContent(this.#durable.bytes());
    const survives = survival(this.#unsynced.length, random);
    for (const [index, change] of this.#unsynced.entries()) if (survives(index)) apply(change, content);
    return new SimulatedInode(content.bytes());
  }

  #change(
    change:
      { kind: 'sector'; position: number; image: Buffer } | { kind: 'extend' | 'truncate'; size: number },
  ) {
    this.#unsynced.push({ ...change, number: ++this.#lastChange });
  }
}

/** Chooses which of `count` changes survive: all, none, the first few, or any. */
export function survival(count: number, random: Random): (index: number) => boolean {
  const kind = random.of(['all', 'none', 'first', 'any', 'any']);
  if (kind === 'all') return () => true;
  if (kind === 'none') return () => false;
  if (kind === 'any') return () => random.below(2) === 0;
  const first = random.below(count + 1);
  return (index) => index < first;
}

function apply(change: Change, content: FileContent): void {
  if (change.kind === 'sector') content.write(change.image, change.position);
  else if (change.kind === 'extend') content.extend(change.size);
  else if (change.size < content.size) content.truncate(change.size);
}
