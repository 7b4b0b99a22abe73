/** Notices that files have changed: certificates that are renewed, lists of keys that are edited. */
import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Milliseconds between looks. By looking, because the kernel's notices miss what counts here: Kubernetes swaps a symbolic
 * link some folders above the file, and network file systems say nothing at all.
 */
const LOOK_INTERVAL_MS = 2000;

/**
 * Calls `onChange` when any of the files has changed, has come or has gone since this function was called, but not before
 * they have been still from one look to the next: a certificate and its key are seldom written in one step. Begin to
 * watch before you read them, and no change is missed. Returns what stops it. `onChange` must not throw. Keeps no process
 * alive.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  intervalMs = LOOK_INTERVAL_MS,
): () => void {
  let known = paths.map((path) => stateOf(statSync(path, { bigint: true, throwIfNoEntry: false }))).join();
  let seen = known;
  let stopped = false;
  // Not `statSync`: a network file system that hangs would hold up everybody.
  const look = async () => {
    const state = (await Promise.all(paths.map(currentState))).join();
    if (stopped) return;
    const isStill = state === seen;
    seen = state;
    if (isStill && state !== known) {
      known = state;
      onChange();
    }
    timer = setTimeout(() => void look(), intervalMs).unref();
  };
  let timer = setTimeout(() => void look(), intervalMs).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function currentState(path: string): Promise<string> {
  return stateOf(await stat(path, { bigint: true }).catch(() => undefined));
}

/** Differs once a file was written or replaced, or is reached by another link. */
function stateOf(stats: BigIntStats | undefined): string {
  return stats ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':') : 'away';
}
