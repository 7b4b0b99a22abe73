import { readFileSync } from 'node:fs';

/** Files that are not for clients' connections: those to Kafka, the spool, what Node itself has open. */
const RESERVED = 256;

/**
 * How many clients may be connected for there to be files left for Kafka and the spool: at most as many as asked for. The
 * limit of the process is the hard one of `ulimit -n`, to which Node raises itself at start.
 */
export function connectionsPossible(askedFor: number): number {
  const limit = openFilesLimit();
  return limit === undefined ? askedFor : Math.min(askedFor, Math.max(limit - RESERVED, RESERVED));
}

/** Undefined where the system does not tell, or there is none. */
function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
