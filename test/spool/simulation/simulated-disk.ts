import { basename, dirname } from 'node:path';

import { Random } from '../../openlineage/random.ts';
import type { Disk, DiskFile } from '../../../src/spool/disk.ts';
import type { Volume } from '../../../src/spool/volume.ts';
import type { Time } from '../../../src/support/time.ts';
import { SimulatedFile, type FileHost } from './simulated-file.ts';
import { SimulatedInode } from './simulated-inode.ts';
import { SimulatedNames } from './simulated-names.ts';
import { diskError, SimulatedOperations } from './simulated-operations.ts';

/** `kill`: the process ends, the page cache stays. `power cut`: the machine ends, only synced bytes are certain. */
export type CrashKind = 'kill' | 'power cut';

export interface DiskOptions {
  random?: Random;
  /** Most bytes of all files together; unlimited by default. */
  capacity?: number;
  /** The disk crashes in the middle of the change with this number, from 1; never by default. */
  crashAt?: number;
  /** Schedules the turns of the operations; uses the event loop by default. */
  time?: Pick<Time, 'setImmediate'>;
}

/**
 * A disk in memory that fails, fills up and crashes as a test tells it. One random source makes all its choices, so
 * they are reproducible.
 */
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
      // This avoids a sum over all files at each write, which is slow.
      bytesLeft: () => (this.capacity === Infinity ? Infinity : this.capacity - this.bytesUsed),
    };
  }

  /** Bytes of all files. Files without a name count while they are open. */
  get bytesUsed(): number {
    const inodes = new Set([...this.#names.files(), ...this.#host.opened.values()]);
    return [...inodes].reduce((sum, inode) => sum + inode.seen.size, 0);
  }

  get openFiles(): number {
    return this.#host.opened.size;
  }

  /** The paths of all files and their current bytes. */
  contents(): Map<string, Buffer> {
    const contents = new Map<string, Buffer>();
    for (const path of [...this.#names.seen.keys()].sort()) {
      const inode = this.#names.file(path);
      if (inode !== undefined) contents.set(path, inode.seen.bytes());
    }
    return contents;
  }

  /** Adds a synced file, as if an earlier process had left it. */
  place(path: string, bytes: Buffer): void {
    for (const folder of this.#missingFolders(dirname(path))) {
      this.#names.add(folder, 'folder');
      this.#names.sync(dirname(folder));
    }
    this.#names.add(path, new SimulatedInode(bytes));
    this.#names.sync(dirname(path));
  }

  /** Removes a folder with all that is in it, as an operator does beside a running process. */
  removeFolder(path: string): void {
    for (const name of [...this.#names.seen.keys()])
      if (name === path || name.startsWith(`${path}/`)) this.#names.remove(name);
  }

  /** Crashes this disk if it has not crashed yet. Returns the disk as the next process finds it. */
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
      // In no fixed order, as many file systems do.
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

  identity(path: string): Promise<string | undefined> {
    return this.operations.run('identity', path, () => {
      if (this.#names.seen.get(path) === 'folder') return `folder ${path}`;
      return this.#names.file(path)?.identity;
    });
  }

  volume(): Promise<Volume> {
    const { capacity: size } = this;
    return Promise.resolve({ size, free: Math.max(0, size - this.bytesUsed) });
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
