/** The limit of open files of this process, and the connections that it leaves room for. */
import { readFileSync } from 'node:fs';

/** Open files reserved for the connections to Kafka, the spool and Node itself. */
const RESERVED = 256;

/**
 * The limit of clients' connections: `configured`, or less, so that open files are left for Kafka and the spool.
 * Node raises the limit of its process to the hard limit of `ulimit -n` when it starts.
 */
export function connectionLimit(configured: number): number {
  const limit = openFilesLimit();
  return limit === undefined ? configured : Math.min(configured, Math.max(limit - RESERVED, RESERVED));
}

/** Undefined if the system has no limit, or does not report it (no `/proc`). */
function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
