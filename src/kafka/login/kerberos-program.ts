/** MIT Kerberos' own programs, which speak with the KDC: in a process of their own, a silent KDC costs no thread of ours. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** The programs, of Debian's krb5-user and Red Hat's krb5-workstation. */
export type KerberosProgram = 'kinit' | 'klist' | 'kvno';

/** A program is not on this machine. */
export class MissingProgramError extends Error {
  override readonly name = 'MissingProgramError';
  readonly program: KerberosProgram;

  constructor(program: KerberosProgram) {
    super(`the program ${program} is not on this machine`);
    this.program = program;
  }
}

/** A program has said no; the message is its own first complaint, without its name. */
export class KerberosProgramError extends Error {
  override readonly name = 'KerberosProgramError';
}

/**
 * Runs a program and resolves with what it prints. `input` goes to its standard input, where nobody else can read it, as
 * they can the arguments.
 * @throws {MissingProgramError}
 * @throws {KerberosProgramError} also when it takes longer than `limitMs`, or `signal` ends it.
 */
export async function runKerberosProgram(
  program: KerberosProgram,
  args: readonly string[],
  { limitMs, input = '', signal }: { limitMs: number; input?: string; signal?: AbortSignal },
): Promise<string> {
  signal?.throwIfAborted();
  // Its words are told apart below and its times are read: neither is to be in the language or the zone of the machine.
  const child = spawn('/usr/bin/env', ['LC_ALL=C', 'LANGUAGE=C', 'TZ=UTC', program, ...args]);
  const kill = () => void child.kill('SIGKILL');
  const late = AbortSignal.timeout(limitMs);
  const enough = signal === undefined ? late : AbortSignal.any([late, signal]);
  enough.addEventListener('abort', kill);
  // It may end without having read anything.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  try {
    const [code, output, complaints] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (code === 0) return output;
    // What env(1) says of a program that it cannot find.
    if (code === 127) throw new MissingProgramError(program);
    if (late.aborted) throw new KerberosProgramError(`no answer within ${limitMs / 1000} s`);
    const first = complaints.split('\n').find((line) => line.includes(`${program}: `)) ?? complaints.trim();
    throw new KerberosProgramError(first.slice(first.indexOf(`${program}: `)).replace(`${program}: `, ''));
  } finally {
    enough.removeEventListener('abort', kill);
  }
}
