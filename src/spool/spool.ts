/**
 * The spool keeps events on the disk of this machine while they cannot be in Kafka. Each topic has its own log, so a topic
 * that cannot be written to delays no other topic. All logs share one limit of bytes and one lock.
 *
 *     <path>/lock.sqlite
 *     <path>/topics/<topic>/          see segment-format.ts
 */
import { dirname, join } from 'node:path';
import { localDisk, localMachine, type Machine } from './disk.ts';
import type { Space } from './group-writer.ts';
import { lock, type Lock } from './lock.ts';
import { TopicLog, type DamageReport } from './topic-log.ts';

export interface SpoolSettings {
  readonly path: string;
  /** Bytes of all events on disk, at most. */
  readonly maxBytes: number;
  /** Approximate bytes of a segment. */
  readonly segmentBytes?: number;
}

/** Small: a segment is read at once, and its space is freed early. Large: there are few files. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

export class Spool {
  readonly #settings: SpoolSettings;
  readonly #report: (report: DamageReport) => void;
  readonly #machine: Machine;
  readonly #space: Space;
  readonly #logs = new Map<string, TopicLog>();
  #lock: Lock | undefined;

  private constructor(settings: SpoolSettings, report: (report: DamageReport) => void, machine: Machine) {
    this.#settings = settings;
    this.#report = report;
    this.#machine = machine;
    this.#space = { used: 0, maxBytes: settings.maxBytes };
  }

  /**
   * Opens the spool, makes it if it does not exist, and finds the events of an earlier process. `report` is called for
   * damaged files, now and later. `machine` replaces the disk, the time or the random numbers, for tests. Rejects if the
   * folder cannot be used.
   * @throws {SpoolInUse} if another process has the spool.
   */
  static async open(
    settings: SpoolSettings,
    report: (report: DamageReport) => void,
    machine: Partial<Machine> = {},
  ): Promise<Spool> {
    const spool = new Spool(settings, report, { ...localMachine, ...machine });
    const { disk } = spool.#machine;
    const topics = spool.#topicsFolder;
    await disk.makeFolder(topics);
    await disk.syncFolder(settings.path);
    await disk.syncFolder(dirname(settings.path));
    // The lock belongs to the kernel; a simulated disk has none.
    if (disk === localDisk) spool.#lock = lock(join(settings.path, 'lock.sqlite'));
    for (const topic of await disk.list(topics)) await spool.#makeLog(topic).open();
    return spool;
  }

  /** The topics of an earlier process, and the topics that `log` was called for. */
  get topics(): readonly string[] {
    return [...this.#logs.keys()];
  }

  /** The log of a topic. */
  log(topic: string): TopicLog {
    return this.#logs.get(topic) ?? this.#makeLog(topic);
  }

  /** Bytes of all topics, on disk and waiting to be written. */
  get bytes(): number {
    return this.#space.used;
  }

  /** Waits for all running operations, closes all files, and releases the lock. */
  async close(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.close()));
    this.#lock?.release();
  }

  get #topicsFolder(): string {
    return join(this.#settings.path, 'topics');
  }

  #makeLog(topic: string): TopicLog {
    const log = new TopicLog({
      machine: this.#machine,
      folder: join(this.#topicsFolder, topic),
      segmentBytes: this.#settings.segmentBytes ?? SEGMENT_BYTES,
      space: this.#space,
      report: this.#report,
    });
    this.#logs.set(topic, log);
    return log;
  }
}
