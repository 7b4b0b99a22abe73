// A container in the place of a machine on which the packages are installed, and a Kafka beside it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { baseImages } from '../../../tools/docker/base-images.ts';
import type { Engine } from '../../../tools/docker/engine.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const LABEL = 'http2kafka.packages';
const LIMIT_MS = 90_000;

/** Where the packages are in each machine. */
export const PACKAGES = '/packages';

const Compose = Type.Object({
  services: Type.Object({
    broker: Type.Object({
      environment: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
    }),
  }),
});

/** A running container. */
export class Machine {
  readonly #engine: Engine;
  readonly #name: string;

  constructor(engine: Engine, name: string) {
    this.#engine = engine;
    this.#name = name;
  }

  /** Runs a script as root, which ends at its first error, and gives its standard output. */
  async sh(script: string): Promise<string> {
    return await this.#engine.docker(['exec', this.#name, 'sh', '-euc', script]);
  }

  /** Runs a script, and gives all its output and its status. */
  async tried(script: string): Promise<{ status: number; output: string }> {
    const { status, stdout, stderr } = await this.#engine.tried(['exec', this.#name, 'sh', '-euc', script]);
    return { status, output: stdout + stderr };
  }

  /** Waits until the script succeeds. */
  async until(script: string): Promise<void> {
    const limit = performance.now() + LIMIT_MS;
    for (;;) {
      const { status, output } = await this.tried(script);
      if (status === 0) return;
      if (performance.now() > limit) throw new Error(`\`${script}\` does not succeed: ${output}`);
      await sleep(200);
    }
  }

  async remove(): Promise<void> {
    await this.#engine.tried(['rm', '--force', '--volumes', this.#name]);
  }
}

/** The containers of one run, in a network of their own. */
export class Machines {
  readonly #engine: Engine;
  readonly #folder: string;
  readonly #network = `packages-${process.pid}`;
  #count = 0;

  /** @param folder the folder of this machine that has the packages. */
  constructor(engine: Engine, folder: string) {
    this.#engine = engine;
    this.#folder = folder;
  }

  async open(): Promise<void> {
    await this.#engine.docker(['network', 'create', '--label', LABEL, this.#network]);
  }

  /** Removes all containers of the run, and their network. */
  async close(): Promise<void> {
    const ids = await this.#engine.docker(['ps', '--all', '--quiet', '--filter', `network=${this.#network}`]);
    for (const id of ids.split('\n').filter((id) => id !== ''))
      await this.#engine.tried(['rm', '--force', '--volumes', id]);
    await this.#engine.tried(['network', 'rm', this.#network]);
  }

  /** Debian with rpm and curl, where `sleep` is the first process. */
  async debian(options: readonly string[] = []): Promise<Machine> {
    return await this.#start('plain', options, ['sleep', 'infinity']);
  }

  /** Debian with systemd as the first process. */
  async systemd(): Promise<Machine> {
    // systemd mounts file systems, and makes groups of processes.
    const rights = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined', '--cgroupns', 'host'];
    const folders = ['--tmpfs', '/run', '--tmpfs', '/run/lock', '--volume', '/sys/fs/cgroup:/sys/fs/cgroup'];
    const machine = await this.#start('systemd', [...rights, ...folders], ['/lib/systemd/systemd']);
    await machine.until('systemctl is-system-running | grep -E "^(running|degraded)$"');
    return machine;
  }

  /** A broker, which the machines know as `broker:19092`. */
  async kafka(): Promise<Machine> {
    const { kafka } = await baseImages();
    const compose = Value.Parse(Compose, parse(await readFile(join(root, 'docker-compose.yml'), 'utf8')));
    const settings = Object.entries(compose.services.broker.environment);
    const machine = await this.#run(
      'broker',
      [
        '--network-alias',
        'broker',
        '--hostname',
        'broker',
        ...settings.flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        kafka,
      ],
      [],
    );
    await machine.until('/opt/kafka/bin/kafka-topics.sh --bootstrap-server broker:19092 --list');
    return machine;
  }

  async #start(kind: string, options: readonly string[], command: readonly string[]): Promise<Machine> {
    const { debian } = await baseImages();
    const image = 'http2kafka-packages';
    const dockerfile = `FROM ${debian}
RUN apt-get update \\
  && apt-get install --yes --no-install-recommends systemd systemd-sysv curl rpm libatomic1 sudo \\
  && rm -rf /var/lib/apt/lists/*
`;
    const build = ['build', ...this.#engine.buildOptions, '--quiet', '--tag', image, '-'];
    await this.#engine.docker(build, { input: dockerfile });
    return await this.#run(kind, [...options, '--volume', `${this.#folder}:${PACKAGES}:ro`, image], command);
  }

  async #run(kind: string, options: readonly string[], command: readonly string[]): Promise<Machine> {
    const name = `${this.#network}-${kind}-${++this.#count}`;
    const common = ['--detach', '--name', name, '--label', LABEL, '--network', this.#network];
    await this.#engine.docker(['run', ...common, ...options, ...command]);
    return new Machine(this.#engine, name);
  }
}
