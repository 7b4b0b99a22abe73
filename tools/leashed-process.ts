// A program that ends when the Node process that started it ends: Kafka's java, PostgreSQL.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';

// sh becomes the program (exec keeps the pid). A subshell reads from a pipe of the Node process. A line on it means that the
// program has ended. The end of the pipe means that Node has ended, for any reason: then the subshell kills the program. $1 is
// a folder to remove in that case, or empty.
const LEASH = `gone=$1; shift
( read -r line <&3 || { kill -9 $$; [ -z "$gone" ] || { sleep 0.5; rm -rf "$gone"; }; } ) &
exec "$@" 3<&-`;

/** A running program. */
export interface LeashedProcess {
  readonly pid: number;
  /** Undefined while it runs. Afterwards how it ended, in words. */
  readonly ending: string | undefined;
  /** Resolves when it has ended. Await it by endsWithin, as it does not keep node from ending. */
  readonly ended: Promise<void>;
  /** Sends a signal, unless it has ended. */
  signal(name: NodeJS.Signals): void;
}

export interface LeashOptions {
  /** The program and its arguments. */
  command: readonly string[];
  /** Working folder. */
  folder: string;
  /** File to which output and errors are appended. */
  log: string;
  /** Folder to remove if this node process ends before the program does. */
  remove?: string | undefined;
  /** The user and group that it runs as. By default those of this process. */
  user?: { uid: number; gid: number } | undefined;
}

/**
 * Starts a program that ends with this Node process, even after a kill -9. Ctrl-C in the terminal does not reach it. It does
 * not keep Node's event loop alive.
 */
export async function startLeashed(options: LeashOptions): Promise<LeashedProcess> {
  const log = openSync(options.log, 'a');
  const child = spawn('/bin/sh', ['-c', LEASH, 'leash', options.remove ?? '', ...options.command], {
    cwd: options.folder,
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    ...options.user,
  });
  closeSync(log);
  const leash = child.stdio[3];
  let ending: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ending = signal === null ? `ended with ${code ?? 0}` : `was ended by ${signal}`;
      if (leash instanceof Socket) leash.end('\n');
      resolve();
    });
  });
  if (leash instanceof Socket) {
    leash.on('error', () => undefined); // The reader may be gone first.
    leash.unref();
  }
  await once(child, 'spawn');
  child.unref();
  return {
    pid: child.pid ?? 0,
    ended,
    get ending() {
      return ending;
    },
    signal(name) {
      if (ending === undefined) child.kill(name);
    },
  };
}

/** Waits for its end, and kills it when the limit in milliseconds is over. Keeps Node's event loop alive until then. */
export async function endsWithin(program: LeashedProcess, milliseconds: number): Promise<void> {
  const limit = setTimeout(() => program.signal('SIGKILL'), milliseconds);
  // A killed one takes a moment, too, and nothing else may be there for node to wait for.
  const waiting = setInterval(() => undefined, 1000);
  await program.ended;
  clearTimeout(limit);
  clearInterval(waiting);
}
