import type { Random } from '../../openlineage/random.ts';
import type { DiskFile } from '../../../src/spool/disk.ts';
import type { SimulatedInode } from './simulated-inode.ts';
import { diskError, type SimulatedOperations } from './simulated-operations.ts';

/** What an open file knows of its disk. */
export interface FileHost {
  readonly operations: SimulatedOperations;
  readonly random: Random;
  /** The open files, by their handles. */
  readonly opened: Map<DiskFile, SimulatedInode>;
  readonly bytesLeft: () => number;
}

/** An open file. */
export class SimulatedFile implements DiskFile {
  readonly #path: string;
  readonly #inode: SimulatedInode;
  readonly #host: FileHost;

  constructor(path: string, inode: SimulatedInode, host: FileHost) {
    this.#path = path;
    this.#inode = inode;
    this.#host = host;
    host.opened.set(this, inode);
  }

  write(buffers: readonly Buffer[], position: number): Promise<number> {
    const bytes = Buffer.concat(buffers);
    const writePartly = (): void => {
      this.#write(bytes.subarray(0, this.#host.random.below(bytes.length + 1)), position);
    };
    return this.#run(
      'write',
      () => {
        const isShort = bytes.length > 1 && this.#host.operations.happens('shortWrite');
        const length = isShort ? 1 + this.#host.random.below(bytes.length - 1) : bytes.length;
        const written = this.#write(bytes.subarray(0, length), position);
        if (written === 0 && bytes.length > 0) throw diskError('ENOSPC', this.#path);
        return written;
      },
      { fails: writePartly, crashes: writePartly },
    );
  }

  read(buffer: Buffer, position: number): Promise<number> {
    return this.#run('read', () => {
      const length = this.#inode.seen.read(buffer, position);
      count(this.#host.operations.bytesRead, this.#path, length);
      return length;
    });
  }

  truncate(size: number): Promise<void> {
    return this.#run('truncate', () => this.#inode.truncate(size));
  }

  sync(): Promise<void> {
    // A sync covers only what was written before it began.
    const { lastChange } = this.#inode;
    return this.#run('sync', () => this.#inode.sync(lastChange), {
      fails: () => this.#inode.failSync(this.#host.random),
    });
  }

  identity(): Promise<string> {
    return this.#run('identity', () => this.#inode.identity);
  }

  close(): Promise<void> {
    // This is not a simulated operation, because a crash shows no effect of it.
    this.#host.opened.delete(this);
    return Promise.resolve();
  }

  /** Writes as much as there is room for. Returns the number of bytes. */
  #write(bytes: Buffer, position: number): number {
    const growth = position + bytes.length - this.#inode.seen.size;
    const excess = Math.max(0, Math.min(growth, bytes.length) - Math.max(0, this.#host.bytesLeft()));
    const length = bytes.length - excess;
    this.#inode.write(bytes.subarray(0, length), position);
    count(this.#host.operations.bytesWritten, this.#path, length);
    return length;
  }

  async #run<Result>(
    operation: 'write' | 'read' | 'truncate' | 'sync' | 'identity',
    act: () => Result,
    partly?: { fails?: () => void; crashes?: () => void },
  ): Promise<Result> {
    if (!this.#host.opened.has(this)) throw diskError('EBADF', this.#path);
    return this.#host.operations.run(operation, this.#path, act, partly);
  }
}

function count(bytes: Map<string, number>, path: string, more: number): void {
  bytes.set(path, (bytes.get(path) ?? 0) + more);
}
