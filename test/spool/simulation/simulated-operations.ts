import { systemTime, type Time } from '../../../src/support/time.ts';
import type { Random } from '../../openlineage/random.ts';

/** The operations that change the disk. A crash is tested at these. */
export type Change =
  'write' | 'truncate' | 'sync' | 'create' | 'remove' | 'rename' | 'makeFolder' | 'syncFolder';
export type Operation = Change | 'read' | 'open' | 'size' | 'list' | 'identity';

/** How often in a thousand times an operation fails, or a write writes less than asked; 0 by default. */
export type Faults = Partial<Record<Operation | 'shortWrite', number>>;

const READING: ReadonlySet<Operation> = new Set(['read', 'open', 'size', 'list', 'identity']);
const TRACED = 200;

/** The error of every operation after the disk has crashed. The process that sees it no longer counts. */
export class SimulatedCrash extends Error {
  readonly code = 'EBADF';

  constructor() {
    super('EBADF: the disk has crashed');
  }
}

function isFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EIO' || error.code === 'ENOSPC');
}

export function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code });
}

/** Runs the operations of a simulated disk: slowly, so that they interleave, and sometimes with errors. */
export class SimulatedOperations {
  faults: Faults = {};
  /** The disk crashes in the middle of the change with this number. Changes count from 1. */
  crashAt = Infinity;
  /** Called when the disk has crashed so. */
  crashed: () => void = () => undefined;
  /** Every operation first waits for this promise. It simulates a disk that hangs. */
  hangs: Promise<void> | undefined;
  /** Every operation first waits for the promise that this returns. It simulates a slow disk. */
  slowness: (() => Promise<void>) | undefined;
  /** Bytes that were read from each file, and written to it, by its path. */
  readonly bytesRead = new Map<string, number>();
  readonly bytesWritten = new Map<string, number>();
  /** How many changes have started. */
  changes = 0;
  /** Called when an operation begins, unless the disk has crashed. */
  began: (operation: Operation, path: string) => void = () => undefined;
  /** Called after every successful operation, just before its promise resolves. */
  ended: (operation: Operation, path: string) => void = () => undefined;
  /** Called when an operation fails with an error of the disk. */
  failed: (operation: Operation, path: string) => void = () => undefined;
  /** How many operations have failed with a disk error: full or broken. */
  failures = 0;
  /** The last few operations, to explain a failure. */
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #time: Pick<Time, 'setImmediate'>;
  readonly #failNext: { operation: Operation; code: string; path: string }[] = [];
  #hasCrashed = false;

  constructor(random: Random, time: Pick<Time, 'setImmediate'> = systemTime) {
    this.#random = random;
    this.#time = time;
  }

  get hasCrashed(): boolean {
    return this.#hasCrashed;
  }

  /** Crashes the disk: from now on every operation rejects and has no effect. */
  crash(): void {
    this.#hasCrashed = true;
  }

  /** Makes the next operation of this kind fail with this code, if its path contains `path`. */
  failNext(operation: Operation, code: string, path = ''): void {
    this.#failNext.push({ operation, code, path });
  }

  happens(fault: keyof Faults): boolean {
    const chance = this.faults[fault] ?? 0;
    return chance > 0 && this.#random.below(1000) < chance;
  }

  /** Runs an operation. `partly` is its effect when it fails, or when the disk crashes in the middle of it. */
  async run<Result>(
    operation: Operation,
    path: string,
    act: () => Result,
    partly: { fails?: () => void; crashes?: () => void } = {},
  ): Promise<Result> {
    this.#refuseIfCrashed();
    this.began(operation, path);
    if (!READING.has(operation) && ++this.changes >= this.crashAt) {
      this.#note(`${operation} ${path}: crash`);
      this.crash();
      if (this.#random.below(2) === 0) (partly.crashes ?? act)();
      this.crashed();
      throw new SimulatedCrash();
    }
    await this.#pause();
    await this.hangs;
    await this.slowness?.();
    this.#refuseIfCrashed();
    const result = this.#try(operation, path, act, partly.fails);
    await this.#pause();
    this.#refuseIfCrashed();
    this.ended(operation, path);
    return result;
  }

  #try<Result>(
    operation: Operation,
    path: string,
    act: () => Result,
    fails: (() => void) | undefined,
  ): Result {
    const code = this.#fault(operation, path);
    try {
      if (code === undefined) {
        const result = act();
        this.#note(`${operation} ${path}`);
        return result;
      }
      fails?.();
      throw diskError(code, path);
    } catch (error) {
      if (isFailure(error)) {
        this.failures += 1;
        this.failed(operation, path);
      }
      this.#note(`${operation} ${path}: ${String(error)}`);
      throw error;
    }
  }

  #fault(operation: Operation, path: string): string | undefined {
    const told = this.#failNext.findIndex((next) => next.operation === operation && path.includes(next.path));
    if (told !== -1) return this.#failNext.splice(told, 1)[0]?.code;
    if (!this.happens(operation)) return undefined;
    return operation === 'write' || operation === 'create' ? this.#random.of(['EIO', 'ENOSPC']) : 'EIO';
  }

  async #pause(): Promise<void> {
    const turns = this.#random.below(4);
    if (turns === 0) await Promise.resolve();
    for (let turn = 1; turn < turns; turn++)
      await new Promise<void>((resolve) => void this.#time.setImmediate(resolve));
  }

  #refuseIfCrashed(): void {
    if (this.#hasCrashed) throw new SimulatedCrash();
  }

  #note(line: string): void {
    this.trace.push(line);
    if (this.trace.length > TRACED) this.trace.shift();
  }
}
