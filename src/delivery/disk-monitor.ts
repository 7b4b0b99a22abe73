/**
 * Says long before it happens that the spool will take no more events: because of its limit, or because the volume has
 * less room than the limit promises.
 */
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Spool } from '../spool/spool.ts';
import type { Volume } from '../spool/volume.ts';
import type { Time } from '../support/time.ts';

/** Milliseconds between two questions for the free space of the volume. */
const ASK_MS = 10_000;

/** Shares of the limit that are used up, each said once. From `READY_FROM` on, `/monitoring/ready` says it, too. */
const STEPS: readonly number[] = [0.5, 0.8, 0.95];
const READY_FROM = 0.8;

/** A step is said again only after the share has fallen this far below it. */
const CALM = 0.1;

const BYTES_PER_MIB = 1024 * 1024;

/** What the monitor asks a spool. */
export type SpoolSpace = Pick<Spool, 'bytes' | 'maxBytes' | 'volume'>;

export class DiskMonitor {
  readonly #spool: SpoolSpace;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #time: Time;
  #volume: Volume | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  /** How many steps were said. */
  #said = 0;
  #isTooLargeSaid = false;

  constructor(spool: SpoolSpace, metrics: Metrics, log: Logger, time: Time) {
    this.#spool = spool;
    this.#metrics = metrics;
    this.#log = log;
    this.#time = time;
    metrics.spoolMaxBytes.set(spool.maxBytes);
  }

  /** Bytes that the spool can still take. */
  get room(): number {
    const { bytes, maxBytes } = this.#spool;
    return Math.max(0, Math.min(maxBytes - bytes, this.#volume?.free ?? Number.POSITIVE_INFINITY));
  }

  /** That the spool is nearly full; undefined while it is not. */
  get warning(): string | undefined {
    return this.#usedShare >= READY_FROM ? this.#text : undefined;
  }

  /** Tells the log what has changed. To be called again and again. */
  poll(): void {
    const now = this.#time.monotonic.now();
    if (!this.#isAsking && now - this.#askedAt >= ASK_MS) void this.#ask(now);
    const share = this.#usedShare;
    const reached = STEPS.filter((step) => share >= step).length;
    if (reached > this.#said) {
      this.#log.warn({ spool_bytes: this.#spool.bytes, disk_free_bytes: this.#volume?.free }, this.#text);
      this.#said = reached;
    } else {
      while (this.#said > 0 && share < (STEPS[this.#said - 1] ?? 0) - CALM) this.#said -= 1;
    }
  }

  /** Updates the gauges. */
  measure(): void {
    if (this.#volume) this.#metrics.spoolDiskFree.set(this.#volume.free);
  }

  /** The limit, or what the volume has at all if that is less. */
  get #limit(): number {
    return Math.min(this.#spool.maxBytes, this.#volume?.size ?? Number.POSITIVE_INFINITY);
  }

  get #usedShare(): number {
    return Number.isFinite(this.#limit) ? 1 - this.room / this.#limit : 0;
  }

  get #text(): string {
    const percent = Math.round(100 * (1 - this.#usedShare));
    const isVolume =
      (this.#volume?.free ?? Number.POSITIVE_INFINITY) < this.#spool.maxBytes - this.#spool.bytes;
    const limit = isVolume ? 'the volume has no more' : `spool.max_bytes is ${inMib(this.#spool.maxBytes)}`;
    return `the spool has room for only ${inMib(this.room)} more (${percent} %): ${limit}`;
  }

  async #ask(now: number): Promise<void> {
    this.#askedAt = now;
    this.#isAsking = true;
    this.#volume = await this.#spool.volume();
    this.#isAsking = false;
    const { maxBytes } = this.#spool;
    if (this.#isTooLargeSaid || !this.#volume || maxBytes <= this.#volume.size) return;
    this.#isTooLargeSaid = true;
    this.#log.warn(tooLarge(maxBytes, this.#volume.size));
  }
}

/** That a limit can never be reached, for the log and for `check-config`. */
export function tooLarge(maxBytes: number, size: number): string {
  return `spool.max_bytes is ${inMib(maxBytes)}, but the volume of the spool has ${inMib(size)} in all`;
}

function inMib(bytes: number): string {
  return `${Math.floor(bytes / BYTES_PER_MIB)} MiB`;
}
