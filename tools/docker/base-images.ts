// The images that ours and docker-compose.yml are built on. Where no registry of images can be reached, stand-ins with the
// same names are made of what the package registries have.
import { cp, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findProgram, ran } from './command.ts';
import { FOLDER, NoEngineError, type Engine } from './engine.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STAND_INS = join(import.meta.dirname, 'stand-ins');
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const NPM = '12.2.2';
const PULL_MS = 600_000;

/** Says what takes long, in a line. */
export type Tell = (line: string) => void;

/** How an image came to be there. */
export type Origin = 'present' | 'pulled' | 'stand-in';

interface Image {
  readonly name: string;
  readonly make: (engine: Engine, tell: Tell) => Promise<void>;
}

/** The images by what they are for. */
export interface BaseImages {
  readonly debian: string;
  readonly node: string;
  readonly kafka: string;
}

/** The names of the images, as Dockerfile and docker-compose.yml have them. */
export async function baseImages(): Promise<BaseImages> {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  const compose = await readFile(join(ROOT, 'docker-compose.yml'), 'utf8');
  const [, node] = /^ARG NODE_VERSION=(\S+)$/m.exec(dockerfile) ?? [];
  const [, debian] = /^ARG DEBIAN=(\S+)$/m.exec(dockerfile) ?? [];
  const [, kafka] = /image: (apache\/kafka:\S+)$/m.exec(compose) ?? [];
  if (node === undefined || debian === undefined || kafka === undefined) {
    throw new Error('Dockerfile or docker-compose.yml do not name the images.');
  }
  return { debian: `debian:${debian}-slim`, node: `node:${node}-${debian}-slim`, kafka };
}

/**
 * Has each image ready: one that is there stays as it is, another is pulled, or, in an engine of our own, made here.
 * @throws {NoEngineError} when an image cannot be had.
 */
export async function provideBaseImages(engine: Engine, tell: Tell): Promise<ReadonlyMap<string, Origin>> {
  const { debian, node, kafka } = await baseImages();
  const images: Image[] = [
    { name: debian, make: (engine, tell) => makeDebian(engine, debian, tell) },
    { name: node, make: (engine, tell) => makeNode(engine, node, debian, tell) },
    { name: kafka, make: (engine, tell) => makeKafka(engine, kafka, debian, tell) },
  ];
  const origins = new Map<string, Origin>();
  for (const image of images) origins.set(image.name, await provide(engine, image, tell));
  return origins;
}

async function provide(engine: Engine, { name, make }: Image, tell: Tell): Promise<Origin> {
  const label = '{{index .Config.Labels "http2kafka.stand-in"}}';
  const present = await engine.tried(['image', 'inspect', '--format', label, name]);
  if (present.status === 0) return present.stdout.trim() === 'yes' ? 'stand-in' : 'present';
  const pulled = await engine.tried(['pull', '--quiet', name], { timeoutMs: PULL_MS });
  if (pulled.status === 0) return 'pulled';
  if (!engine.own) {
    const reason = pulled.stderr.trim().split('\n').at(-1) ?? '';
    throw new NoEngineError(`The engine here cannot get the image ${name}: ${reason}.`);
  }
  const began = performance.now();
  await make(engine, tell);
  tell(`${name}: a stand-in, made in ${Math.round((performance.now() - began) / 1000)} s`);
  return 'stand-in';
}

async function makeDebian(engine: Engine, name: string, tell: Tell): Promise<void> {
  if (findProgram('debootstrap') === undefined) {
    throw new NoEngineError(
      'There is no `debootstrap` to make base images with (apt-get install debootstrap).',
    );
  }
  tell(`${name}: no registry has it for us, so debootstrap makes a stand-in`);
  const release = name.replace(/^debian:(.*)-slim$/, '$1');
  await withFolder(async (folder) => {
    const root = join(folder, 'root');
    await ran([
      'debootstrap',
      '--variant=minbase',
      '--include=ca-certificates,netbase,tzdata',
      release,
      root,
    ]);
    // What debian:…-slim leaves out, and the certificates that this machine trusts.
    for (const part of ['doc', 'man', 'locale', 'info', 'lintian']) {
      await removeExceptCopyrights(join(root, 'usr/share', part));
    }
    for (const path of ['var/cache', 'var/lib/apt/lists', 'var/log']) {
      await rm(join(root, path), { recursive: true, force: true });
      await mkdir(join(root, path), { recursive: true });
    }
    await mkdir(join(root, 'var/lib/apt/lists/partial'));
    await mkdir(join(root, 'var/cache/apt/archives/partial'), { recursive: true });
    await cp(CERTIFICATES, join(root, CERTIFICATES));
    const archive = join(folder, 'root.tar');
    const without = ['--exclude=./proc/*', '--exclude=./sys/*'];
    await ran(['tar', '--create', '--file', archive, '--directory', root, ...without, '.']);
    const change = ['--change', 'CMD ["bash"]', '--change', 'LABEL http2kafka.stand-in=yes'];
    await engine.docker(['import', ...change, archive, name]);
  });
}

/** Folders stay: some packages cannot be installed without that of their manual page. */
async function removeExceptCopyrights(folder: string): Promise<void> {
  await ran(['find', folder, '!', '-type', 'd', '!', '-name', 'copyright', '-delete']);
}

async function makeNode(engine: Engine, name: string, debian: string, tell: Tell): Promise<void> {
  tell(`${name}: a stand-in of Node's binary and npm ${NPM}`);
  await withFolder(async (folder) => {
    // The npm package with Node for this machine.
    const binary = await realpath(join(ROOT, 'node_modules', '.bin', 'node'));
    const got = join(folder, 'got');
    await cp(join(STAND_INS, 'node', 'Dockerfile'), join(folder, 'Dockerfile'));
    await cp(binary, join(folder, 'node'));
    await cp(join(dirname(dirname(binary)), 'LICENSE'), join(folder, 'LICENSE'));
    await ran([
      'npm',
      'install',
      '--prefix',
      got,
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      `npm@${NPM}`,
    ]);
    await cp(join(got, 'node_modules', 'npm'), join(folder, 'npm'), { recursive: true });
    await rm(got, { recursive: true });
    const version = `NODE_VERSION=${process.versions.node}`;
    await build(engine, name, folder, ['--build-arg', version, '--build-arg', `BASE=${debian}`]);
  });
}

async function makeKafka(engine: Engine, name: string, debian: string, tell: Tell): Promise<void> {
  const version = name.split(':').at(-1) ?? '';
  tell(`${name}: a stand-in of Debian's Java and the broker's jars`);
  await withFolder(async (folder) => {
    await cp(join(STAND_INS, 'kafka'), folder, { recursive: true });
    const into = `-DoutputDirectory=${join(folder, 'libs')}`;
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', into];
    await ran(['mvn', '-q', '-B', '-f', join(folder, 'pom.xml'), `-Dkafka=${version}`, ...goal]);
    await build(engine, name, folder, ['--build-arg', `BASE=${debian}`]);
  });
}

async function build(
  engine: Engine,
  name: string,
  folder: string,
  options: readonly string[] = [],
): Promise<void> {
  const label = ['--label', 'http2kafka.stand-in=yes'];
  await engine.docker(['build', ...engine.buildOptions, ...label, ...options, '--tag', name, folder]);
}

async function withFolder(task: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const folder = await mkdtemp(join(FOLDER, 'making-'));
  try {
    await task(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
