import { spawn, type SpawnOptions } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { builtProgram } from '../../tools/built-program.ts';

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The root of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program to its end. Its environment is `env` and the PATH. */
export async function ran(
  command: string,
  args: readonly string[],
  env: SpawnOptions['env'] = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const status = new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  const [code, stdout, stderr] = await Promise.all([status, text(child.stdout), text(child.stderr)]);
  return { status: code, stdout, stderr };
}

/**
 * Runs http2kafka as it is built; with another PATH from its source, because the launcher needs programs of the PATH. After the
 * dashes, Node does not take `--env-file` as its own flag.
 */
export function ranProgram(args: readonly string[], env: SpawnOptions['env'] = {}): Promise<Ended> {
  if (env['PATH'] !== undefined) return ran(process.execPath, ['--', 'src/main.ts', ...args], env);
  return ran(builtProgram(), args, env);
}
