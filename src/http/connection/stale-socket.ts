/** Unix domain sockets outlive a program that was killed: the file stays, and keeps the next one from listening there. */
import { rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';

/** Removes a socket that nobody listens on. Whatever else is at the path stays, for `listen` to complain of. */
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
