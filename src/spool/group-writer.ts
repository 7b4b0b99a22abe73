/**
 * Writes what comes to a log in groups: all that has come up while the group before was written and synced goes with the
 * next. A disk that is full, fails or hangs is told at once to those who come while it does.
 */
import { Mark } from './marks.ts';
import { frameSize, type Payload, type Segment } from './segment.ts';

/** Where an event is on disk. */
export interface Place {
  readonly segment: Segment;
  readonly ordinal: number;
}

/** What is to be kept, and whom to tell. */
export interface Item extends Payload {
  /** Where it stands when it is written: `delivered` makes the writing needless. */
  readonly mark: typeof Mark.kept | typeof Mark.taken | typeof Mark.delivered;
  /** It would survive a power cut. */
  readonly kept: (place: Place) => void;
  /** It is not kept, for this reason. */
  readonly failed: (reason: string) => void;
}

/** The log that is written to. */
export interface GroupTarget {
  /** The segment for so many more bytes. */
  readonly segmentFor: (bytes: number) => Promise<Segment>;
  /** So many bytes were added to it. */
  readonly grown: (bytes: number) => void;
  /** An attempt to write has failed: nothing is added to the segment any more. */
  readonly abandon: () => Promise<void>;
  /** Why so many more bytes cannot be kept, or undefined. */
  readonly refuses: (bytes: number) => string | undefined;
}

/** Events of one group, synced together, at most: more make nothing cheaper, and nobody is to wait for 10,000 others. */
const GROUP_ITEMS = 512;
const GROUP_BYTES = 4 * 1024 * 1024;

/** Milliseconds after an error during which the disk is not tried again. */
const PAUSE_MS = 250;

/** Milliseconds that a disk may take for a group before nobody is asked to wait for it any more. */
const STALL_MS = 2000;
const STALLED = 'the disk does not answer';

/** Milliseconds that an error counts as a problem, if nobody has tried since: else nobody might ever try. */
const PROBLEM_MS = 5000;

/** When there is not room for so much more, there is not room. */
const PROBLEM_BYTES = 64 * 1024;

export class GroupWriter {
  readonly #target: GroupTarget;
  #queue: Item[] = [];
  #queueBytes = 0;
  #writing: Promise<void> | undefined;
  /** When the group being written was begun, of `performance.now()`. */
  #groupSince = Number.POSITIVE_INFINITY;
  /** Of `performance.now()`; nothing was written since. */
  #failedAt = Number.NEGATIVE_INFINITY;
  #failure = '';

  constructor(target: GroupTarget) {
    this.#target = target;
  }

  /** Bytes on their way to the disk. */
  get bytes(): number {
    return this.#queueBytes;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** Why nothing can be kept now, as far as is known. */
  get problem(): string | undefined {
    if (this.#isStalled) return STALLED;
    if (performance.now() - this.#failedAt < PROBLEM_MS) return this.#failure;
    return this.#target.refuses(PROBLEM_BYTES);
  }

  /** Keeps an event behind all others; says through `kept` or `failed` what came of it. */
  add(item: Item): void {
    const bytes = frameSize(item);
    const reason = this.#refusalOf(bytes);
    if (reason !== undefined) {
      item.failed(reason);
      return;
    }
    this.#queue.push(item);
    this.#queueBytes += bytes;
    this.#writing ??= this.#write();
  }

  /** Resolves when nothing is on its way to the disk. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  #refusalOf(bytes: number): string | undefined {
    if (this.#isStalled) return STALLED;
    if (performance.now() - this.#failedAt < PAUSE_MS) return this.#failure;
    return this.#target.refuses(bytes);
  }

  get #isStalled(): boolean {
    return performance.now() - this.#groupSince > STALL_MS;
  }

  async #write(): Promise<void> {
    // What arrives in the same turn goes along.
    await Promise.resolve();
    for (;;) {
      const group = this.#nextGroup();
      if (group.length === 0) break;
      this.#groupSince = performance.now();
      try {
        await this.#writeGroup(group);
      } catch (error) {
        await this.#fail(error, group);
      }
    }
    this.#groupSince = Number.POSITIVE_INFINITY;
    // In the same turn as the last look at the queue, or what comes between the two would be nobody's.
    this.#writing = undefined;
  }

  /** Takes items from the queue, without those that are delivered already. */
  #nextGroup(): Item[] {
    const group: Item[] = [];
    let bytes = 0;
    let taken = 0;
    for (const item of this.#queue) {
      const size = frameSize(item);
      if (group.length === GROUP_ITEMS || (group.length > 0 && bytes + size > GROUP_BYTES)) break;
      taken += 1;
      if (item.mark === Mark.delivered) this.#queueBytes -= size;
      else group.push(item);
      bytes += size;
    }
    this.#queue = this.#queue.slice(taken);
    return group;
  }

  async #writeGroup(group: readonly Item[]): Promise<void> {
    let bytes = 0;
    for (const item of group) bytes += frameSize(item);
    const segment = await this.#target.segmentFor(bytes);
    await segment.write(group);
    this.#failedAt = Number.NEGATIVE_INFINITY;
    this.#queueBytes -= bytes;
    this.#target.grown(bytes);
    for (const item of group) item.kept({ segment, ordinal: segment.admit(item, item.mark) });
  }

  /** Fails the group and all that waits behind it. */
  async #fail(error: unknown, group: readonly Item[]): Promise<void> {
    this.#failure = codeOf(error) === 'ENOSPC' ? 'the disk is full' : `the disk fails (${codeOf(error)})`;
    this.#failedAt = performance.now();
    const failed = [...group, ...this.#queue];
    this.#queue = [];
    this.#queueBytes = 0;
    for (const item of failed) item.failed(this.#failure);
    await this.#target.abandon();
  }
}

/** Node's name for what went wrong: `ENOSPC`. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}
