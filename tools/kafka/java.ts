import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isExecutable } from '../executable.ts';

const OLDEST_JAVA = 17;

// sh becomes java (exec keeps the pid), and a subshell stays behind that reads from the node process. A line says that java
// has ended; the end of the pipe says that node has, however it went, and then java must go as well. $1 is a folder to
// remove in that case, or nothing.
const LEASH = `gone=$1; shift
( read -r line <&3 || { kill -9 $$; [ -z "$gone" ] || { sleep 0.5; rm -rf "$gone"; }; } ) &
exec "$@" 3<&-`;

/** A tool that the Kafka of the tools needs is not on this machine. */
export class MissingToolError extends Error {
  override readonly name = 'MissingToolError';

  constructor(tool: string) {
    super(
      `${tool} is missing: install it, or name an existing Kafka with HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS=host:port, ` +
        'or start one with `docker compose --profile http2kafka up -d --wait`.',
    );
  }
}

/**
 * Where an executable is on the PATH.
 * @throws {MissingToolError} when it is nowhere there.
 */
export function findTool(name: string, called = name): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (isExecutable(join(folder, name))) return join(folder, name);
  }
  throw new MissingToolError(called);
}

/**
 * Where java is: in JAVA_HOME if that is set, else on the PATH. Does not ask for its version.
 * @throws {MissingToolError} when there is none.
 */
export function findJava(): string {
  const home = process.env['JAVA_HOME'];
  if (home !== undefined && isExecutable(join(home, 'bin', 'java'))) return join(home, 'bin', 'java');
  return findTool('java', `java (${OLDEST_JAVA} or newer)`);
}

/**
 * Asks java for its version, which takes some 100 ms.
 * @throws {MissingToolError} when it is older than Kafka wants.
 */
export async function checkJava(java: string): Promise<void> {
  const { stderr } = await promisify(execFile)(java, ['-version']);
  const major = Number(/version "(?:1\.)?(\d+)/.exec(stderr)?.[1] ?? 0);
  if (major < OLDEST_JAVA) throw new MissingToolError(`java (${OLDEST_JAVA} or newer; ${java} is ${major})`);
}

/** A running java. */
export interface JavaProcess {
  readonly pid: number;
  /** Undefined while it runs; then how it ended, in words. */
  readonly ending: string | undefined;
  /** Resolves when it has ended. Await it by endsWithin, as it does not keep node from ending. */
  readonly ended: Promise<void>;
  /** Sends a signal, unless it has ended. */
  signal(name: NodeJS.Signals): void;
}

export interface JavaOptions {
  /** Arguments, options first. */
  arguments: readonly string[];
  /** Working folder. */
  folder: string;
  /** File to which output and errors are appended. */
  log: string;
  /** Folder to remove if this node process ends before java does. */
  remove?: string | undefined;
}

/**
 * Starts java so that it cannot outlive this node process, not even a kill -9 of it, and so that Ctrl-C in the terminal does
 * not reach it. It does not keep node's event loop alive.
 * @throws {MissingToolError} when there is no java.
 */
export async function startJava(options: JavaOptions): Promise<JavaProcess> {
  const java = findJava();
  const log = openSync(options.log, 'a');
  const child = spawn('/bin/sh', ['-c', LEASH, 'java', options.remove ?? '', java, ...options.arguments], {
    cwd: options.folder,
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
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

/** Waits for java to end, and kills it when it has not after so many milliseconds. Keeps node's event loop alive meanwhile. */
export async function endsWithin(java: JavaProcess, milliseconds: number): Promise<void> {
  const limit = setTimeout(() => java.signal('SIGKILL'), milliseconds);
  // A killed one takes a moment, too, and nothing else may be there for node to wait for.
  const waiting = setInterval(() => undefined, 1000);
  await java.ended;
  clearTimeout(limit);
  clearInterval(waiting);
}
