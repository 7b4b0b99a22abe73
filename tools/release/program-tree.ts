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
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { licenceList } from './licences.ts';
import { unpackNode } from './node-binary.ts';
import { importedPackages, lockedPackages, neededPackages, requiredNames } from './runtime-packages.ts';
import type { Target } from './targets.ts';

/** Files of packages that no program reads: documentation, types, maps for debuggers, tests. */
const SUPERFLUOUS_FILE =
  /(?:\.(?:map|ts|cts|mts|md|markdown|flow|yml|lock|orig)|^\.[^/]+|^tsconfig.*\.json|^Makefile)$/;
const SUPERFLUOUS_FOLDER =
  /^(?:\.bin|\.github|\.vscode|tests?|__tests__|examples?|benchmarks?|docs|coverage)$/;

/** Documentation that belongs to a release. */
const PAGES: readonly string[] = ['README.md', 'CHANGELOG.md', 'UPGRADING.md', 'SECURITY.md', 'LICENSE'];

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
  /** A folder for downloads, which outlives the run. */
  readonly cache: string;
  /** The folder to make. */
  readonly folder: string;
}

/** Makes the folder. All bytes, modes and times in it follow from the checkout and the options. */
export async function makeProgramTree(options: TreeOptions): Promise<void> {
  const { root, target, folder, cache } = options;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ['bin', 'dist', 'docs', ...PAGES])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  rmSync(join(folder, 'dist', '.built'), { force: true });
  writeFileSync(join(folder, 'package.json'), manifest(options));

  const packages = lockedPackages(root);
  const installed = `${folder}.packages`;
  install(root, target, installed);
  for (const path of neededPackages(packages, await importedPackages(root), target.cpu))
    cpSync(join(installed, path), join(folder, path), {
      recursive: true,
      filter: (file) => isUseful(installed, file),
    });
  const all = neededPackages(packages, requiredNames(packages), target.cpu).filter(
    (path) => !/\/node(?:-bin-setup)?$/.test(path),
  );
  const node = join('node_modules', 'node');
  const licences = licenceList(installed, packages, all, join(node, 'LICENSE'));
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), licences);
  rmSync(installed, { recursive: true });
  removeEmptyFolders(join(folder, 'node_modules'));

  unpackNode(target.node, cache, join(folder, node));
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
  // The launcher finds Node where npm puts it.
  symlinkSync('../node/bin/node', join(folder, 'node_modules', '.bin', 'node'));
  settle(folder, options.epoch);
}

function manifest({ root, version }: TreeOptions): string {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const parsed = Value.Clean(Manifest, JSON.parse(text));
  return `${JSON.stringify({ ...Value.Parse(Manifest, parsed), version }, undefined, 2)}\n`;
}

/** Installs all packages of a target into `folder`. npm checks them against package-lock.json. It runs none of their scripts. */
function install(root: string, { cpu }: Target, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(folder, name));
  const machine = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc'];
  const args = [
    'ci',
    '--omit=dev',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...machine,
  ];
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

function isUseful(installed: string, file: string): boolean {
  const inside = file.slice(installed.length + 1);
  const name = basename(file);
  // A nested package is copied for itself.
  if (/node_modules\/.*\/node_modules$/.test(inside)) return false;
  if (lstatSync(file).isDirectory()) return !SUPERFLUOUS_FOLDER.test(name);
  return !SUPERFLUOUS_FILE.test(name);
}

function removeEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

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
  for (const name of ['docs', 'THIRD-PARTY-LICENSES', ...PAGES])
    renameSync(join(tree, name), join(folder, name));
}
