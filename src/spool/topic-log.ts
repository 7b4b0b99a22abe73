/**
 * The log of one topic. Events are added at its end, synced in groups, and read in the same order. Each event has a mark
 * of its delivery. When all events of a segment are delivered, its space is freed. An empty log has no file.
 */
import { basename, dirname, join } from 'node:path';
import { errorCode, errorText } from '../support/error-text.ts';
import type { Machine } from './disk.ts';
import { GroupWriter, type Item, type Place, type Space } from './group-writer.ts';
import { LogReader, type Position, type SpooledEvent } from './log-reader.ts';
import { Mark, type MarkValue } from './marks.ts';
import { NewerFormat } from './newer-format.ts';
import { Segment, type FramesRead, type ReadLimit } from './segment.ts';
import { parseName, SHARED_VERSION } from './segment-format.ts';
import { Bodies, type FindSegment } from './shared/bodies.ts';

export interface TopicLogSettings {
  readonly machine: Machine;
  readonly folder: string;
  /** Approximate bytes of a segment. */
  readonly segmentBytes: number;
  readonly space: Space;
  /** Makes the folder if it does not exist. Resolves when it survives a power cut, and this process has the spool. */
  readonly makeFolder: () => Promise<void>;
  readonly report: (report: DamageReport) => void;
  /** Finds the segment of another log that a reference names. */
  readonly find: FindSegment;
}

export interface DamageReport {
  /**
   * - `damaged`: bytes have changed on disk. The file is set aside when its other events are delivered.
   * - `unreadable`: the disk does not give the file. It stays where it is, and no event of it is counted.
   * - `lost`: someone has removed the file while the proxy ran. The events were on disk only.
   * - `exposed`: as `lost`, but the events are in memory, too. They are lost if the process ends before Kafka has them.
   * - `restored`: someone has removed or replaced the folder while the proxy ran. It is made again.
   */
  readonly kind: 'damaged' | 'unreadable' | 'lost' | 'exposed' | 'restored';
  readonly path: string;
  readonly events: number;
  readonly reason: string;
}

/** Milliseconds between checks that no one has removed the files. */
const CHECK_MS = 5000;

const REMOVED = 'removed while the proxy ran';
const CHANGED = 'its bytes were changed on disk';

export class TopicLog {
  readonly #settings: TopicLogSettings;
  /** The segments with undelivered events, in order. The last one may be the active one. */
  readonly #segments: Segment[] = [];
  /** The segment that takes new events. */
  #active: Segment | undefined;
  #nextNumber = 1;
  readonly #reader: LogReader;
  readonly #writer: GroupWriter;
  #bytes = 0;
  /** Segments that could not be removed. */
  readonly #leftovers: Segment[] = [];
  /** File operations in the background. */
  readonly #chores = new Set<Promise<unknown>>();
  /** The active segment is not in its place, and a write to it has failed. */
  #isDoubtful = false;
  /** When the files were checked last, on the monotonic clock. */
  #checkedAt = Number.NEGATIVE_INFINITY;
  /** Events of lost files that were in memory, too, until the proxy stopped. */
  #lostLate = 0;
  /** Number of records that an earlier process sent to Kafka without an answer. */
  unanswered = 0;
  /** Files of an earlier process could not be read. */
  isIncomplete = false;

