import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

const Manifest = Type.Object({
  name: Type.String(),
  version: Type.String(),
  license: Type.Optional(Type.Unknown()),
  dependencies: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** Of these, npm installs those that fit the machine: native code. */
  optionalDependencies: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** What the bundler writes of the packages: `tools/bundle.ts`. Folders are relative to the root of the project. */
const Bundled = Type.Object({
  /** Folders of packages that have code in the bundle. */
  bundled: Type.Array(Type.String()),
  /** Names of packages that the bundle loads from node_modules. */
  beside: Type.Array(Type.String()),
  /** Those of `beside` that need not be installed. */
  optional: Type.Array(Type.String()),
});

/** Dependencies that only install their package: nothing loads them later. */
const INSTALLERS: ReadonlySet<string> = new Set(['prebuild-install', 'node-addon-api']);

/** An npm package of the program. */
export interface NodePackage {
  readonly name: string;
  readonly version: string;
  /** As its package.json names it. */
  readonly licence: string;
  /** Relative to the root of the project. */
  readonly folder: string;
  /** Whether its code is part of the bundle. The others lie in node_modules. */
  readonly bundled: boolean;
}

/**
 * The packages that the built program needs: those in its bundle, and those that it loads from node_modules, with all that they
 * depend on. In the order of their folders.
 * @param root the project, built and with its packages.
 * @param optional optional packages to take as well.
 * @throws when a package is missing.
 */
export function neededPackages(root: string, optional: readonly string[] = []): readonly NodePackage[] {
  const text = readFileSync(join(root, 'dist', 'packages.json'), 'utf8');
  const list = Value.Parse(Bundled, JSON.parse(text));
  const unknown = optional.filter((name) => !list.optional.includes(name));
  if (unknown.length > 0) throw new Error(`The program loads no optional package ${unknown.join(', ')}.`);
  const wanted = list.beside.filter((name) => !list.optional.includes(name) || optional.includes(name));
  const beside = new Set<string>();
  for (const name of wanted) follow(root, find(root, root, name) ?? missing(name, ''), beside);
  const packages = [
    ...[...beside].map((folder) => describe(root, folder, false)),
    ...list.bundled.filter((folder) => !beside.has(folder)).map((folder) => describe(root, folder, true)),
  ];
  return packages.sort((one, other) => (one.folder < other.folder ? -1 : 1));
}

/** Adds the folder of a package, and those of its dependencies. */
function follow(root: string, folder: string, found: Set<string>): void {
  const path = relative(root, folder);
  if (found.has(path)) return;
  found.add(path);
  const { dependencies = {}, optionalDependencies = {} } = manifest(folder);
  for (const name of Object.keys(dependencies)) {
    if (INSTALLERS.has(name)) continue;
    follow(root, find(root, folder, name) ?? missing(name, path), found);
  }
  for (const name of Object.keys(optionalDependencies)) {
    const installed = find(root, folder, name);
    if (installed !== undefined) follow(root, installed, found);
  }
}

/** Where Node finds a package from a folder. */
function find(root: string, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === root) return undefined;
  }
}

function missing(name: string, from: string): never {
  throw new Error(
    `The npm package ${name} is not installed. ${from === '' ? 'The program' : from} needs it.`,
  );
}

function describe(root: string, folder: string, bundled: boolean): NodePackage {
  const { name, version, license } = manifest(join(root, folder));
  return { name, version, licence: licenceOf(license), folder, bundled };
}

function manifest(folder: string) {
  return Value.Parse(Manifest, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
}

/** Old packages have an object, or a list of them. */
function licenceOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(licenceOf).join(' OR ');
  if (typeof value === 'object' && value !== null && 'type' in value) return licenceOf(value.type);
  return 'unknown';
}

/** Names of the files of a package that hold its licence and its notices. */
export function noticeFiles(folder: string): readonly string[] {
  return readdirSync(folder).filter(isNotice).sort();
}

/**
 * Whether a file of a package is left out of an installation: types, source maps, tests, examples, manuals and sources of native code.
 * @param path relative to the folder of the package.
 */
export function isNeedless(path: string): boolean {
  const name = basename(path);
  if (isNotice(name)) return false;
  const [folder = ''] = path.split(sep);
  return (folder !== name && NEEDLESS_FOLDERS.has(folder)) || NEEDLESS_FILE.test(name);
}

const isNotice = (name: string): boolean => /^(?:licen[cs]e|copying|notice)\b(?!.*\.js$)/i.test(name);

const NEEDLESS_FOLDERS: ReadonlySet<string> = new Set(
  'test tests example examples benchmark benchmarks doc docs .github'.split(' '),
);
const NEEDLESS_FILE = /\.(?:map|[cm]?ts|md|markdown|cc|h|gyp)$|^\./;
