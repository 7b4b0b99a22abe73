/**
 * The spool: where events stay, on this machine's disk, while they cannot be in Kafka. One log for each topic, so that a
 * topic that cannot be written to holds up no other; a limit and a lock for all of them together.
 *
 *     <path>/lock.sqlite
 *     <path>/topics/<topic>/          see segment-format.ts
 */
import { dirname, join } from 'node:path';
import { localDisk, type Disk } from './disk.ts';
import { lock, type Lock } from './lock.ts';
import { TopicLog, type DamageReport } from './topic-log.ts';

export interface SpoolSettings {
  readonly path: string;
  /** Bytes of all events on disk, at most. */
  readonly maxBytes: number;
  /** Bytes of a segment, about. */
  readonly segmentBytes?: number;
}

/** Small enough to give space back soon and to be read at once, large enough that the files stay few. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

export class Spool {
  readonly #settings: SpoolSettings;
  readonly #report: (report: DamageReport) => void;
  readonly #disk: Disk;
  readonly #logs = new Map<string, TopicLog>();
  #lock: Lock | undefined;

  private constructor(settings: SpoolSettings, report: (report: DamageReport) => void, disk: Disk) {
    this.#settings = settings;
    this.#report = report;
    this.#disk = disk;
  }

  /**
   * Opens the spool, making it where there is none, and finds what an earlier process has left. `report` hears of damage, now
   * and later. Rejects when the folder cannot be used.
   * @throws {SpoolInUse} when another process has it.
   */
  static async open(
    settings: SpoolSettings,
    report: (report: DamageReport) => void,
    disk: Disk = localDisk,
  ): Promise<Spool> {
    const spool = new Spool(settings, report, disk);
    const topics = spool.#topicsFolder;
    await disk.makeFolder(topics);
    await disk.syncFolder(settings.path);
    await disk.syncFolder(dirname(settings.path));
    // The lock is the kernel's: a disk that only stands in for one has none.
    if (disk === localDisk) spool.#lock = lock(join(settings.path, 'lock.sqlite'));
    for (const topic of await disk.list(topics)) await spool.#makeLog(topic).open();
    return spool;
  }

  /** The topics of which an earlier process has left something, and those that were asked for since. */
  get topics(): readonly string[] {
    return [...this.#logs.keys()];
  }

  /** The log of a topic. */
  log(topic: string): TopicLog {
    return this.#logs.get(topic) ?? this.#makeLog(topic);
  }

  /** Bytes on disk, of all topics. */
  get bytes(): number {
    let bytes = 0;
    for (const log of this.#logs.values()) bytes += log.bytes;
    return bytes;
  }

  /** Why nothing can be kept now, as far as is known. */
  get problem(): string | undefined {
    for (const { problem } of this.#logs.values()) if (problem !== undefined) return problem;
    return undefined;
  }

  /** Waits for what is under way, closes all files, and lets another process have the spool. */
  async close(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.close()));
    this.#lock?.release();
  }

  get #topicsFolder(): string {
    return join(this.#settings.path, 'topics');
  }

  #makeLog(topic: string): TopicLog {
    const { maxBytes, segmentBytes = SEGMENT_BYTES } = this.#settings;
    const log = new TopicLog({
      disk: this.#disk,
      folder: join(this.#topicsFolder, topic),
      segmentBytes,
      refuses: (bytes) => (this.bytes + bytes > maxBytes ? 'the spool is full' : undefined),
      report: this.#report,
    });
    this.#logs.set(topic, log);
    return log;
  }
}
