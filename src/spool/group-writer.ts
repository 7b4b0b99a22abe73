/**
 * Writes the events of one log in groups. All events that arrive while a group is written and synced go into the next
 * group. While the disk is full, fails or hangs, new events are refused at once.
 */
import { errorCode, errorText } from '../support/error-text.ts';
import type { Time } from '../support/time.ts';
import { Mark } from './marks.ts';
import { frameSize, type Payload, type Segment } from './segment.ts';
import { PLAIN_VERSION, REFERENCE_VERSION, SHARED_VERSION } from './segment-format.ts';
import type { SharedBody } from './shared/shared-body.ts';

/** Where an event is on disk. */
export interface Place {
  readonly segment: Segment;
  readonly ordinal: number;
  /** The segment that has the bytes of the event, if there is only a reference to them at this place. */
  readonly body?: Segment | undefined;
}

/** An event to write, and the callbacks for the result. */
export interface Item extends Payload {
  /** The mark that the event gets when it is written. An event that is `delivered` by then is not written. */
  readonly mark: typeof Mark.kept | typeof Mark.taken | typeof Mark.delivered;
  /** Set if several logs get the event. */
  readonly shared?: SharedBody | undefined;
  /** The event survives a power cut. */
  readonly kept: (place: Place) => void;
  /** The event is not kept; the reason names no path. */
  readonly failed: (reason: string) => void;
}

/** The space that all logs of a spool share: a counted number, so that no event costs a sum over all topics. */
export interface Space {
  /** Bytes on disk, and bytes that wait to be written. */
  used: number;
  maxBytes: number;
}

/** The log behind a writer. */
export interface GroupTarget {
  /** The segment that takes this number of bytes, of this version or a later one. */
  readonly segmentFor: (bytes: number, version: number) => Promise<Segment>;
  /** This number of bytes was added to the log. */
  readonly grown: (bytes: number) => void;
  /** The events that were synced may be in a file that no path leads to. Puts it back, with these bytes at its end. */
  readonly secure: (segment: Segment, bytes: number) => Promise<void>;
  /** A write has failed: nothing more is added to the segment. */
  readonly abandon: () => Promise<void>;
}

/** Limits of one group that is synced together. Larger groups save nothing, and every event waits for its whole group. */
const GROUP_ITEMS = 512;
const GROUP_BYTES = 4 * 1024 * 1024;

/** Milliseconds after an error in which the disk is not tried again. */
const PAUSE_MS = 250;

/** Milliseconds that the disk may take for a group. After that, new events are refused. */
const STALL_MS = 2000;
const STALLED = 'the disk does not answer';

const FULL = 'the spool is full';

/** Milliseconds that an error counts as a problem without a new try. Senders that see the problem may send no event. */
const PROBLEM_MS = 5000;

/** The spool has a problem when this number of bytes does not fit. */
const PROBLEM_BYTES = 64 * 1024;

export class GroupWriter {
  readonly #target: GroupTarget;
  readonly #space: Space;
  readonly #clock: Time['monotonic'];
  #queue: Item[] = [];
  /** Items at the front of the queue that a group has taken. Cutting them off for each group would be quadratic. */
  #taken = 0;
  #queueBytes = 0;
  #writing: Promise<void> | undefined;
  /** Start of the write that runs now, on the monotonic clock. */
  #groupSince = Number.POSITIVE_INFINITY;
  /** Time of the last failure since the last successful write, on the monotonic clock. */
  #failedAt = Number.NEGATIVE_INFINITY;
  #failure = '';

  constructor(target: GroupTarget, space: Space, time: Time) {
    this.#target = target;
    this.#space = space;
    this.#clock = time.monotonic;
  }

