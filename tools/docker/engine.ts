// A container engine: the one that this machine has, or one of our own that is started for a run.
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, ran, tried, type CommandOptions, type Outcome } from './command.ts';

const START_MS = 60_000;
const STOP_MS = 60_000;

/** Images, containers and volumes of the engine of our own. `make clean` stops the engine and removes the folder. */
export const FOLDER = join(import.meta.dirname, '..', '..', '.run', 'docker');
const PID_FILE = join(FOLDER, 'dockerd.pid');
const LOG = join(FOLDER, 'dockerd.log');
const FORWARDING = join(FOLDER, 'forwarding');
// A path of a Unix socket has 107 bytes at most, so the sockets cannot be in the folder of the project.
const SOCKETS = '/run/http2kafka-docker';
const SOCKET = `${SOCKETS}/docker.sock`;

/** There is no container engine, and none can be started. The message is one sentence. */
export class NoEngineError extends Error {
  override readonly name = 'NoEngineError';
}

/** A container engine that answers. */
export class Engine {
  /** Whether it is one of our own: it has stand-ins for images, and may be stopped. */
  readonly own: boolean;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(own: boolean, environment: NodeJS.ProcessEnv) {
    this.own = own;
    this.#environment = environment;
  }

  /** Options of `docker build`. Containers of an engine of our own may have no way to the package registries. */
  get buildOptions(): readonly string[] {
    return this.own ? ['--network', 'host'] : [];
  }

  /**
   * Runs `docker` with these arguments, and gives its standard output without white space at the end.
   * @throws {CommandError} when its status is not 0.
   */
  async docker(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return (await ran(['docker', ...args], this.#with(options))).trimEnd();
  }

  /** Runs `docker` with these arguments, and gives how it ended. */
  async tried(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return await tried(['docker', ...args], this.#with(options));
  }

  #with(options: CommandOptions): CommandOptions {
    return { ...options, environment: { ...process.env, ...this.#environment, ...options.environment } };
  }
}

/** What must be set to use the engine of our own by hand, as lines for a shell. */
export function exports(): string {
  return Object.entries(ownEnvironment())
    .map(([name, value]) => `export ${name}='${value ?? ''}'`)
    .join('\n');
}

/**
 * The engine that this machine has, or one of our own, which is started if necessary.
 * @returns the engine, and whether this call has started it.
 * @throws {NoEngineError} when there is none.
 */
export async function findEngine(): Promise<{ engine: Engine; started: boolean }> {
  if (findProgram('docker') === undefined) {
    throw new NoEngineError('There is no `docker` here (on Debian: apt-get install docker.io).');
  }
  // First: the environment may name it as the engine of this machine.
  const own = new Engine(true, ownEnvironment());
  if (await answers(own)) return { engine: own, started: false };
  const present = new Engine(false, {});
  if (await answers(present)) return { engine: present, started: false };
  await startOwn(own);
  return { engine: own, started: true };
}

/** Removes all containers of the engine of our own and stops it, if it runs. Its images stay. */
export async function stopOwnEngine(): Promise<void> {
  const pid = runningPid();
  if (pid === undefined) return;
  const engine = new Engine(true, ownEnvironment());
  if (await answers(engine)) {
    const containers = (await engine.docker(['ps', '--all', '--quiet']))
      .split('\n')
      .filter((id) => id !== '');
    if (containers.length > 0) await engine.docker(['rm', '--force', '--volumes', ...containers]);
    await engine.docker(['network', 'prune', '--force']);
  }
  process.kill(pid, 'SIGTERM');
  const limit = performance.now() + STOP_MS;
  while (runningPid() !== undefined && performance.now() < limit) await sleep(100);
  if (runningPid() !== undefined) throw new Error(`dockerd (process ${pid}) does not end; its log: ${LOG}`);
  await removeTraces();
  rmSync(SOCKETS, { recursive: true, force: true });
}

function ownEnvironment(): NodeJS.ProcessEnv {
  return {
    DOCKER_HOST: `unix://${SOCKET}`,
    // Its own place for the plugin `compose`.
    DOCKER_CONFIG: join(FOLDER, 'config'),
    // The builder that needs no plugin.
    DOCKER_BUILDKIT: '0',
  };
}

async function answers(engine: Engine): Promise<boolean> {
  const { status } = await engine.tried(['version', '--format', '{{.Server.Version}}'], {
    timeoutMs: 10_000,
  });
  return status === 0;
}

async function startOwn(engine: Engine): Promise<void> {
  const none = 'No container engine answers here, and none can be started:';
  const dockerd = findProgram('dockerd');
  if (dockerd === undefined) {
    throw new NoEngineError(`${none} there is no \`dockerd\` (on Debian: apt-get install docker.io).`);
  }
  if (process.getuid?.() !== 0) throw new NoEngineError(`${none} only root can start \`dockerd\`.`);
  for (const folder of [FOLDER, join(FOLDER, 'config'), SOCKETS]) mkdirSync(folder, { recursive: true });
  await rememberForwarding();
  const log = openSync(LOG, 'w');
  // prettier-ignore
  const options = ['--data-root', join(realFolder(), 'data'), '--exec-root', join(SOCKETS, 'exec'), '--pidfile', PID_FILE, '--host', `unix://${SOCKET}`];
  const child = spawn(dockerd, [...options, '--mtu', '1400'], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  const limit = performance.now() + START_MS;
  while (!(await answers(engine))) {
    if (child.exitCode !== null || performance.now() > limit) {
      const reason = readFileSync(LOG, 'utf8').trimEnd().split('\n').at(-1) ?? '';
      throw new NoEngineError(`${none} \`dockerd\` says: ${reason}.`);
    }
    await sleep(200);
  }
}

/** Images need room, so the folder may be a link to another disk. runc takes no path with a link in it. */
function realFolder(): string {
  return realpathSync(FOLDER);
}

function runningPid(): number | undefined {
  try {
    const pid = Number(readFileSync(PID_FILE, 'utf8'));
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('dockerd') ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** dockerd lets no packet pass between networks any more, and does not change that when it ends. */
async function rememberForwarding(): Promise<void> {
  const { stdout } = await tried(['iptables', '--list-rules', 'FORWARD']);
  writeFileSync(FORWARDING, /^-P FORWARD (?<policy>\w+)/m.exec(stdout)?.groups?.['policy'] ?? 'ACCEPT');
}

/** Removes what dockerd leaves behind: mounts, its bridge, its rules of the packet filter, and the policy that it set. */
async function removeTraces(): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  const left = mounts.filter((path) => path.startsWith(`${SOCKETS}/`) || path.startsWith(`${realFolder()}/`));
  for (const path of left.reverse()) await tried(['umount', path]);
  await tried(['ip', 'link', 'delete', 'docker0']);
  for (const table of ['filter', 'nat']) {
    const filter = ['iptables', '--table', table];
    const rules = (await tried([...filter, '--list-rules'])).stdout.split('\n');
    for (const rule of rules.filter(
      (line) => line.startsWith('-A') && /\bDOCKER|\bdocker0\b|\bbr-[0-9a-f]{12}\b/.test(line),
    )) {
      await tried([...filter, '-D', ...rule.split(' ').slice(1)]);
    }
    for (const line of rules) {
      const chain = /^-N (?<chain>DOCKER\S*)/.exec(line)?.groups?.['chain'];
      if (chain !== undefined) await tried([...filter, '--delete-chain', chain]);
    }
  }
  if (existsSync(FORWARDING))
    await tried(['iptables', '--policy', 'FORWARD', readFileSync(FORWARDING, 'utf8')]);
}
