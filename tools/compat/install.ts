/** Installs packages into .run/compat/<name>, once: a second run finds the note of what is in the folder. */
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { lastLine, runToEnd, type Command } from './processes.ts';
import { NotHere } from './trial.ts';
import { maven, npm, python, type MavenArtifact, type PythonPackage } from './versions.ts';

export const root = join(import.meta.dirname, '..', '..');
export const installed = join(root, '.run', 'compat');

const LIMIT_MS = 15 * 60_000;

export interface PythonOptions {
  /** The oldest Python that it runs on. */
  readonly oldest?: readonly [number, number];
  /** Extras of packages, e.g. `{ dlt: 'duckdb' }`. */
  readonly extras?: Readonly<Partial<Record<PythonPackage, string>>>;
  /** False for the packages alone. */
  readonly withDependencies?: boolean;
}

/** A virtual environment of its own. Gives its folder of programs. */
export async function installPython(
  name: string,
  packages: readonly PythonPackage[],
  { oldest = [3, 10], extras = {}, withDependencies = true }: PythonOptions = {},
): Promise<string> {
  const folder = join(installed, name);
  const wanted = packages.map((one) => `${one}${extras[one] ? `[${extras[one]}]` : ''}==${python[one]}`);
  await once(folder, wanted, async () => {
    const interpreter = await findPython(oldest);
    await step({ command: [interpreter, '-m', 'venv', folder] });
    const pip = [
      join(folder, 'bin', 'python'),
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      ...(withDependencies ? [] : ['--no-deps']),
    ];
    await step({ command: [...pip, ...wanted] });
  });
  return join(folder, 'bin');
}

/** Jars with all they need. Gives the class path. */
export async function installJars(name: string, artifacts: readonly MavenArtifact[]): Promise<string> {
  const folder = join(installed, name);
  const wanted = artifacts.map((one) => `${one}:${maven[one]}`);
  await once(folder, wanted, async () => {
    writeFileSync(join(folder, 'pom.xml'), pomOf(artifacts));
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
    await step({ command: ['mvn', '-q', '-B', '-f', join(folder, 'pom.xml'), ...copy] });
  });
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jar'))
    .map((file) => join(folder, file))
    .join(':');
}

/** npm packages. Gives the folder that has node_modules. */
export async function installNpm(name: string, packages: readonly (keyof typeof npm)[]): Promise<string> {
  const folder = join(installed, name);
  const wanted = packages.map((one) => `${one}@${npm[one]}`);
  await once(folder, wanted, () =>
    step({ command: ['npm', 'install', '--prefix', folder, '--no-audit', '--no-fund', ...wanted] }),
  );
  return folder;
}

/** Does the work unless the folder has the note of the same work done. */
export async function once(
  folder: string,
  wanted: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const note = join(folder, 'installed.txt');
  const text = `${wanted.join('\n')}\n`;
  if (existsSync(note) && readFileSync(note, 'utf8') === text) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`Installing ${wanted.join(', ')} (once)`);
  await work();
  writeFileSync(note, text);
}

/** One step of an installation. @throws {NotHere} with the last line of what it said. */
export async function step(command: Command): Promise<void> {
  const { code, stdout, stderr } = await runToEnd(
    { ...command, command: ['nice', '-n', '10', ...command.command] },
    LIMIT_MS,
  );
  if (code === 0) return;
  const errors = `${stderr}\n${stdout}`
    .split('\n')
    .filter((line) => /error|not found|refused|forbidden/i.test(line));
  throw new NotHere(errors[0]?.trim() ?? lastLine(stderr || stdout));
}

/** The newest Python on the machine that is at least `oldest`: on the PATH, or one of pyenv. */
async function findPython([major, minor]: readonly [number, number]): Promise<string> {
  const pyenv = globSync(join(homedir(), '.pyenv', 'versions', '*', 'bin', 'python'));
  const candidates = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', ...pyenv];
  const test = `import sys, venv; sys.exit(sys.version_info < (${major}, ${minor}))`;
  for (const candidate of candidates) {
    const { code } = await runToEnd({ command: [candidate, '-c', test] }, 10_000);
    if (code === 0) return candidate;
  }
  throw new NotHere(`no Python ${major}.${minor} or newer on this machine`);
}

function pomOf(artifacts: readonly MavenArtifact[]): string {
  const dependencies = artifacts.map((one) => {
    const [group = '', artifact = ''] = one.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${maven[one]}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>compat</groupId><artifactId>compat</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`;
}
