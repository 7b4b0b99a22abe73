// Checks of the Dockerfile and docker-compose.yml that need no container engine.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { loadSettings, type Loaded } from '../../src/config/load.ts';
import { version } from '../../src/version.ts';
import { ranProgram, root } from '../config/child.ts';
import { Stage } from '../stage/stage.ts';

const read = (name: string) => readFileSync(join(root, name), 'utf8');

const Healthcheck = Type.Object({ test: Type.Array(Type.String()), interval: Type.String() });

const Service = Type.Object({
  profiles: Type.Array(Type.String()),
  ports: Type.Array(Type.String()),
  healthcheck: Healthcheck,
});

const compose = Value.Parse(
  Type.Object({
    name: Type.String(),
    services: Type.Object(
      {
        broker: Type.Object({
          ...Service.properties,
          image: Type.String(),
          environment: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
          volumes: Type.Array(Type.String()),
        }),
        http2kafka: Type.Object({
          ...Service.properties,
          image: Type.String(),
          build: Type.String(),
          env_file: Type.String(),
          environment: Type.Optional(Type.Record(Type.String(), Type.String())),
          depends_on: Type.Record(Type.String(), Type.Object({ condition: Type.String() })),
          read_only: Type.Boolean(),
          volumes: Type.Array(Type.String()),
        }),
      },
      { additionalProperties: false },
    ),
    volumes: Type.Record(Type.String(), Type.Unknown()),
  }),
  parse(read('docker-compose.yml')),
);
const { broker, http2kafka } = compose.services;

interface Instruction {
  readonly name: string;
  readonly words: string;
}

/** The instructions of the Dockerfile, each on one line, stage by stage. */
const stages = instructions(read('Dockerfile')).reduce<Instruction[][]>(
  (stages, instruction) => {
    if (instruction.name === 'FROM') stages.push([]);
    stages.at(-1)?.push(instruction);
    return stages;
  },
  [[]],
);
/** The stages of the plain image, from the first one: the last one, and those that it continues. */
const image = continued(stages.at(-1) ?? []);

function continued(stage: Instruction[]): Instruction[] {
  const [base = ''] = stage[0]?.words.split(' ') ?? [];
  const before = stages.find((one) => one[0]?.words.endsWith(` AS ${base}`) === true);
  return before === undefined ? stage : [...continued(before), ...stage];
}

function instructions(text: string): Instruction[] {
  const code = text.replace(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, ' ');
  return code
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { name = '', words = '' } = /^(?<name>[A-Z]+) +(?<words>.*)$/.exec(line)?.groups ?? {};
      return { name, words };
    });
}

const wordsOf = (name: string) => image.filter((one) => one.name === name).map(({ words }) => words);

function imageEnvironment(): Record<string, string> {
  const assignments = wordsOf('ENV').flatMap((words) => words.split(/ +/));
  return Object.fromEntries(
    assignments.map((assignment) => {
      const [name = '', value = ''] = assignment.split('=');
      return [name, value];
    }),
  );
}

/** The command of the image's health check, in exec form. */
function imageHealthcheck(): string[] {
  const { command } = /CMD (?<command>\[.*\])$/.exec(wordsOf('HEALTHCHECK')[0] ?? '')?.groups ?? {};
  return Value.Parse(Type.Array(Type.String()), JSON.parse(command ?? 'null'));
}

suite('Dockerfile', () => {
  test('runs as a user without rights, in exec form', () => {
    const [user = ''] = wordsOf('USER');
    assert.match(user, /^[1-9]\d*:[1-9]\d*$/);
    assert.deepEqual(wordsOf('ENTRYPOINT'), ['["http2kafka"]']);
    assert.deepEqual(wordsOf('STOPSIGNAL'), ['SIGTERM']);
    assert.deepEqual(wordsOf('EXPOSE'), ['8002']);
  });

  test('has a volume for events, which its user and every user of group 0 may write to', () => {
    const { path } = load('.env.docker').settings.spool;
    assert.deepEqual(wordsOf('VOLUME'), [path]);
    const [owner] = wordsOf('USER')[0]?.split(':') ?? [];
    assert.ok(
      wordsOf('RUN').some((words) => words === `install -d -o ${owner} -g 0 -m 770 ${path}`),
      'a new volume takes owner, group and mode of the folder',
    );
  });

  test('builds on a Node that the program takes, and runs on the same Debian', () => {
    const bases = stages.map((stage) => stage.find(({ name }) => name === 'FROM')?.words ?? '');
    const outside = bases.filter((words) => words.includes('$'));
    assert.deepEqual(outside, [
      'node:${NODE_VERSION}-${DEBIAN}-slim AS packages',
      'debian:${DEBIAN}-slim AS runtime',
    ]);
    const arg = stages[0]?.find(({ name }) => name === 'ARG')?.words;
    const { engines } = Value.Parse(
      Type.Object({ engines: Type.Object({ node: Type.String() }) }),
      JSON.parse(read('package.json')),
    );
    assert.equal(`>=${arg?.replace('NODE_VERSION=', '') ?? ''}`, engines.node);
  });

  test('has labels, with the version of the program', () => {
    const versions = stages.flat().filter(({ words }) => words.startsWith('VERSION='));
    assert.deepEqual([...new Set(versions.map(({ words }) => words))], [`VERSION=${version}`]);
    for (const stage of [stages.at(-1), stages.at(-2)]) {
      const labels = stage?.find(({ name }) => name === 'LABEL')?.words ?? '';
      for (const label of [
        'title',
        'description',
        'version',
        'revision',
        'source',
        'licenses',
        'documentation',
      ]) {
        assert.ok(labels.includes(`org.opencontainers.image.${label}=`), label);
      }
    }
  });

  test('has Kerberos in the variant only', () => {
    assert.ok(!image.some(({ words }) => words.includes('krb5')));
    const variant = continued(stages.at(-2) ?? []);
    assert.match(variant.at(0)?.words ?? '', / AS runtime$/);
    assert.ok(variant.some(({ words }) => words.includes('krb5-user')));
    assert.deepEqual(variant.filter(({ name }) => name === 'USER').at(-1)?.words, wordsOf('USER')[0]);
  });

  test('copies exactly the files that .dockerignore lets through', () => {
    const copied = stages
      .flat()
      .filter(({ name, words }) => name === 'COPY' && !words.startsWith('--from='))
      .flatMap(({ words }) => words.split(/ +/).slice(0, -1));
    const lines = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.equal(lines[0], '*');
    assert.deepEqual(
      [...new Set(copied)].sort(),
      lines
        .slice(1)
        .map((line) => line.replace('!', ''))
        .sort(),
    );
    for (const name of copied) assert.ok(existsSync(join(root, name)), `${name} is there`);
  });

  test('has a health check that distinguishes a running proxy from none', async (t) => {
    const [command = '', ...args] = imageHealthcheck();
    assert.equal(command, 'http2kafka');
    const stage = new Stage();
    t.after(() => stage.stop());
    const proxy = await stage.launch();
    const env = {
      ...imageEnvironment(),
      PATH: process.env['PATH'],
      HTTP2KAFKA__SERVER__PORT: String(proxy.port),
    };
    const alive = await ranProgram(args, env);
    assert.deepEqual([alive.status, alive.stderr], [0, '']);
    await proxy.stop();
    const dead = await ranProgram(args, env);
    assert.deepEqual([dead.status, dead.stdout], [1, '']);
  });
});

