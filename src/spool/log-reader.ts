/** Reads the events of one log from front to back. */
import type { Place } from './group-writer.ts';
import { Mark } from './marks.ts';
import { decodeReference, type Frame } from './segment-format.ts';
import type { FramesRead, ReadLimit, Segment } from './segment.ts';
import type { Bodies, Body } from './shared/bodies.ts';

/** An event that was read. */
export interface SpooledEvent {
  readonly place: Place;
  readonly payload: Buffer;
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
}

/** A place in the order of a log: the number of a segment, and the ordinal in it. */
export interface Position {
  readonly number: number;
  readonly ordinal: number;
}

/** What one read has found. */
export interface LogRead {
  readonly events: SpooledEvent[];
  /** The segment that was read. */
  readonly segment: Segment | undefined;
  /** Number of its events that are found damaged. */
  readonly damaged: number;
  /** Number of its events whose bytes were in a file that someone has removed. */
  readonly lost: number;
}

/** Reads frames of a segment from an offset on. */
export type ReadSegment = (
  segment: Segment,
  offset: number,
  limit: ReadLimit | undefined,
) => Promise<FramesRead>;

export class LogReader {
  readonly #bodies: Bodies;
  readonly #readSegment: ReadSegment;
  /** Where the next read begins. */
  #number = 0;
  #offset = 0;
  #ordinal = 0;

  constructor(bodies: Bodies, readSegment: ReadSegment) {
    this.#bodies = bodies;
    this.#readSegment = readSegment;
  }

  /** Reads some of the next events that are on disk only, and marks them as taken. */
  async read(segments: readonly Segment[], limit: ReadLimit | undefined): Promise<LogRead> {
    const segment = segments.find(({ number, unread }) => number >= this.#number && unread > 0);
    if (!segment) return { events: [], segment, damaged: 0, lost: 0 };
    if (segment.number !== this.#number) {
      this.#number = segment.number;
      this.#offset = 0;
      this.#ordinal = 0;
    }
    const { size, marks } = segment;
    const { count } = marks;
    const { frames, next } = await this.#readSegment(segment, this.#offset, limit);
    // Before the first mark: a read that fails here is done again.
    const bodies = await this.#bodiesOf(segment, frames);
    this.#offset = next;
    const events: SpooledEvent[] = [];
    let damaged = 0;
    let lost = 0;
    for (const frame of frames) {
      const { ordinal, arrivedAt } = frame;
      // A failed write may leave frames that were never acknowledged, with ordinals of later frames.
      if (ordinal >= count) continue;
      damaged += segment.noteDamage(this.#ordinal, ordinal);
      this.#ordinal = ordinal + 1;
      if (marks.get(ordinal) !== Mark.kept) continue;
      const body = bodies?.get(ordinal) ?? { bytes: frame.payload, segment: undefined };
      if (body === 'damaged') damaged += segment.noteDamage(ordinal, ordinal + 1);
      else if (body === 'removed') marks.set(ordinal, Mark.delivered);
      else if (body === 'lost') {
        marks.set(ordinal, Mark.damaged);
        lost += 1;
      } else {
        marks.set(ordinal, Mark.taken);
        events.push({ place: { segment, ordinal, body: body.segment }, payload: body.bytes, arrivedAt });
      }
    }
    if (next >= size) damaged += segment.noteDamage(this.#ordinal, count);
    return { events, segment, damaged, lost };
  }

  /** What the references among the frames lead to, by ordinal; undefined without references. */
  async #bodiesOf(segment: Segment, frames: readonly Frame[]): Promise<Map<number, Body> | undefined> {
    if (!frames.some(({ isReference }) => isReference)) return undefined;
    const { marks } = segment;
    const wanted = frames.filter(
      ({ ordinal, isReference }) => isReference && ordinal < marks.count && marks.get(ordinal) === Mark.kept,
    );
    const bodies = await this.#bodies.read(wanted.map(({ payload }) => decodeReference(payload)));
    return new Map(wanted.map(({ ordinal }, index) => [ordinal, bodies[index] ?? 'damaged']));
  }
}
