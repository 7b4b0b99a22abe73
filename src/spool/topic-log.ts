/**
 * The log of one topic: events go in at its end, synced in groups, and come out in the same order. Each is then marked
 * as what becomes of it; when all of a segment's are delivered, its space is given back. A log that has nothing in it
 * has no file.
 */
import { dirname, join } from 'node:path';
import type { Disk } from './disk.ts';
import { codeOf, GroupWriter, type Item, type Place } from './group-writer.ts';
import { Mark, type MarkValue } from './marks.ts';
import { Segment, UnknownVersion } from './segment.ts';
import { parseName } from './segment-format.ts';

/** An event that has come out. */
export interface SpooledEvent {
  readonly place: Place;
  readonly payload: Buffer;
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
}

export interface TopicLogSettings {
  readonly disk: Disk;
  readonly folder: string;
  /** Bytes of a segment, about. */
  readonly segmentBytes: number;
  /** Why so many more bytes cannot be kept, or undefined. */
  readonly refuses: (bytes: number) => string | undefined;
  readonly report: (report: DamageReport) => void;
}

export interface DamageReport {
  readonly path: string;
  readonly events: number;
  readonly reason: string;
}

export class TopicLog {
  readonly #settings: TopicLogSettings;
  /** Those with something undelivered, in order; the last may be written to. */
  readonly #segments: Segment[] = [];
  #active: Segment | undefined;
  #nextNumber = 1;
  /** Where reading goes on. */
  #readNumber = 0;
  #readOffset = 0;
  #readOrdinal = 0;
  readonly #writer: GroupWriter;
  #bytes = 0;
  /** Those that could not be removed. */
  readonly #leftovers: Segment[] = [];
  /** File operations nobody waits for. */
  readonly #chores = new Set<Promise<void>>();
  /** Records of an earlier process that were sent and never answered. */
  unanswered = 0;

