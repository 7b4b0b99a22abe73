/**
 * The files of the program as a release has them, for one target: the program, its packages and Node, ready to run from
 * any folder.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Target } from './targets.ts';

/** Documentation that belongs to a release, and the list of what it contains, with licences. */
// prettier-ignore
const PAGES: readonly string[] = [
  'README.md', 'CHANGELOG.md', 'UPGRADING.md', 'SECURITY.md', 'LICENSE', 'CONTENTS.md', 'LICENSES.txt', 'sbom.cdx.json',
];

/** What the program reads of its package.json, and what names it. */
const Manifest = Type.Object({
  name: Type.String(),
  version: Type.String(),
  description: Type.String(),
  license: Type.String(),
  type: Type.String(),
  bin: Type.Record(Type.String(), Type.String()),
  engines: Type.Record(Type.String(), Type.String()),
});

export interface TreeOptions {
  /** The checkout, with dist/ built. */
  readonly root: string;
  readonly target: Target;
  readonly version: string;
  /** The time of all files, in seconds since 1970. */
  readonly epoch: number;
  /** The folder to make. */
  readonly folder: string;
}

/** Makes the folder. All bytes, modes and times in it follow from the checkout and the options. */
export function makeProgramTree(options: TreeOptions): void {
  const { target, folder, epoch } = options;
  const project = `${folder}.project`;
  const node = join(project, 'node_modules', target.node);
  for (const one of [folder, project]) rmSync(one, { recursive: true, force: true });

  makeProject(options, project);
  const npm = (...args: string[]) => execFileSync('npm', [...args, '--loglevel=error'], { cwd: project });
  // npm checks the packages against package-lock.json, and runs none of their scripts.
  const machine = ['--os=linux', `--cpu=${target.cpu}`, '--libc=glibc'];
  npm('ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', ...machine);
  writeFileSync(join(project, 'sbom.json'), npm('sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'));
  // prettier-ignore
  const install = [
    join(project, 'tools', 'installation', 'main.ts'), '--into', folder,
    '--sbom', join(project, 'sbom.json'), '--node-licence', join(node, 'LICENSE'),
  ];
  execFileSync(process.execPath, install, { stdio: ['ignore', 'ignore', 'inherit'] });

  writeFileSync(join(folder, 'package.json'), json(manifest(project)));
  // The launcher finds Node where npm puts it.
  for (const name of ['.bin', 'node', 'node/bin']) mkdirSync(join(folder, 'node_modules', name));
  renameSync(join(node, 'bin', 'node'), join(folder, 'node_modules', 'node', 'bin', 'node'));
  symlinkSync('../node/bin/node', join(folder, 'node_modules', '.bin', 'node'));
  rmSync(project, { recursive: true });
  settle(folder, epoch);
}

/** The checkout without its packages: another processor has others. */
function makeProject({ root, version }: TreeOptions, project: string): void {
  mkdirSync(join(project, 'tools'), { recursive: true });
  const pages = readdirSync(root).filter((name) => name.endsWith('.md') || name === 'LICENSE');
  const folders = ['bin', 'dist', 'docs', 'src', 'tools/installation'];
  for (const name of ['package-lock.json', ...folders, ...pages])
    cpSync(join(root, name), join(project, name), { recursive: true });
  const whole: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(project, 'package.json'), json({ ...Value.Parse(Type.Object({}), whole), version }));
}

function manifest(project: string): object {
  const text = readFileSync(join(project, 'package.json'), 'utf8');
  return Value.Parse(Manifest, Value.Clean(Manifest, JSON.parse(text)));
}

const json = (value: object) => `${JSON.stringify(value, undefined, 2)}\n`;

/** Sets the modes and times of all that is in `folder`. Deepest first: a change in a folder changes its time. */
export function settle(folder: string, epoch: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = lstatSync(path);
    if (stats.isDirectory()) settle(path, epoch);
    else if (!stats.isSymbolicLink()) chmodSync(path, (stats.mode & 0o111) === 0 ? 0o644 : 0o755);
    lutimesSync(path, epoch, epoch);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, epoch, epoch);
}

/** Moves the documentation of a tree, as packages of distributions have it in another place. */
export function moveDocumentation(tree: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['docs', ...PAGES]) renameSync(join(tree, name), join(folder, name));
}
