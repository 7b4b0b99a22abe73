/**
 * What the spool needs of a file system, and the real one. The spool does all its work through this interface, so that
 * tests can stand in for the disk: one that fails, fills up, or loses what was not synced.
 */
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface DiskFile {
  /** Writes some of the bytes at least, at this place of the file; resolves to how many. */
  write(buffers: readonly Buffer[], position: number): Promise<number>;
  /** Fills the buffer from this place of the file, as far as there is something; resolves to how many bytes. */
  read(buffer: Buffer, position: number): Promise<number>;
  truncate(size: number): Promise<void>;
  /** Resolves when the file's bytes, and its size, would survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Every method rejects as node:fs does, with `code` (ENOSPC, EIO, ENOENT, …). */
export interface Disk {
  /** Makes the folder, and those above it; well if it is there. */
  makeFolder(path: string): Promise<void>;
  /** The names of a folder's entries. */
  list(path: string): Promise<string[]>;
  /** Opens a new file for reading and writing; rejects with EEXIST where there is one. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file that is there, for reading and writing. */
  open(path: string): Promise<DiskFile>;
  /** The size of a file, in bytes. */
  size(path: string): Promise<number>;
  /** Well if it is not there. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Resolves when the folder's entries would survive a power cut. */
  syncFolder(path: string): Promise<void>;
}

/** Owner only: events may tell of what is nobody else's business. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** The file system of this machine. */
export const localDisk: Disk = {
  makeFolder,
  list: (path) => readdir(path),
  create: async (path) => new LocalFile(await open(path, 'wx+', FILE_MODE)),
  open: async (path) => new LocalFile(await open(path, 'r+')),
  size: async (path) => (await stat(path)).size,
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

/** Not Node's own `recursive`, which never ends on a file system where nothing can be made, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    const above = dirname(path);
    const isAboveMissing = code === 'ENOENT' && above !== path && !(await exists(above));
    if (!isAboveMissing) throw error;
    await makeFolder(above);
    await makeFolder(path);
  }
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

  /** `fdatasync` also syncs what is needed to read the bytes back: the size. It spares the time stamps. */
  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
