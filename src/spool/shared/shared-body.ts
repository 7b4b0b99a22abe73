/**
 * The bytes of an event for several topics. They are on disk once: the first log that writes the event has them, and the
 * others have references to them (segment-format.ts). A reference is written after the bytes are synced, so it waits for
 * the other log. What an event waits for is older than the event, so no two logs wait for each other.
 */
import { encodeReference, REFERENCE_FRAME_SIZE, type Reference } from '../segment-format.ts';
import { frameSize, type Payload, type Segment } from '../segment.ts';

interface Body {
  readonly segment: Segment;
  readonly reference: Reference;
}

export class SharedBody {
  /** The item that writes the bytes, or has written them. */
  #holder: Payload | undefined;
  #body: Body | undefined;
  /** Items that get a reference. The body is pinned for each of them once it is written. */
  readonly #referring = new Set<Payload>();
  /** Resolves when the holder has written the bytes, or has not. */
  #tried = Promise.withResolvers<undefined>();

  /** A log is to write this item. Nothing else of this class may be called for it before. */
  join(item: Payload): void {
    const isGone = this.#body !== undefined && (this.#body.segment.isRetired || this.#body.segment.isLost);
    // Others refer to bytes that are lost. This one has its own.
    if (isGone && this.#referring.size > 0) return;
    if (isGone || !this.#holder) this.#hold(item);
    else {
      this.#referring.add(item);
      this.#body?.segment.pins.add();
    }
  }

  /** Bytes of disk that are claimed for the item: those of its frame, or more. */
  sizeOf(item: Payload): number {
    return this.#referring.has(item) ? REFERENCE_FRAME_SIZE : frameSize(item);
  }

  /** What the item has to wait for before it can be written; undefined if it can be written now. */
  obstacleOf(item: Payload): Promise<undefined> | undefined {
    const isWaiting = this.#referring.has(item) && this.#holder !== undefined && !this.#body;
    return isWaiting ? this.#tried.promise : undefined;
  }

  /** The item is written next. It gets the bytes itself if no other log has written them after all. */
  begin(item: Payload): void {
    if (this.#holder) return;
    this.#referring.delete(item);
    this.#hold(item);
  }

  /** What is to be written of the item: a reference, or all of it. */
  payloadOf(item: Payload): Payload {
    if (!this.#body || !this.#referring.has(item)) return item;
    const { segment: body, reference } = this.#body;
    if (body.isLost) {
      this.leave(item);
      return item;
    }
    return { parts: [encodeReference(reference)], arrivedAt: item.arrivedAt, body };
  }

  /** The item is synced, at this place. */
  written(item: Payload, segment: Segment, reference: Reference): void {
    if (this.#referring.delete(item) || item !== this.#holder) return;
    this.#body = { segment, reference };
    for (let left = this.#referring.size; left > 0; left--) segment.pins.add();
    this.#tried.resolve(undefined);
  }

  /** The item is not written after all. */
  leave(item: Payload): void {
    if (this.#referring.delete(item)) this.#body?.segment.pins.remove();
    else if (this.#holder === item && !this.#body) {
      this.#holder = undefined;
      this.#tried.resolve(undefined);
    }
  }

  #hold(item: Payload): void {
    this.#holder = item;
    this.#body = undefined;
    this.#tried = Promise.withResolvers();
  }
}
