/**
 * One proxy for one spool. Node has no way to a file lock of its own, but SQLite takes one (fcntl), which the kernel
 * gives back however the process ends, and which holds between containers that share a volume, too.
 */
import { DatabaseSync } from 'node:sqlite';

export class SpoolInUse extends Error {}

export interface Lock {
  release(): void;
}

/** Locks the file, which is made where there is none. @throws {SpoolInUse} */
export function lock(path: string): Lock {
  const database = new DatabaseSync(path);
  try {
    // Nothing is ever written, so the file stays empty.
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes('locked')) {
      throw new SpoolInUse('another http2kafka is using it');
    }
    throw error;
  }
  return { release: () => database.close() };
}
