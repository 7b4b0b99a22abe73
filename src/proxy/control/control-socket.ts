/**
 * The address of the control socket: `control.sock` in the spool folder, mode 0600. The path of a Unix socket has at most
 * 107 bytes on Linux and 103 on macOS. A longer one is reached through a descriptor of its folder, on Linux.
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Bytes of a socket's path, at most, on every system that the proxy runs on. */
const MAX_PATH_BYTES = 103;

/** Linux: the open descriptors of this process, as links. */
const DESCRIPTORS = '/proc/self/fd';

/** The path is too long for a Unix socket, and this system has no way around that. */
export class SocketPathTooLong extends Error {}

/** A path at which a program can listen or connect. Disposing of it closes what the path needs. */
export interface SocketAddress extends Disposable {
  /** The path for `listen` and `connect`. */
  readonly path: string;
  /** The path of the file. */
  readonly file: string;
}

/**
 * The address of the socket in this spool folder, which must exist.
 * @throws {SocketPathTooLong}
 */
export function controlSocket(spoolFolder: string): SocketAddress {
  const folder = resolve(spoolFolder);
  const file = join(folder, 'control.sock');
  if (Buffer.byteLength(file) <= MAX_PATH_BYTES)
    return { path: file, file, [Symbol.dispose]: () => undefined };
  if (!existsSync(DESCRIPTORS)) {
    throw new SocketPathTooLong(
      `the path ${file} has more than ${MAX_PATH_BYTES} bytes, too many for a socket`,
    );
  }
  const descriptor = openSync(folder, 'r');
  return {
    path: join(DESCRIPTORS, String(descriptor), 'control.sock'),
    file,
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
