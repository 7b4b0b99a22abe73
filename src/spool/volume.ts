/** The space of the file system that a spool is on, and the limit of the spool that follows from it. */

export interface Volume {
  /** Bytes of the whole file system. */
  readonly size: number;
  /** Bytes that this process may still write. */
  readonly free: number;
}

/** The default of `spool.max_bytes`, at most: an hour of a busy proxy. More is a decision of the operator. */
const MOST = 10 * 1024 ** 3;

/** The least value that the setting takes. */
const LEAST = 1024 ** 2;

/** The part of the file system that stays free, for its own records and for other programs that write to it. */
const RESERVE = 0.1;

/**
 * The limit of a spool without a setting, in bytes. `used` is what is in the spool already.
 *
 * A tenth of the volume stays free, or half of what is left if that is less: others then use the volume as well. A fixed limit above the volume would never be reached, so the first sign of a full
 * spool would be a full disk. Without a known volume it is 10 GiB.
 */
export function defaultMaxBytes(volume: Volume | undefined, used: number): number {
  if (!volume || !Number.isFinite(volume.size) || volume.size <= 0) return MOST;
  const available = used + volume.free;
  const reserve = Math.min(RESERVE * volume.size, available / 2);
  return Math.floor(Math.max(LEAST, Math.min(MOST, available - reserve)));
}
