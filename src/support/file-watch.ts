/** Detects changes of files: renewed certificates, edited lists of keys. */
import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Milliseconds between polls. The kernel's notifications miss important changes: Kubernetes replaces a symbolic link some folders above
 * the file, and network file systems send no notifications.
 */
const POLL_INTERVAL_MS = 2000;

/**
 * Calls `onChange` when one of the files was changed, created or removed since the call of this function. It waits until no file changes
 * from one poll to the next: a certificate and its key are seldom written in one step. Start the watch before you read the files, and no
 * change is missed. Returns a function that stops the watch. `onChange` must not throw. Keeps no process alive.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  intervalMs = POLL_INTERVAL_MS,
): () => void {
  let known = paths.map((path) => stateOf(statSync(path, { bigint: true, throwIfNoEntry: false }))).join();
  let seen = known;
  let stopped = false;
  // Not `statSync`: a network file system that hangs would block all requests.
  const poll = async () => {
    const state = (await Promise.all(paths.map(currentState))).join();
    if (stopped) return;
    const isStill = state === seen;
    seen = state;
    if (isStill && state !== known) {
      known = state;
      onChange();
    }
    timer = setTimeout(() => void poll(), intervalMs).unref();
  };
  let timer = setTimeout(() => void poll(), intervalMs).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function currentState(path: string): Promise<string> {
  return stateOf(await stat(path, { bigint: true }).catch(() => undefined));
}

/** Differs after a file was written or replaced, or when its path leads to another file. */
function stateOf(stats: BigIntStats | undefined): string {
  return stats ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':') : 'missing';
}