  /** Bytes that wait to be written. */
  get bytes(): number {
    return this.#queueBytes;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** Why no event can be kept now, as far as is known; undefined when events can be kept. */
  get problem(): string | undefined {
    return this.#refusalOf(PROBLEM_BYTES, PROBLEM_MS);
  }

  /** Writes an event after all others. Calls its `kept` or `failed` once; `failed` possibly before this returns. */
  add(item: Item): void {
    item.shared?.join(item);
    const bytes = claimOf(item);
    const reason = this.#refusalOf(bytes, PAUSE_MS);
    if (reason !== undefined) {
      item.shared?.leave(item);
      item.failed(reason);
      return;
    }
    this.#queue.push(item);
    this.#claim(bytes);
    this.#writing ??= this.#write();
  }

  /** Runs a task while no group is written; not at all if one is written now. The task must not reject. */
  async alone(task: () => Promise<void>): Promise<void> {
    if (this.#writing) return;
    const done = task();
    this.#writing = done.then(() => this.#write());
    await done;
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  #refusalOf(bytes: number, pauseMs: number): string | undefined {
    const now = this.#clock.now();
    if (now - this.#groupSince > STALL_MS) return STALLED;
    if (now - this.#failedAt < pauseMs) return this.#failure;
    return this.#space.used + bytes > this.#space.maxBytes ? FULL : undefined;
  }

  #claim(bytes: number): void {
    this.#queueBytes += bytes;
    this.#space.used += bytes;
  }

  async #write(): Promise<void> {
    // Events that arrive in the same turn go into the same group.
    await Promise.resolve();
    for (;;) {
      const group = this.#nextGroup();
      const obstacle = group.length === 0 ? this.#obstacle : undefined;
      if (group.length === 0 && !obstacle) break;
      this.#groupSince = this.#clock.now();
      if (obstacle) {
        await obstacle;
        continue;
      }
      try {
        await this.#writeGroup(group);
      } catch (error) {
        await this.#fail(error, group);
      }
    }
    this.#groupSince = Number.POSITIVE_INFINITY;
    // In the same turn as the last check of the queue: an event added between the two would never be written.
    this.#writing = undefined;
  }

  /** What the next item waits for. */
  get #obstacle(): Promise<undefined> | undefined {
    const next = this.#queue[this.#taken];
    return next?.shared?.obstacleOf(next);
  }

  /** Takes items from the queue, as far as none has to wait, without those that are delivered already. */
  #nextGroup(): Item[] {
    const group: Item[] = [];
    let bytes = 0;
    for (let item = this.#queue[this.#taken]; item; item = this.#queue[this.#taken]) {
      const size = claimOf(item);
      if (group.length === GROUP_ITEMS || (group.length > 0 && bytes + size > GROUP_BYTES)) break;
      if (item.mark === Mark.delivered) {
        this.#claim(-size);
        item.shared?.leave(item);
      } else {
        if (item.shared?.obstacleOf(item)) break;
        item.shared?.begin(item);
        if (item.shared) this.#claim(claimOf(item) - size);
        group.push(item);
      }
      this.#taken += 1;
      bytes += size;
    }
    if (this.#taken * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
    return group;
  }

  async #writeGroup(group: readonly Item[]): Promise<void> {
    let claimed = 0;
    for (const item of group) claimed += claimOf(item);
    let version: number = PLAIN_VERSION;
    let payloads: readonly Payload[] = group;
    if (group.some(({ shared }) => shared)) {
      payloads = group.map((item) => item.shared?.payloadOf(item) ?? item);
      version = payloads.some(({ body }) => body) ? REFERENCE_VERSION : SHARED_VERSION;
    }
    let bytes = 0;
    for (const payload of payloads) bytes += frameSize(payload);
    const segment = await this.#target.segmentFor(bytes, version);
    await segment.write(payloads);
    await this.#target.secure(segment, bytes);
    this.#failedAt = Number.NEGATIVE_INFINITY;
    this.#claim(-claimed);
    this.#target.grown(bytes);
    for (const [index, item] of group.entries()) {
      const payload = payloads[index] ?? item;
      const offset = segment.size;
      const ordinal = segment.admit(payload, item.mark);
      if (item.shared) {
        const reference = segment.referenceTo(ordinal, offset, segment.size - offset);
        item.shared.written(item, segment, reference);
      }
      item.kept({ segment, ordinal, body: payload.body });
    }
  }

  /** Fails the group, and all events that wait after it. */
  async #fail(error: unknown, group: readonly Item[]): Promise<void> {
    const code = errorCode(error) ?? errorText(error);
    this.#failure = code === 'ENOSPC' ? 'the disk is full' : `the disk fails (${code})`;
    this.#failedAt = this.#clock.now();
    const failed = [...group, ...this.#queue.slice(this.#taken)];
    this.#queue = [];
    this.#taken = 0;
    this.#claim(-this.#queueBytes);
    for (const item of failed) {
      item.shared?.leave(item);
      item.failed(this.#failure);
    }
    await this.#target.abandon();
  }
}

/** Bytes of disk that are claimed for an item while it waits. */
function claimOf(item: Item): number {
  return item.shared ? item.shared.sizeOf(item) : frameSize(item);
}
