import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isExecutable } from '../executable.ts';
import { startLeashed, type LeashedProcess, type LeashOptions } from '../leashed-process.ts';

const OLDEST_JAVA = 17;

/** A program that Kafka needs is not installed on this machine. */
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
 * @throws {MissingToolError} when it is not on the PATH.
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
 * Checks the version of java, which takes about 100 ms.
 * @throws {MissingToolError} when it is older than Kafka requires.
 */
export async function checkJava(java: string): Promise<void> {
  const { stderr } = await promisify(execFile)(java, ['-version']);
  const major = Number(/version "(?:1\.)?(\d+)/.exec(stderr)?.[1] ?? 0);
  if (major < OLDEST_JAVA) throw new MissingToolError(`java (${OLDEST_JAVA} or newer; ${java} is ${major})`);
}

/** How to start java. `arguments` begin with its options. */
export interface JavaOptions extends Omit<LeashOptions, 'command' | 'user'> {
  arguments: readonly string[];
}

/**
 * Starts java so that it cannot outlive this node process.
 * @throws {MissingToolError} when there is no java.
 */
export async function startJava(options: JavaOptions): Promise<LeashedProcess> {
  return startLeashed({ ...options, command: [findJava(), ...options.arguments] });
}
