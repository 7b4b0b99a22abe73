/** The file of a Unix domain socket stays when its program is killed. The next program cannot listen there. */
import { rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';

/**
 * Removes the socket at `path` if no program listens on it.
 * Anything else at the path stays, and a later `listen` fails with the reason.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once('connect', () => resolve(false));
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  const stale = await promise;
  socket.destroy();
  if (stale) rmSync(path, { force: true });
}
