/**
 * MIT Kerberos' own programs, which talk to the KDC. They run as processes: a KDC that does not answer blocks no thread of the proxy.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** The programs of Debian's krb5-user and Red Hat's krb5-workstation. */
const PROGRAMS = ['kinit', 'kvno', 'klist'] as const;
type KerberosProgram = (typeof PROGRAMS)[number];

/** Milliseconds for a program that only reads a file or prints its usage. */
export const FILE_LIMIT_MS = 5000;

/** A program is not on this machine. */
export class MissingProgramError extends Error {
  override readonly name = 'MissingProgramError';
  readonly program: KerberosProgram;

  constructor(program: KerberosProgram) {
    super(`the program ${program} is not on this machine`);
    this.program = program;
  }
}

/** A program has failed. The message is the first line of its error output, without its name. */
export class KerberosProgramError extends Error {
  override readonly name = 'KerberosProgramError';
}

/**
 * Runs a program and resolves with its standard output. `input` goes to its standard input: other users of the machine can read
 * arguments, but not that.
 * @throws {MissingProgramError}
 * @throws {KerberosProgramError} also when it takes longer than `limitMs` milliseconds, or `signal` ends it.
 */
export async function runKerberosProgram(
  program: KerberosProgram,
  args: readonly string[],
  { limitMs, input = '', signal }: { limitMs: number; input?: string; signal?: AbortSignal },
): Promise<string> {
  signal?.throwIfAborted();
  // Its messages and times are parsed, so they must not depend on the language and the time zone of the machine.
  const child = spawn('/usr/bin/env', ['LC_ALL=C', 'LANGUAGE=C', 'TZ=UTC', program, ...args]);
  const kill = () => void child.kill('SIGKILL');
  const late = AbortSignal.timeout(limitMs);
  const ending = signal === undefined ? late : AbortSignal.any([late, signal]);
  ending.addEventListener('abort', kill);
  // It may end before it reads its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  try {
    const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (code === 0) return output;
    // The exit status of env(1) when it cannot find the program.
    if (code === 127) throw new MissingProgramError(program);
    if (late.aborted) throw new KerberosProgramError(`no answer within ${limitMs / 1000} s`);
    const first = errors.split('\n').find((line) => line.includes(`${program}: `)) ?? errors.trim();
    throw new KerberosProgramError(first.slice(first.indexOf(`${program}: `)).replace(`${program}: `, ''));
  } finally {
    ending.removeEventListener('abort', kill);
  }
}

/**
 * Checks that the programs are on this machine.
 * @throws {MissingProgramError} for the first program that is not.
 */
export async function checkKerberosPrograms(): Promise<void> {
  for (const program of PROGRAMS) {
    // No program has this option: it prints its usage and fails.
    await runKerberosProgram(program, ['-?'], { limitMs: FILE_LIMIT_MS }).catch((error: unknown) => {
      if (error instanceof MissingProgramError) throw error;
    });
  }
}

/**
 * When the ticket ends by the output of klist, in milliseconds since the epoch; undefined when it does not say. Its times are
 * `11/23/26 19:20:00` in the locale C.
 */
export function ticketEnd(listing: string): number | undefined {
  const line = /(\d\d)\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d)  krbtgt\//.exec(listing);
  if (line === null) return undefined;
  const [, month, day, year, time] = line;
  const end = Date.parse(`20${year ?? ''}-${month ?? ''}-${day ?? ''}T${time ?? ''}Z`);
  return Number.isNaN(end) ? undefined : end;
}
