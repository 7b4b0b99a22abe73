/**
 * One spool belongs to one proxy. Node has no file locks, so SQLite takes one (fcntl). The kernel releases it however
 * the process ends. It also holds between containers that share a volume.
 */
import { DatabaseSync } from 'node:sqlite';

export class SpoolInUse extends Error {}

export interface Lock {
  release(): void;
}

/**
 * Locks the file, and makes it if it does not exist.
 * @throws {SpoolInUse} if another process has the lock.
 */
export function lock(path: string): Lock {
  const database = new DatabaseSync(path);
  try {
    // The transaction writes nothing, so the file stays empty.
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
