/**
 * The spool keeps events on the disk of this machine while they cannot be in Kafka. Each topic has its own log, so a topic
 * that cannot be written to delays no other topic. All logs share one limit of bytes and one lock.
 *
 *     <path>/lock.sqlite
 *     <path>/owner                    see owner.ts
 *     <path>/topics/<topic>/          see segment-format.ts
 *     <path>/parked/<topic>/          events that Kafka does not take, in the same format
 *
 * A program that does not know the folder `parked` leaves it alone.
 */
import { dirname, join } from 'node:path';
import { localDisk, localMachine, type Machine } from './disk.ts';
import type { Space } from './group-writer.ts';
import { Home } from './home.ts';
import { findNewerFormat } from './newer-format.ts';
import type { Owner } from './owner.ts';
import { PARKED_FOLDER, TOPICS_FOLDER } from './segment-format.ts';
import { pinBodies, type FindSegment } from './shared/bodies.ts';
import { defaultMaxBytes, type Volume } from './volume.ts';
import { TopicLog, type DamageReport } from './topic-log.ts';
import { errorCode } from '../support/error-text.ts';

export interface SpoolSettings {
  readonly path: string;
  /** Bytes of all events on disk, at most; undefined for what the volume gives (volume.ts). */
  readonly maxBytes: number | undefined;
  /** The newest known layout of a payload, which its first byte tells. Without it, payloads have no layout. */
  readonly payloadVersion?: number;
  /** Approximate bytes of a segment. */
  readonly segmentBytes?: number;
}

/** Small: a segment is read at once, and its space is freed early. Large: there are few files. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

/** Least milliseconds between two reports that a folder is made again. */
const RETELL_MS = 10_000;

/** Of parked events, which leave in any order: the last one in a segment holds the space of all. */
const PARKED_SEGMENT_BYTES = 1024 * 1024;

export class Spool {
  readonly #settings: SpoolSettings;
  readonly #report: (report: DamageReport) => void;
  readonly #machine: Machine;
  readonly #space: Space;
  readonly #logs = new Map<string, TopicLog>();
  readonly #parked = new Map<string, TopicLog>();
  #home: Home | undefined;
  /** Folders of topics that are or were there. */
  /** Folders whose names survive a power cut. */
  readonly #synced = new Set<string>();
  readonly #made = new Set<string>();
  readonly #find: FindSegment = (reference) =>
    this.#logs.get(reference.topic)?.segments.find((segment) => segment.isNamed(reference));
  /** Time of the last report that a folder is made again, on the monotonic clock. */
  #restoredAt = Number.NEGATIVE_INFINITY;

  private constructor(settings: SpoolSettings, report: (report: DamageReport) => void, machine: Machine) {
    this.#settings = settings;
    this.#report = report;
    this.#machine = machine;
    this.#space = { used: 0, maxBytes: settings.maxBytes ?? Number.POSITIVE_INFINITY };
  }

  /**
   * Opens the spool, makes it if it does not exist, and finds the events of an earlier process. `report` is called for
   * damaged files, now and later. `machine` replaces the disk, the time or the random numbers, for tests. Rejects if the
   * folder cannot be used.
   * @throws {SpoolInUse} if another process has the spool.
   * @throws {NewerFormat} if a later version of the program has written some of its files. Nothing is changed then.
   */
  static async open(
    settings: SpoolSettings,
    report: (report: DamageReport) => void,
    machine: Partial<Machine> = {},
  ): Promise<Spool> {
    const spool = new Spool(settings, report, { ...localMachine, ...machine });
    try {
      await spool.#open();
      return spool;
    } catch (error) {
      spool.#home?.release();
      throw error;
    }
  }

  /** The owner of the original, if the folder is a copy of another spool. Its events may be in Kafka already. */
  get copyOf(): Owner | undefined {
    return this.#home?.copyOf;
  }

