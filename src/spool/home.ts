/**
 * The folder of a spool, held by this process: the lock, and the mark of its owner. While the proxy runs, an operator may
 * remove the folder or put another in its place. The lock is then on a file that no other process sees.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../support/error-text.ts';
import { lock, type Lock } from './lock.ts';
import { takePossession, type Owner } from './owner.ts';

export class Home {
  /** The owner of the original, if the folder was a copy when this process took it. */
  readonly copyOf: Owner | undefined;
  readonly #path: string;
  #lock: Lock | undefined;
  /** The identity of the locked file. */
  #locked: string | undefined;

  private constructor(path: string, now: number) {
    this.#path = path;
    this.#take();
    this.copyOf = this.#mark(now);
  }

  /**
   * Takes an existing folder. `now` is in milliseconds since the epoch.
   * @throws {SpoolInUse} if another process has it.
   */
  static take(path: string, now: number): Home {
    return new Home(path, now);
  }

  /**
   * Takes the folder that is at the path now, if it is not the one that was taken.
   * @throws {SpoolInUse} if another process has it.
   */
  keep(now: number): void {
    if (this.#locked !== undefined && this.#locked === identityAt(this.#lockFile)) return;
    this.release();
    this.#take();
    this.#mark(now);
  }

  release(): void {
    this.#lock?.release();
    this.#lock = undefined;
    this.#locked = undefined;
  }

  get #lockFile(): string {
    return join(this.#path, 'lock.sqlite');
  }

  #take(): void {
    this.#lock = lock(this.#lockFile);
    this.#locked = identityAt(this.#lockFile);
  }

  /** The mark only tells copies apart. A full disk must not stop the delivery of what is on it. */
  #mark(now: number): Owner | undefined {
    try {
      return takePossession(this.#path, now);
    } catch {
      return undefined;
    }
  }
}

function identityAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
