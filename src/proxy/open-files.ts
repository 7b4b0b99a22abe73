/** The limit of open files of this process, and the connections that it leaves room for. */
import { readFileSync } from 'node:fs';

/** Open files besides those of clients: what has to work while clients have all of theirs. */
const NEEDED = {
  /** Node itself, the log, the lock of the spool, the listeners. Measured: 23. */
  process: 32,
  /** A topic of the spool: its segment, its marks, the segment that is read, and the folder. */
  topic: 4,
  /** Connections to the brokers of a cluster, and to what recognises senders. */
  brokers: 32,
  /** The files of the API page, one for each of its readers (page-readers.ts). */
  pages: 32,
  /** Connections that are refused, and wait until their clients have read the answer. */
  refusals: 16,
};

/** Open files that are reserved if there are enough. */
const RESERVED = 256;

/** The share of the limit that is reserved at most, unless more is needed. */
const MOST_RESERVED = 1 / 2;

/** Connections that are allowed in any case. */
const MIN_CONNECTIONS = 8;

export interface OtherFiles {
  /** Topics with events in the spool, at most. */
  readonly topics: number;
  /** Connections of the listener for monitoring. */
  readonly monitoring: number;
}

/**
 * The limit of clients' connections: `configured`, or less, so that open files are left for the spool, Kafka and
 * monitoring. `limit` is that of open files; undefined if there is none.
 * Node raises the limit of its process to the hard limit of `ulimit -n` when it starts.
 */
export function connectionLimit(configured: number, others: OtherFiles, limit = openFilesLimit()): number {
  if (limit === undefined) return configured;
  const needed =
    NEEDED.process +
    NEEDED.topic * others.topics +
    NEEDED.brokers +
    NEEDED.pages +
    NEEDED.refusals +
    others.monitoring;
  const reserved = Math.max(needed, Math.min(RESERVED, Math.floor(limit * MOST_RESERVED)));
  return Math.min(configured, Math.max(limit - reserved, MIN_CONNECTIONS));
}

/** Undefined if the system has no limit, or does not report it. */
function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // A system without /proc, such as macOS.
    return undefined;
  }
}