  /** The topics of an earlier process, and the topics that `log` was called for. */
  get topics(): readonly string[] {
    return [...this.#logs.keys()];
  }

  /** The log of a topic. */
  log(topic: string): TopicLog {
    return this.#logs.get(topic) ?? this.#makeLog(topic);
  }

  /** The topics with parked events of an earlier process, and the topics that `parked` was called for. */
  get parkedTopics(): readonly string[] {
    return [...this.#parked.keys()];
  }

  /**
   * The parked events of a topic. They count for `maxBytes`, which does not refuse them: they come from a log of the same
   * disk, and leave that one.
   */
  parked(topic: string): TopicLog {
    return this.#parked.get(topic) ?? this.#makeParked(topic);
  }

  /** Bytes of all topics, on disk and waiting to be written. Parked events count, too. */
  get bytes(): number {
    return this.#space.used;
  }

  /** The limit of `bytes`. */
  get maxBytes(): number {
    return this.#space.maxBytes;
  }

  /** The space of the file system; undefined if it cannot be asked. */
  async volume(): Promise<Volume | undefined> {
    const volume = await this.#machine.disk.volume(this.#settings.path).catch(() => undefined);
    // Some file systems tell nothing, and say 0.
    return volume && volume.size > 0 ? volume : undefined;
  }

  /** Waits for all running operations, closes all files, and releases the lock. */
  async close(): Promise<void> {
    await Promise.all([...this.#logs.values(), ...this.#parked.values()].map((log) => log.close()));
    this.#home?.release();
  }

  get #topicsFolder(): string {
    return join(this.#settings.path, TOPICS_FOLDER);
  }

  async #open(): Promise<void> {
    const { path, payloadVersion = Number.POSITIVE_INFINITY } = this.#settings;
    const { disk, time } = this.#machine;
    await disk.makeFolder(this.#topicsFolder);
    await disk.syncFolder(path);
    await disk.syncFolder(dirname(path));
    const newer = await findNewerFormat(disk, path, payloadVersion);
    if (newer) throw newer;
    // The lock belongs to the kernel; a simulated disk has none.
    if (disk === localDisk) this.#home = Home.take(path, time.wall.now());
    for (const topic of await disk.list(this.#topicsFolder)) {
      this.#made.add(join(this.#topicsFolder, topic));
      await this.#makeLog(topic).open();
    }
    await this.#begin();
    for (const topic of await listIfThere(disk, this.#parkedFolder)) {
      this.#made.add(join(this.#parkedFolder, topic));
      const parked = this.#makeParked(topic);
      await parked.open();
      parked.begin();
    }
    this.#space.maxBytes = this.#settings.maxBytes ?? defaultMaxBytes(await this.volume(), this.#space.used);
  }

  /** All logs are loaded: pins what references name, and frees the space of what is delivered. */
  async #begin(): Promise<void> {
    const logs = [...this.#logs.values()];
    let areKnown = logs.every(({ isIncomplete }) => !isIncomplete);
    for (const segment of logs.flatMap(({ segments }) => segments)) {
      await pinBodies(segment, this.#find).catch(() => void (areKnown = false));
    }
    for (const log of logs) log.begin(!areKnown);
  }

  /** Makes the folder of a topic, and takes the spool's folder again if it is another one now. */
  async #makeFolder(folder: string): Promise<void> {
    const { disk, time } = this.#machine;
    const isMissing = (await disk.identity(folder)) === undefined;
    // A folder that is there may not survive a power cut: it may be of a process whose sync failed.
    if (isMissing || !this.#synced.has(folder)) {
      this.#synced.delete(folder);
      await disk.makeFolder(folder);
      const { path } = this.#settings;
      for (const changed of [dirname(folder), path, dirname(path)]) await disk.syncFolder(changed);
      this.#synced.add(folder);
      if (isMissing && this.#made.has(folder))
        this.#tell({ kind: 'restored', path: folder, events: 0, reason: 'removed while the proxy ran' });
    }
    this.#made.add(folder);
    this.#home?.keep(time.wall.now());
  }

  /** A folder that someone removes has many files and topics: one report is enough. */
  #tell(report: DamageReport): void {
    if (report.kind === 'restored') {
      const now = this.#machine.time.monotonic.now();
      if (now - this.#restoredAt < RETELL_MS) return;
      this.#restoredAt = now;
    }
    this.#report(report);
  }

  get #parkedFolder(): string {
    return join(this.#settings.path, PARKED_FOLDER);
  }

  #makeLog(topic: string): TopicLog {
    const log = new TopicLog({
      machine: this.#machine,
      folder: join(this.#topicsFolder, topic),
      segmentBytes: this.#settings.segmentBytes ?? SEGMENT_BYTES,
      space: this.#space,
      report: (report) => this.#tell(report),
      find: this.#find,
      makeFolder: () => this.#makeFolder(join(this.#topicsFolder, topic)),
    });
    this.#logs.set(topic, log);
    return log;
  }

  #makeParked(topic: string): TopicLog {
    const log = new TopicLog({
      machine: this.#machine,
      folder: join(this.#parkedFolder, topic),
      segmentBytes: Math.min(this.#settings.segmentBytes ?? SEGMENT_BYTES, PARKED_SEGMENT_BYTES),
      space: unlimited(this.#space),
      report: (report) => this.#tell(report),
      find: () => undefined,
      makeFolder: () => this.#makeFolder(join(this.#parkedFolder, topic)),
    });
    this.#parked.set(topic, log);
    return log;
  }
}

/** The same space, which never refuses. */
function unlimited(space: Space): Space {
  return {
    get used() {
      return space.used;
    },
    set used(bytes: number) {
      space.used = bytes;
    },
    maxBytes: Number.POSITIVE_INFINITY,
  };
}

async function listIfThere(disk: Machine['disk'], path: string): Promise<string[]> {
  try {
    return await disk.list(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
