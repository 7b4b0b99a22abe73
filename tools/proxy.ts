// A real proxy process, for `make run`, the tests and the benchmarks.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from './kafka/folders.ts';
import { freePorts } from './kafka/ports.ts';

const root = join(import.meta.dirname, '..');

export interface ProxyOptions {
  /**
   * Settings by their environment names without the prefix, e.g. `{ CHECK__LEVEL: 'routing' }`. Without SPOOL__PATH it keeps
   * events in a temporary folder, which is removed when this process ends.
   */
  settings?: Readonly<Record<string, string>>;
  /** Further environment variables. HTTP2KAFKA__ variables of this process are not passed on. */
  environment?: Readonly<Record<string, string>>;
  args?: readonly string[];
  /** By default a free port. */
  port?: number;
  /** `source` runs src/, `built` runs the bundle of `make build`. */
  program?: 'source' | 'built';
  /** Flags of Node itself, e.g. `--cpu-prof`. For `source` only. */
  nodeFlags?: readonly string[];
  /** A shell command that runs in the process before the proxy, e.g. `ulimit -n 256`. */
  shell?: string;
}

export interface ProxyExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Starts a proxy. Resolves when it listens, before it has found its Kafka. Rejects with its log when it ends instead. */
export async function startProxy(options: ProxyOptions = {}): Promise<Proxy> {
  const [free] = await freePorts(1);
  const port = options.port ?? free ?? 0;
  const proxy = new Proxy(options, port);
  await proxy.listening();
  return proxy;
}

/** A running proxy. It ends with this process, unless that is killed. */
export class Proxy {
  readonly port: number;
  readonly url: string;
  /** Its log so far. */
  log = '';
  readonly ended: Promise<ProxyExit>;
  readonly #child: ChildProcess;

  constructor(options: ProxyOptions, port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    const [command, args] =
      options.program === 'built'
        ? [join(root, 'bin', 'http2kafka'), []]
        : [process.execPath, [...(options.nodeFlags ?? []), '--', join(root, 'src', 'main.ts')]];
    const own = options.args ?? [];
    const listen = own.includes('--uds') ? [] : ['--port', String(port)];
    const whole = [command, ...args, ...listen, ...own];
    const { shell } = options;
    const [program = '', ...rest] =
      shell === undefined ? whole : ['sh', '-c', `${shell} && exec "$0" "$@"`, ...whole];
    // Outside the terminal's process group: Ctrl-C does not reach it, only `stop` and `signal` do.
    this.#child = spawn(program, rest, {
      detached: true,
      env: environmentOf(options),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    this.ended = once(this.#child, 'exit').then(() => ({
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
    }));
    const kill = () => this.#child.kill('SIGKILL');
    process.on('exit', kill);
    void this.ended.then(() => process.off('exit', kill));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Sends the signal, and waits for its end. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<ProxyExit> {
    this.signal(signal);
    return this.ended;
  }

  async listening(): Promise<void> {
    while (this.running) {
      if (this.log.includes('listens on')) return;
      await sleep(10);
    }
    throw new Error(`the proxy has ended: ${this.log}`);
  }

  /** Waits until Kafka can be written to. Gives the proxy's report when that takes longer than `limitMs`. */
  async ready(limitMs = 20_000): Promise<string | undefined> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      // The proxy would wait for an open connection when it stops.
      const response = await fetch(`${this.url}/monitoring/ready`, { headers: { connection: 'close' } });
      const text = await response.text();
      if (response.ok && text.includes('"kafka":"ok"')) return undefined;
      if (performance.now() > deadline) return text;
      await sleep(50);
    }
  }
}

function environmentOf({ settings = {}, environment = {} }: ProxyOptions): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HTTP2KAFKA|DATA_RENTGEN)__/.test(name),
  );
  const isSpoolGiven = 'SPOOL__PATH' in settings || 'HTTP2KAFKA__SPOOL__PATH' in environment;
  const spool = isSpoolGiven ? {} : { SPOOL__PATH: temporaryFolder('http2kafka-spool-') };
  const prefixed = Object.entries({ ...spool, ...settings }).map(([name, value]): [string, string] => [
    `HTTP2KAFKA__${name}`,
    value,
  ]);
  const inheritedAndSet: NodeJS.ProcessEnv = Object.fromEntries<string | undefined>([
    ...inherited,
    ...prefixed,
  ]);
  return { ...inheritedAndSet, ...environment };
}
