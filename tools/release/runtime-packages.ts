/**
 * Which packages the program needs beside its bundle, and which are in the bundle.
 *
 * The bundle (tools/bundle.ts) holds most packages. A few read files of their own, so they stay folders of node_modules.
 */
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

const Names = Type.Optional(Type.Record(Type.String(), Type.String()));

const Entry = Type.Object({
  version: Type.Optional(Type.String()),
  license: Type.Optional(Type.String()),
  optional: Type.Optional(Type.Boolean()),
  dependencies: Names,
  optionalDependencies: Names,
  cpu: Type.Optional(Type.Array(Type.String())),
  os: Type.Optional(Type.Array(Type.String())),
  libc: Type.Optional(Type.Array(Type.String())),
});

const Lock = Type.Object({ packages: Type.Record(Type.String(), Entry) });

/** The entries of package-lock.json by the path of the package; the program itself has the path ''. */
export type Packages = Readonly<Record<string, Static<typeof Entry>>>;

export function lockedPackages(root: string): Packages {
  return Value.Parse(Lock, JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))).packages;
}

/** Names of the packages that the bundle in `dist` imports. Optional ones, such as `kerberos`, are among them. */
export async function importedPackages(root: string): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: globSync('dist/**/*.js', { cwd: root }),
    // esbuild writes nothing here: only its graph of the imports is used.
    outdir: 'dist',
    write: false,
    metafile: true,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  const paths = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.filter(({ external, path }) => external === true && !isBuiltin(path)).map(({ path }) => path),
  );
  return [...new Set(paths.map(packageOf))].sort();
}

/** `@a/b` of `@a/b/c.js`. */
function packageOf(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
}

/**
 * Paths of these packages and of all that they need on Linux with glibc and this processor. Packages that the program can do
 * without are left out: those that are optional at the top, and those for other machines.
 */
export function neededPackages(packages: Packages, names: readonly string[], cpu: string): readonly string[] {
  const needed = new Set<string>();
  const optional = packages['']?.optionalDependencies ?? {};
  const visit = (from: string, name: string) => {
    const path = pathOf(packages, from, name);
    const entry = path === undefined ? undefined : packages[path];
    if (path === undefined || !entry || needed.has(path) || !fits(entry, cpu)) return;
    needed.add(path);
    for (const next of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
      visit(path, next);
  };
  for (const name of names) if (!(name in optional)) visit('', name);
  return [...needed].sort();
}

/** Names of the packages that a user of the program cannot leave out. */
export function requiredNames(packages: Packages): readonly string[] {
  return Object.keys(packages['']?.dependencies ?? {});
}

function fits({ cpu: cpus, os: systems, libc }: Static<typeof Entry>, cpu: string): boolean {
  const takes = (list: readonly string[] | undefined, one: string) =>
    list === undefined || list.includes(one);
  return takes(cpus, cpu) && takes(systems, 'linux') && takes(libc, 'glibc');
}

/** Where Node finds a package that is imported from `from`: the nearest node_modules. Undefined if it is not there. */
function pathOf(packages: Packages, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (folder === '') return undefined;
  }
}