suite('docker-compose.yml', () => {
  test('has Kafka and the proxy in one profile, and starts the proxy once Kafka is healthy', () => {
    for (const service of [broker, http2kafka]) assert.deepEqual(service.profiles, ['http2kafka']);
    assert.equal(http2kafka.build, '.');
    assert.equal(http2kafka.image, `http2kafka:${version}`);
    assert.deepEqual(http2kafka.ports, ['8002:8002']);
    assert.deepEqual(http2kafka.depends_on, { broker: { condition: 'service_healthy' } });
    assert.match(broker.image, /^apache\/kafka:\d+\.\d+\.\d+$/);
  });

  test("checks the proxy with the image's health check", () => {
    assert.deepEqual(http2kafka.healthcheck.test, ['CMD', ...imageHealthcheck()]);
    assert.equal(broker.healthcheck.test[0], 'CMD-SHELL');
  });

  test('gives Kafka one address for containers and one for this machine only', () => {
    const { KAFKA_ADVERTISED_LISTENERS: advertised, KAFKA_LOG_DIRS: folder } = broker.environment;
    assert.equal(advertised, 'INTERNAL://broker:19092,HOST://localhost:9092');
    assert.deepEqual(broker.ports, ['127.0.0.1:9092:9092']);
    assert.deepEqual(broker.volumes, [`kafka_data:${folder ?? ''}`]);
    assert.ok('kafka_data' in compose.volumes);
  });

  test('keeps events of the proxy in a volume, and mounts the rest read-only', () => {
    assert.deepEqual(http2kafka.volumes, [`http2kafka_spool:${load('.env.docker').settings.spool.path}`]);
    assert.ok('http2kafka_spool' in compose.volumes);
    assert.equal(http2kafka.read_only, true);
  });

  test('keeps old events: retention by time goes by the time of the event', () => {
    assert.equal(broker.environment['KAFKA_LOG_RETENTION_MS'], -1);
  });
});

suite('.env.docker', () => {
  test('is a good configuration, with what the image and docker-compose.yml add', () => {
    const loaded = load('.env.docker');
    assert.deepEqual(loaded.notices, []);
    assert.deepEqual(loaded.settings.kafka.bootstrapServers, ['broker:19092']);
    assert.deepEqual([loaded.settings.server.host, loaded.settings.server.port], ['0.0.0.0', 8002]);
    assert.equal(http2kafka.env_file, '.env.docker');
  });

  test('is also good with every line that is commented out', (t) => {
    const text = read('.env.docker');
    const commented = text.match(/^#HTTP2KAFKA__\w+=\S+$/gm) ?? [];
    assert.ok(commented.length > 5);
    assert.deepEqual(
      text.match(/^# *HTTP2KAFKA__\S+/gm),
      commented.map((line) => /^\S+/.exec(line)?.[0]),
    );
    const environment = Object.fromEntries(
      commented.map((line) => {
        const [name = '', value = ''] = line.slice(1).split('=');
        return [name, value];
      }),
    );
    t.diagnostic(`${commented.length} settings`);
    load('.env.docker', environment);
  });
});

function load(envFile: string, more: Record<string, string> = {}): Loaded {
  const outcome = loadSettings({
    flags: new Map(),
    environment: { ...imageEnvironment(), ...http2kafka.environment, ...more },
    envFile: join(root, envFile),
  });
  assert.ok(!('errors' in outcome), JSON.stringify(outcome));
  return outcome;
}
