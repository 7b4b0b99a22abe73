/** Programs that trials run to their end, and servers that they run beside. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Command {
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  /** null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program, and kills it with all its children after `limitMs`. */
export async function runToEnd({ command, cwd, env }: Command, limitMs: number): Promise<Ended> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd,
    // Python's output would otherwise wait in a buffer, and be lost when the program is killed.
    env: { ...process.env, PYTHONUNBUFFERED: '1', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  };
  process.on('exit', kill);
  const limit = setTimeout(kill, limitMs);
  try {
    await once(child, 'close');
    return { code: child.exitCode, stdout, stderr };
  } catch (error) {
    return { code: null, stdout, stderr: String(error) };
  } finally {
    clearTimeout(limit);
    process.off('exit', kill);
  }
}

/** The last line that is not empty. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