  constructor(settings: TopicLogSettings) {
    this.#settings = settings;
    this.#writer = new GroupWriter({
      segmentFor: (bytes) => this.#segmentFor(bytes),
      grown: (bytes) => (this.#bytes += bytes),
      abandon: () => this.#endActive(true),
      refuses: settings.refuses,
    });
  }

  /** Finds what an earlier process has left. Rejects when the folder cannot be read. */
  async open(): Promise<void> {
    const { disk, folder, report } = this.#settings;
    const files = await disk.list(folder);
    const logs = files.filter((file) => parseName(file)).sort();
    for (const file of logs) {
      const name = parseName(file);
      if (!name) continue;
      this.#nextNumber = Math.max(this.#nextNumber, name.number + 1);
      try {
        const segment = await Segment.load(disk, folder, name);
        this.unanswered += segment.unanswered;
        this.#segments.push(segment);
        this.#bytes += segment.size;
        this.#retire(segment);
      } catch (error) {
        // Left where it is: a version that knows it, or a disk that can be read, will find it.
        const path = join(folder, file);
        const reason = error instanceof UnknownVersion ? error.message : codeOf(error);
        report({ path, events: 0, reason });
      }
    }
    const strays = files.filter(
      (file) => file.endsWith('.marks') && !logs.includes(`${file.slice(0, -6)}.log`),
    );
    for (const file of strays) this.#chore(disk.remove(join(folder, file)));
  }

  /** Events that are kept and not delivered. */
  get count(): number {
    return this.#segments.reduce((sum, { marks }) => sum + marks.undelivered, 0);
  }

  /** Bytes on disk, and those on their way there. */
  get bytes(): number {
    return this.#bytes + this.#writer.bytes;
  }

  /** When the oldest event that is still kept arrived, about, in milliseconds since the epoch. */
  get oldestAt(): number | undefined {
    return this.#segments.find(({ marks }) => marks.undelivered > 0)?.createdAt;
  }

  /** Is there something to read that nobody has taken? */
  get hasUnread(): boolean {
    return this.#segments.some(({ unread }) => unread > 0);
  }

  /** Why nothing can be kept now, as far as is known. */
  get problem(): string | undefined {
    return this.#writer.problem;
  }

  /** Keeps an event behind all others; says through `kept` or `failed` what came of it. */
  append(item: Item): void {
    this.#writer.add(item);
  }

  /**
   * The next events that nobody has taken, some of them; they count as taken now. May be none where bytes
   * are damaged. Rejects when the disk cannot be read; the same are read the next time.
   */
  async read(): Promise<SpooledEvent[]> {
    const segment = this.#segments.find(({ number, unread }) => number >= this.#readNumber && unread > 0);
    if (!segment) return [];
    if (segment.number !== this.#readNumber) {
      this.#readNumber = segment.number;
      this.#readOffset = 0;
      this.#readOrdinal = 0;
    }
    const { size, marks } = segment;
    const { count } = marks;
    const { frames, next } = await segment.read(this.#readOffset);
    this.#readOffset = next;
    const events: SpooledEvent[] = [];
    let damaged = 0;
    for (const { ordinal, payload, arrivedAt } of frames) {
      // Behind a failed write there may be frames that were never acknowledged, with the ordinals of later ones.
      if (ordinal >= count) continue;
      damaged += segment.noteDamage(this.#readOrdinal, ordinal);
      this.#readOrdinal = ordinal + 1;
      if (marks.get(ordinal) !== Mark.kept) continue;
      marks.set(ordinal, Mark.taken);
      events.push({ place: { segment, ordinal }, payload, arrivedAt });
    }
    if (next >= size) damaged += segment.noteDamage(this.#readOrdinal, count);
    this.#noteDamage(segment, damaged);
    return events;
  }

  /** What has become of an event. One that is `delivered` does not come out again, nor take up space for long. */
  mark({ segment, ordinal }: Place, mark: MarkValue): void {
    segment.marks.set(ordinal, mark);
    this.#retire(segment);
  }

  /**
   * Gives back the space of the segment that is written to, when nothing of it is wanted any more. To be called from time to
   * time: with each event it would make a new file for each, while Kafka is quick and the disk only insures.
   */
  tidy(): void {
    for (const segment of this.#leftovers.splice(0)) this.#remove(segment);
    const active = this.#active;
    if (!active || this.#writer.isWriting || active.marks.undelivered > 0) return;
    this.#active = undefined;
    this.#retire(active);
  }

  /** Resolves when nothing is on its way to the disk. */
  async settled(): Promise<void> {
    await this.#writer.idle();
    this.tidy();
    await Promise.all(this.#segments.map(({ marks }) => marks.flush()));
    while (this.#chores.size > 0) await Promise.all(this.#chores);
  }

  /** Waits for what is under way, and closes all files. The events stay, for the next process. */
  async close(): Promise<void> {
    await this.#writer.idle();
    await this.#endActive(false);
    await this.settled();
  }

  /** The segment to write to: the one at hand, or a new one when it would grow too large. */
  async #segmentFor(bytes: number): Promise<Segment> {
    const { disk, folder, segmentBytes } = this.#settings;
    const active = this.#active;
    if (active && (active.marks.count === 0 || active.size + bytes <= segmentBytes)) return active;
    await this.#endActive(false);
    if (this.#nextNumber === 1) {
      await disk.makeFolder(folder);
      await disk.syncFolder(dirname(folder));
    }
    const segment = await Segment.create(disk, folder, this.#nextNumber);
    this.#nextNumber += 1;
    this.#segments.push(segment);
    this.#bytes += segment.size;
    this.#active = segment;
    return segment;
  }

  /** Nothing is added any more to the segment that is written to. */
  async #endActive(afterFailure: boolean): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    await active?.seal(afterFailure);
    if (active) this.#retire(active);
  }

  #noteDamage(segment: Segment, events: number): void {
    if (events === 0) return;
    this.#settings.report({ path: segment.asidePath, events, reason: 'its bytes were changed on disk' });
    this.#retire(segment);
  }

  /** Gives back the space of a segment of which nothing is wanted any more, unless it is still written to. */
  #retire(segment: Segment): void {
    if (segment.marks.undelivered > 0 || segment === this.#active) return;
    const index = this.#segments.indexOf(segment);
    if (index === -1) return;
    this.#segments.splice(index, 1);
    this.#bytes -= segment.size;
    this.#remove(segment);
  }

  /** One that cannot be removed now is tried again later; by then its marks say that nothing of it is wanted. */
  #remove(segment: Segment): void {
    this.#chore(segment.remove().catch(() => void this.#leftovers.push(segment)));
  }

  #chore(work: Promise<void>): void {
    const chore = work.catch(() => undefined).finally(() => this.#chores.delete(chore));
    this.#chores.add(chore);
  }
}
