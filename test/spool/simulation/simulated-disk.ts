import { basename, dirname } from 'node:path';

import { Random } from '../../openlineage/random.ts';
import type { Disk, DiskFile } from '../../../src/spool/disk.ts';
import type { Time } from '../../../src/support/time.ts';
import { SimulatedFile, type FileHost } from './simulated-file.ts';
import { SimulatedInode } from './simulated-inode.ts';
import { SimulatedNames } from './simulated-names.ts';
import { diskError, SimulatedOperations } from './simulated-operations.ts';

/** A process ends and memory stays, or the machine ends and only what was synced is sure. */
export type CrashKind = 'kill' | 'power cut';

export interface DiskOptions {
  random?: Random;
  /** How many bytes the files may have together; any number by default. */
  capacity?: number;
  /** The number of the change, from 1, in the middle of which the disk crashes; never by default. */
  crashAt?: number;
  /** Runs the turns in which operations take place; those of the event loop by default. */
  time?: Pick<Time, 'setImmediate'>;
}

/** A disk in memory that fails, fills up and crashes as told. Reproducible: all its choices come of one random source. */
export class SimulatedDisk implements Disk {
  readonly operations: SimulatedOperations;
  capacity: number;
  readonly #random: Random;
  readonly #time: DiskOptions['time'];
  readonly #host: FileHost;
  #names = new SimulatedNames();

  constructor(options: DiskOptions = {}) {
    this.#random = options.random ?? new Random();
    this.#time = options.time;
    this.capacity = options.capacity ?? Infinity;
    this.operations = new SimulatedOperations(this.#random, options.time);
    this.operations.crashAt = options.crashAt ?? Infinity;
    this.#host = {
      operations: this.operations,
      random: this.#random,
      opened: new Map(),
      // Adding up all files at each write is slow.
      bytesLeft: () => (this.capacity === Infinity ? Infinity : this.capacity - this.bytesUsed),
    };
  }

  /** What the files take: those without a name too, as long as they are open. */
  get bytesUsed(): number {
    const inodes = new Set([...this.#names.files(), ...this.#host.opened.values()]);
    return [...inodes].reduce((sum, inode) => sum + inode.seen.size, 0);
  }

  get openFiles(): number {
    return this.#host.opened.size;
  }

  /** The paths of all files and their bytes, at this moment. */
  contents(): Map<string, Buffer> {
    const contents = new Map<string, Buffer>();
    for (const path of [...this.#names.seen.keys()].sort()) {
      const inode = this.#names.file(path);
      if (inode !== undefined) contents.set(path, inode.seen.bytes());
    }
    return contents;
  }

  /** Puts a file there, synced, as if a former process had left it. */
  place(path: string, bytes: Buffer): void {
    for (const folder of this.#missingFolders(dirname(path))) {
      this.#names.add(folder, 'folder');
      this.#names.sync(dirname(folder));
    }
    this.#names.add(path, new SimulatedInode(bytes));
    this.#names.sync(dirname(path));
  }

  /** The disk as the next process finds it. This one has crashed then, if it had not before. */
  afterCrash(kind: CrashKind, random = this.#random): SimulatedDisk {
    this.operations.crash();
    const next = new SimulatedDisk({
      random,
      capacity: this.capacity,
      ...(this.#time && { time: this.#time }),
    });
    next.#names =
      kind === 'kill'
        ? this.#names.afterKill((inode) => inode.afterKill(random))
        : this.#names.afterPowerCut((inode) => inode.afterPowerCut(random), random);
    return next;
  }

  async makeFolder(path: string): Promise<void> {
    for (const folder of this.#missingFolders(path)) {
      await this.operations.run('makeFolder', folder, () => this.#names.add(folder, 'folder'));
    }
  }

  list(path: string): Promise<string[]> {
    return this.operations.run('list', path, () => {
      this.#needFolder(path);
      const names = this.#names.list(path).map((entry) => basename(entry));
      // In no order, as on many a file system.
      for (const index of names.keys())
        names.push(...names.splice(this.#random.below(names.length - index), 1));
      return names;
    });
  }

  create(path: string): Promise<DiskFile> {
    return this.operations.run('create', path, () => {
      this.#needFolder(dirname(path));
      if (this.#names.seen.has(path)) throw diskError('EEXIST', path);
      const inode = new SimulatedInode();
      this.#names.add(path, inode);
      return new SimulatedFile(path, inode, this.#host);
    });
  }

  open(path: string): Promise<DiskFile> {
    return this.operations.run('open', path, () => new SimulatedFile(path, this.#file(path), this.#host));
  }

  size(path: string): Promise<number> {
    return this.operations.run('size', path, () => this.#file(path).seen.size);
  }

  remove(path: string): Promise<void> {
    return this.operations.run('remove', path, () => {
      if (this.#names.seen.get(path) === 'folder') throw diskError('ERR_FS_EISDIR', path);
      if (this.#names.seen.has(path)) this.#names.remove(path);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.operations.run('rename', `${from} ${to}`, () => {
      this.#needFolder(dirname(to));
      this.#names.rename(from, to, this.#file(from));
    });
  }

  syncFolder(path: string): Promise<void> {
    return this.operations.run('syncFolder', path, () => {
      this.#needFolder(path);
      this.#names.sync(path);
    });
  }

  #missingFolders(path: string): string[] {
    const missing: string[] = [];
    for (let folder = path; !this.#names.seen.has(folder); folder = dirname(folder)) missing.unshift(folder);
    return missing;
  }

  #needFolder(path: string): void {
    if (this.#names.seen.get(path) !== 'folder') throw diskError('ENOENT', path);
  }

  #file(path: string): SimulatedInode {
    const inode = this.#names.file(path);
    if (inode === undefined) throw diskError(this.#names.seen.has(path) ? 'EISDIR' : 'ENOENT', path);
    return inode;
  }
}
