/** A program under measurement: a command that listens on a port of this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** How to start a program. */
export interface Command {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Added to the environment of this process, without its settings of a proxy. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

export interface Program {
  readonly pid: number;
  readonly running: boolean;
  /** The end of its output and errors so far. */
  readonly log: string;
  /** Sends SIGTERM and waits for the end. Kills a program that has not ended after 10 s. */
  readonly stop: () => Promise<void>;
}

const LOG_LENGTH = 10_000;
const STOP_MS = 10_000;
const POLL_MS = 5;

/** How to kill each running program when this process ends. One listener for all: Node warns of more than ten. */
const kills = new Set<() => void>();
process.once('exit', () => {
  for (const kill of kills) kill();
});

/** Starts a program. It ends with this process. Does not wait until it listens. */
export function startProgram({ command, environment = {}, folder }: Command): Program {
  const [file = '', ...args] = command;
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HTTP2KAFKA|DATA_RENTGEN)__/.test(name),
  );
  const env: NodeJS.ProcessEnv = { ...Object.fromEntries<string | undefined>(inherited), ...environment };
  const child = spawn(file, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const keep = (text: string) => (log = (log + text).slice(-LOG_LENGTH));
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let running = true;
  child.on('error', (error) => {
    keep(error.message);
    running = false;
  });
  const kill = () => child.kill('SIGKILL');
  kills.add(kill);
  // It rejects when the program could not be started.
  const ended = once(child, 'exit').then(
    () => {
      running = false;
      kills.delete(kill);
    },
    () => kills.delete(kill),
  );
  return {
    pid: child.pid ?? 0,
    get running() {
      return running;
    },
    get log() {
      return log;
    },
    stop: async () => {
      child.kill();
      const timer = setTimeout(kill, STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Waits until a check is true. A check that throws counts as false.
 * @throws with the program's log when the program ends before, or when the check stays false for `limitMs`.
 */
export async function becomesReady(
  program: Program,
  check: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (await check().catch(() => false)) return;
    if (!program.running) throw new Error(`the program has ended: ${program.log}`);
    if (performance.now() > deadline) {
      await program.stop();
      throw new Error(`the program was not ready within ${limitMs / 1000} s: ${program.log}`);
    }
    await sleep(POLL_MS);
  }
}

/** The status of the answer to a posted body. The connection is closed, so that the program can stop at once. */
export async function post(
  url: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers, connection: 'close' },
    body: new Uint8Array(body),
  });
  return { status: response.status, text: await response.text() };
}
