import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { isExecutable } from '../executable.ts';

/** How a command ended. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly folder?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Bytes for its standard input. */
  readonly input?: string | Buffer;
  /** Milliseconds until it is killed. By default an hour, enough for any build. */
  readonly timeoutMs?: number;
}

/** A command that ended with another status than 0. The message has the end of its output. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(command: readonly string[], outcome: Outcome) {
    const lines = `${outcome.stdout}\n${outcome.stderr}`.trim().split('\n').slice(-15).join('\n');
    super(`${command.join(' ')} ended with ${outcome.status}:\n${lines}`);
  }
}

/** Where a program is on the PATH. Undefined when it is not there. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Runs a command to its end, with any status. A command that cannot be started has the status 127. */
export async function tried(command: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: options.folder,
    env: options.environment ?? process.env,
    timeout: options.timeoutMs ?? 3_600_000,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  child.stdin.on('error', () => undefined); // It need not read its input.
  child.stdin.end(options.input ?? '');
  const status = await new Promise<number>((resolve) => {
    child.on('error', (error) => {
      stderr.push(Buffer.from(error.message));
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 128));
  });
  return {
    status,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  };
}

/**
 * Runs a command to its end, and gives its standard output.
 * @throws {CommandError} when its status is not 0.
 */
export async function ran(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const outcome = await tried(command, options);
  if (outcome.status !== 0) throw new CommandError(command, outcome);
  return outcome.stdout;
}
