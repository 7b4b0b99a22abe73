/**
 * What the spool needs of the machine: a file system, time and random numbers. The spool does all its work through
 * these interfaces. A test can then hand in a disk that fails, fills up, or loses all bytes that were not synced.
 */
import { randomInt } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../support/error-text.ts';
import { systemTime, type Time } from '../support/time.ts';
import type { Volume } from './volume.ts';

export interface DiskFile {
  /** Writes at least some of the bytes at this position of the file. Resolves to the number of bytes written. */
  write(buffers: readonly Buffer[], position: number): Promise<number>;
  /** Fills the buffer from this position, up to the end of the file. Resolves to the number of bytes read. */
  read(buffer: Buffer, position: number): Promise<number>;
  truncate(size: number): Promise<void>;
  /** Resolves when the bytes and the size of the file survive a power cut. */
  sync(): Promise<void>;
  /** The same text as `Disk.identity` gives for a path that leads to this file. */
  identity(): Promise<string>;
  close(): Promise<void>;
}

/** Every method rejects as node:fs does, with `code` (ENOSPC, EIO, ENOENT, …). */
export interface Disk {
  /** Makes the folder and the folders above it. A folder that exists is no error. */
  makeFolder(path: string): Promise<void>;
  /** The names of a folder's entries. */
  list(path: string): Promise<string[]>;
  /** Opens a new file for reading and writing. Rejects with EEXIST if the file exists. */
  create(path: string): Promise<DiskFile>;
  /** Opens an existing file for reading and writing. */
  open(path: string): Promise<DiskFile>;
  /** The size of a file, in bytes. */
  size(path: string): Promise<number>;
  /** The file or folder that a path leads to now: equal texts mean the same one. Undefined if there is none. */
  identity(path: string): Promise<string | undefined>;
  /** The space of the file system that a folder is on. */
  volume(path: string): Promise<Volume>;
  /** A file that does not exist is no error. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Resolves when the entries of the folder survive a power cut. */
  syncFolder(path: string): Promise<void>;
}

/** Fills the buffer from this position of the file. Resolves to the number of bytes: fewer if the file ends before. */
export async function readAll(file: DiskFile, buffer: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const read = await file.read(buffer.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** Writes all buffers, one after the other, at this position of the file. */
export async function writeAll(file: DiskFile, buffers: readonly Buffer[], position: number): Promise<void> {
  let left = buffers;
  let done = 0;
  while (left.length > 0) {
    const written = await file.write(left, position + done);
    if (written === 0) throw new Error('the disk takes nothing');
    done += written;
    left = without(left, written);
  }
}

/** The rest of the buffers after this number of bytes is written. */
function without(buffers: readonly Buffer[], written: number): readonly Buffer[] {
  let left = written;
  const from = buffers.findIndex((buffer) => {
    if (buffer.length > left) return true;
    left -= buffer.length;
    return false;
  });
  if (from === -1) return [];
  const [torn = Buffer.alloc(0), ...rest] = buffers.slice(from);
  return [torn.subarray(left), ...rest];
}

/** What the spool uses of the machine. */
export interface Machine {
  readonly disk: Disk;
  readonly time: Time;
  /** A random 32-bit integer, for the seed of a segment. A sender of events must not be able to guess it. */
  readonly randomSeed: () => number;
}

/** Only the owner has access: events may contain confidential data. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** The file system of this machine. */
export const localDisk: Disk = {
  makeFolder,
  list: (path) => readdir(path),
  create: async (path) => new LocalFile(await open(path, 'wx+', FILE_MODE)),
  open: async (path) => new LocalFile(await open(path, 'r+')),
  size: async (path) => (await stat(path)).size,
  identity: (path) => stat(path, { bigint: true }).then(identityOf, undefinedIfMissing),
  volume: (path) =>
    statfs(path).then(({ bsize, blocks, bavail }) => ({ size: bsize * blocks, free: bsize * bavail })),
  remove: (path) => rm(path, { force: true }),
  rename: (from, to) => rename(from, to),
  async syncFolder(path) {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

/** Node's own `recursive` option never ends on a file system that takes no folders, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    const above = dirname(path);
    const isAboveMissing = code === 'ENOENT' && above !== path && !(await exists(above));
    if (!isAboveMissing) throw error;
    await makeFolder(above);
    await makeFolder(path);
  }
}

/** This machine. */
export const localMachine: Machine = {
  disk: localDisk,
  time: systemTime,
  randomSeed: () => randomInt(2 ** 32),
};

/** Device and inode. */
function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function undefinedIfMissing(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

class LocalFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(buffers: readonly Buffer[], position: number): Promise<number> {
    return (await this.#handle.writev(buffers, position)).bytesWritten;
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    return (await this.#handle.read(buffer, 0, buffer.length, position)).bytesRead;
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  /** `fdatasync` also syncs the size, which is needed to read the bytes back. It leaves out the time stamps. */
  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  async identity(): Promise<string> {
    return identityOf(await this.#handle.stat({ bigint: true }));
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
