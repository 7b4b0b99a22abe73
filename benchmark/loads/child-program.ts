/** Helpers of a load, each in its own process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ChildProgram {
  readonly pid: number;
  /** Whether it still runs. */
  readonly running: boolean;
  stop: () => Promise<void>;
}

/**
 * Starts a file of this folder. Resolves at its first output, and rejects when it ends before. `nodeFlags` are for Node
 * itself.
 */
export async function startChild(
  file: string,
  args: readonly string[],
  nodeFlags: readonly string[] = [],
): Promise<ChildProgram> {
  const child = spawn(process.execPath, [...nodeFlags, file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => child.kill();
  process.on('exit', kill);
  const ended = once(child, 'exit').then(() => process.off('exit', kill));
  const spoke = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!spoke) throw new Error(`${file} ended before it was up`);
  return {
    pid: child.pid ?? 0,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    stop: async () => {
      kill();
      await ended;
    },
  };
}
