/**
 * Since when marks of the spool may be missing on disk. A process writes them behind the sending: what it did in its last
 * moments has no mark. So has what it did since a write of marks failed.
 */
import type { SimulatedOperations } from '../../spool/simulation/simulated-operations.ts';

/**
 * Operations of the disk, one after the other, after which a mark is surely written: those of a write that is running,
 * of the write behind it, and the sync of the event before them. Some writes are short.
 */
const MARKING_OPERATIONS = 16;

/** Writes, one after the other, after which marks that could not be written are. Each writes a header, and marks. */
const WRITES = 4;

/** How long an operation of the disk takes from a moment on, at most. */
interface Pace {
  readonly from: number;
  /** Milliseconds; infinite while the disk answers nothing, or the process is stopped. */
  readonly ms: number;
}

export class MarkTimes {
  readonly #now: () => number;
  readonly #paces: Pace[] = [];
  /** Files of marks with a write that has failed: since when, and the writes since then. */
  readonly #failing = new Map<string, { readonly since: number; writes: number }>();
  /** When a file of events was written to last; infinite while a write is running. */
  readonly #written = new Map<string, number>();

  /** `now` is the monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on, an operation takes so many milliseconds at most. */
  note(ms: number): void {
    this.#paces.push({ from: this.#now(), ms });
  }

  /** Watches the disk that the processes use from now on. */
  watch(operations: SimulatedOperations): void {
    operations.began = (operation, path) => {
      if (operation === 'write' && path.endsWith('.log')) this.#written.set(path, Number.POSITIVE_INFINITY);
    };
    operations.ended = (operation, path) => {
      if (operation !== 'write') return;
      if (path.endsWith('.log')) this.#written.set(path, this.#now());
      const failing = this.#failing.get(path);
      if (failing && ++failing.writes >= WRITES) this.#failing.delete(path);
    };
    operations.failed = (operation, path) => {
      if (!path.endsWith('.marks') || (operation !== 'write' && operation !== 'create')) return;
      const since = this.#failing.get(path)?.since ?? this.#before(this.#now());
      this.#failing.set(path, { since, writes: 0 });
    };
  }

  /** When the file with an event was written to last. The event may have got its mark after that. */
  writtenAt(path: string): number {
    return this.#written.get(path) ?? Number.NEGATIVE_INFINITY;
  }

  /** A process ends now. What it did since the returned moment may have no mark. */
  end(isKilled: boolean): number {
    const failing = [...this.#failing.values()].map(({ since }) => since);
    this.#failing.clear();
    return Math.min(isKilled ? this.#before(this.#now()) : Number.POSITIVE_INFINITY, ...failing);
  }

  /** The last moment from which on, up to `end`, marks were surely written. */
  #before(end: number): number {
    let [to, operations] = [end, MARKING_OPERATIONS];
    for (const [at, { from, ms }] of [...this.#paces.entries()].reverse()) {
      if (from >= to) continue;
      const slower = this.#paces[at - 1]?.ms ?? 0;
      // An operation that began at a slower pace ends at that pace.
      const lostMs = Number.isFinite(slower) && slower > ms ? slower : 0;
      const done = Math.max(0, to - from - lostMs) / ms;
      if (done >= operations) return to - operations * ms;
      operations -= done;
      to = from;
    }
    return Number.NEGATIVE_INFINITY;
  }
}