  constructor(settings: TopicLogSettings) {
    this.#settings = settings;
    const bodies = new Bodies(settings.machine.disk, dirname(settings.folder), settings.find);
    this.#reader = new LogReader(bodies, (...read) => this.#readSegment(...read));
    this.#writer = new GroupWriter(
      {
        segmentFor: (bytes, version) => this.#segmentFor(bytes, version),
        grown: (bytes) => this.#grow(bytes),
        secure: (segment, bytes) => this.#secure(segment, segment.size + bytes),
        abandon: () => this.#abandon(),
      },
      settings.space,
      settings.machine.time,
    );
  }

  /**
   * Loads the segments of an earlier process. Rejects if the folder cannot be read. `begin` is to be called when all logs
   * are loaded.
   * @throws {NewerFormat}
   */
  async open(): Promise<void> {
    const { machine, folder, report } = this.#settings;
    const { disk } = machine;
    const files = await disk.list(folder);
    const logs = files.filter((file) => parseName(file)).sort();
    for (const file of logs) {
      const name = parseName(file);
      if (!name) continue;
      this.#nextNumber = Math.max(this.#nextNumber, name.number + 1);
      try {
        const segment = await Segment.load(machine, folder, name);
        this.unanswered += segment.unanswered;
        this.#add(segment);
      } catch (error) {
        if (error instanceof NewerFormat) throw error;
        // The file stays: a repaired disk can read it.
        const reason = errorCode(error) ?? errorText(error);
        this.isIncomplete = true;
        report({ kind: 'unreadable', path: join(folder, file), events: 0, reason });
      }
    }
    const strays = files.filter(
      (file) => file.endsWith('.marks') && !logs.includes(`${file.slice(0, -6)}.log`),
    );
    for (const file of strays) this.#chore(disk.remove(join(folder, file)));
  }

  /** Those with undelivered events, or with events that references name, in their order. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /**
   * Frees the space of loaded segments without undelivered events. If it is not known what is referred to, what may be
   * stays for the next process.
   */
  begin(keepsShared = false): void {
    for (const segment of [...this.#segments]) {
      if (keepsShared && segment.version >= SHARED_VERSION) segment.pins.add();
      this.#retire(segment);
    }
  }

  /** Number of events that are kept and not delivered. */
  get count(): number {
    return this.#segments.reduce((sum, { marks }) => sum + marks.undelivered, 0);
  }

  /** Bytes on disk, and bytes that wait to be written. */
  get bytes(): number {
    return this.#bytes + this.#writer.bytes;
  }

  /** Approximate arrival time of the oldest undelivered event, in milliseconds since the epoch: that of its segment. */
  get oldestAt(): number | undefined {
    return this.#oldest?.createdAt;
  }

  /**
   * Approximate milliseconds that the oldest undelivered event has been on disk. It was 0 or more at the start. Since
   * then it goes by the monotonic clock, so a step of the machine's clock makes no event too old.
   */
  get oldestAgeMs(): number | undefined {
    return this.#oldest?.ageMs;
  }

  /** Are there events on disk only, which `read` returns? */
  get hasUnread(): boolean {
    return this.#segments.some(({ unread }) => unread > 0);
  }

  /** Why no event can be kept now, as far as is known; undefined when events can be kept. */
  get problem(): string | undefined {
    return this.#writer.problem;
  }

  /** Adds an event at the end. Calls its `kept` or `failed` once; `failed` possibly before this returns. */
  append(item: Item): void {
    this.#writer.add(item);
  }

  /**
   * Reads some of the next events that are on disk only, and marks them as taken. Resolves to no event where bytes are
   * damaged. Rejects if the disk cannot be read; the next call reads the same events. `close` waits for it.
   */
  read(limit?: ReadLimit): Promise<SpooledEvent[]> {
    const reading = this.#read(limit);
    this.#chore(reading);
    return reading;
  }

  async #read(limit?: ReadLimit): Promise<SpooledEvent[]> {
    const { events, segment, damaged, lost } = await this.#reader.read(this.#segments, limit);
    if (!segment) return events;
    this.#noteDamage(segment, damaged);
    if (lost > 0) this.#reportLoss(segment.path, lost);
    this.#retire(segment);
    return events;
  }

  async #readSegment(segment: Segment, offset: number, limit?: ReadLimit): Promise<FramesRead> {
    try {
      return await segment.read(offset, limit);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') await this.#checkFiles();
      if (!segment.isLost) throw error;
      return { frames: [], next: offset };
    }
  }

  /**
   * Reads the undelivered events behind `after`, also those that are taken, and changes no mark. For a log without
   * references. It holds one read in
   * memory at a time. Events that are appended meanwhile may be missing. Rejects if the disk cannot be read.
   */
  async *scan(after?: Position): AsyncGenerator<SpooledEvent, void> {
    for (const segment of [...this.#segments]) {
      if (after && segment.number < after.number) continue;
      const from = after?.number === segment.number ? after.ordinal + 1 : 0;
      const isThere = () => this.#segments.includes(segment);
      for await (const { ordinal, payload, arrivedAt } of segment.scan(from, isThere)) {
        yield { place: { segment, ordinal }, payload, arrivedAt };
      }
      if (isThere()) this.#noteDamage(segment, segment.takeScanDamage());
    }
  }

  /** Sets the mark of an event. A `delivered` event is not read again, and its space is freed with its segment. */
  mark({ segment, ordinal, body }: Place, mark: MarkValue): void {
    if (body && mark === Mark.delivered && segment.marks.isUndelivered(ordinal)) segment.holds.release(body);
    if (segment.isLost && mark === Mark.kept) {
      // The event was in memory as well, and has left it: the proxy stops.
      this.#lostLate += 1;
      segment.marks.set(ordinal, Mark.damaged);
    } else {
      segment.marks.set(ordinal, mark);
    }
    this.#retire(segment);
  }

  /**
   * Frees the space of the active segment when all its events are delivered. The caller polls this. A check at each
   * event would make a file for each event while Kafka is only slightly late.
   */
  tidy(): void {
    for (const segment of this.#leftovers.splice(0)) this.#remove(segment);
    this.#checkFilesSometimes();
    const active = this.#active;
    if (!active || this.#writer.isWriting || active.marks.undelivered > 0 || active.pins.count > 0) return;
    this.#active = undefined;
    this.#retire(active);
  }

  /** Resolves when all writes, marks and removals are done. */
  async settled(): Promise<void> {
    await this.#writer.idle();
    this.tidy();
    await Promise.all(this.#segments.map(({ marks }) => marks.flush()));
    while (this.#chores.size > 0) await Promise.all(this.#chores);
  }

  /** Waits for all running operations and closes all files. The events stay for the next process. */
  async close(): Promise<void> {
    await this.#writer.idle();
    if (this.#segments.length > 0) await this.#checkFiles().catch(() => undefined);
    await this.#endActive(false);
    await this.settled();
    if (this.#lostLate > 0) this.#reportLoss(this.#settings.folder, this.#lostLate);
  }

  get #oldest(): Segment | undefined {
    return this.#segments.find(({ marks }) => marks.undelivered > 0);
  }

  /** The active segment, or a new one if the active one is of an older version, or would grow too large. */
  async #segmentFor(bytes: number, version: number): Promise<Segment> {
    const { machine, folder, segmentBytes, makeFolder } = this.#settings;
    const active = this.#active;
    if (active && this.#isDoubtful) await this.#restore(active, active.size);
    const isEmpty = active?.marks.count === 0;
    if (active && active.version >= version && (isEmpty || active.size + bytes <= segmentBytes))
      return active;
    // The last moment at which its events can be written again.
    if (active) await this.#secure(active, active.size);
    await this.#endActive(false);
    await makeFolder();
    const segment = await Segment.create(machine, folder, this.#nextNumber, version);
    this.#nextNumber += 1;
    this.#add(segment);
    this.#active = segment;
    return segment;
  }

  #add(segment: Segment): void {
    segment.pins.onReleased = () => this.#retire(segment);
    this.#segments.push(segment);
    this.#grow(segment.size);
  }

  /** Nothing more is added to the active segment. */
  async #endActive(afterFailure: boolean): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    await active?.seal(afterFailure);
    if (active) this.#retire(active);
  }

  /**
   * Someone may have removed or replaced the file of the segment, or a folder above it. Then it is written again, with
   * this number of bytes, from the open file.
   */
  async #secure(segment: Segment, size: number): Promise<void> {
    if (!(await segment.isInPlace())) await this.#restore(segment, size);
  }

  async #restore(segment: Segment, size: number): Promise<void> {
    const { makeFolder, report } = this.#settings;
    await makeFolder();
    await segment.restore(size);
    this.#isDoubtful = false;
    report({ kind: 'restored', path: segment.path, events: 0, reason: REMOVED });
  }

  /** A segment that is not in its place stays open: no other file has its events. */
  async #abandon(): Promise<void> {
    const active = this.#active;
    const isKept = active && active.marks.undelivered > 0 && !(await active.isInPlace().catch(() => true));
    if (isKept) this.#isDoubtful = true;
    else await this.#endActive(true);
  }

  /** Checks the files while there are any, at a bounded rate: without a write, no one else would miss them. */
  #checkFilesSometimes(): void {
    const now = this.#settings.machine.time.monotonic.now();
    if (this.#segments.length === 0 || now - this.#checkedAt < CHECK_MS) return;
    this.#checkedAt = now;
    this.#chore(this.#checkFiles());
  }

  /** Restores the active segment if it is not in its place. Gives up the other segments that have no file any more. */
  async #checkFiles(): Promise<void> {
    const { machine, folder } = this.#settings;
    const before = [...this.#segments];
    const files = new Set(
      await machine.disk.list(folder).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return [];
        throw error;
      }),
    );
    for (const segment of before) {
      const isKnown = segment !== this.#active && !segment.isLost && this.#segments.includes(segment);
      if (isKnown && !files.has(basename(segment.path))) this.#lose(segment);
    }
    await this.#writer.alone(async () => {
      const active = this.#active;
      if (active) await this.#secure(active, active.size).catch(() => undefined);
    });
  }

  #lose(segment: Segment): void {
    const lost = segment.lose();
    if (lost > 0) this.#reportLoss(segment.path, lost);
    const { path } = segment;
    const { undelivered: events } = segment.marks;
    if (events > 0) this.#settings.report({ kind: 'exposed', path, events, reason: REMOVED });
    this.#retire(segment);
  }

  #reportLoss(path: string, events: number): void {
    this.#settings.report({ kind: 'lost', path, events, reason: REMOVED });
  }

  #noteDamage(segment: Segment, events: number): void {
    if (events === 0) return;
    this.#settings.report({ kind: 'damaged', path: segment.asidePath, events, reason: CHANGED });
    this.#retire(segment);
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    this.#settings.space.used += bytes;
  }

  /** Frees the space of a segment without undelivered events and references to it, unless it is the active one. */
  #retire(segment: Segment): void {
    if (segment.marks.undelivered > 0 || segment === this.#active) return;
    segment.holds.releaseAll();
    const index = segment.pins.count > 0 ? -1 : this.#segments.indexOf(segment);
    if (index === -1) return;
    segment.isRetired = true;
    this.#segments.splice(index, 1);
    this.#grow(-segment.size);
    this.#remove(segment);
  }

  /** A segment that cannot be removed is tried again later. Until then its marks say that all is delivered. */
  #remove(segment: Segment): void {
    this.#chore(segment.remove().catch(() => void this.#leftovers.push(segment)));
  }

  #chore(work: Promise<unknown>): void {
    const chore = work.catch(() => undefined).finally(() => this.#chores.delete(chore));
    this.#chores.add(chore);
  }
}
