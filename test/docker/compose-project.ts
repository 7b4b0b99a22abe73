import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER, type Engine } from '../../tools/docker/engine.ts';
import { freePorts } from '../../tools/kafka/ports.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NAME = 'http2kafka-docker-test';

/** docker-compose.yml as it is, but under a name of its own and on free ports of this machine. */
export class ComposeProject {
  /** The network of its services. */
  readonly network = `${NAME}_default`;
  /** Container of the broker. */
  readonly broker = `${NAME}-broker-1`;
  readonly proxy = `${NAME}-http2kafka-1`;
  /** Address of the broker for containers, and for this machine. */
  readonly inside = 'broker:19092';
  readonly servers: string;
  readonly port: number;
  readonly #engine: Engine;
  readonly #files: readonly string[];

  private constructor(engine: Engine, kafkaPort: number, port: number, override: string) {
    this.#engine = engine;
    this.servers = `127.0.0.1:${kafkaPort}`;
    this.port = port;
    this.#files = ['--file', join(ROOT, 'docker-compose.yml'), '--file', override];
  }

  static async make(engine: Engine): Promise<ComposeProject> {
    const [kafkaPort = 0, port = 0] = await freePorts(2);
    mkdirSync(FOLDER, { recursive: true });
    const override = join(FOLDER, 'compose.override.yml');
    writeFileSync(
      override,
      `services:
  broker:
    ports: !override ['127.0.0.1:${kafkaPort}:9092']
    environment:
      KAFKA_ADVERTISED_LISTENERS: INTERNAL://broker:19092,HOST://localhost:${kafkaPort}
  http2kafka:
    ports: !override ['127.0.0.1:${port}:8002']
`,
    );
    return new ComposeProject(engine, kafkaPort, port, override);
  }

  /** Runs a command of `docker compose`. */
  async run(...args: readonly string[]): Promise<string> {
    const options = ['--project-name', NAME, '--profile', 'http2kafka'];
    return await this.#engine.docker(['compose', ...options, ...this.#files, ...args], { folder: ROOT });
  }

  async up(...services: readonly string[]): Promise<void> {
    await this.run('up', '--detach', '--wait', '--no-build', ...services);
  }

  /** Stops and removes its containers. @param volumes whether the events go as well. */
  async down(volumes: boolean): Promise<void> {
    await this.run('down', '--timeout', '20', ...(volumes ? ['--volumes'] : []));
  }
}
