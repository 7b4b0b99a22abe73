/**
 * Audits the packages of the program. npm's advisories list known vulnerabilities. Without the network it checks that each
 * package is pinned, comes from npm's registry and has a checksum. A package may run an install script only when allowScripts
 * of package.json names it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

const Versions = Type.Optional(Type.Record(Type.String(), Type.String()));

const Manifest = Type.Object({
  dependencies: Versions,
  devDependencies: Versions,
  optionalDependencies: Versions,
  allowScripts: Type.Record(Type.String(), Type.Boolean()),
});

const Lock = Type.Object({
  packages: Type.Record(
    Type.String(),
    Type.Object({
      version: Type.Optional(Type.String()),
      resolved: Type.Optional(Type.String()),
      integrity: Type.Optional(Type.String()),
      hasInstallScript: Type.Optional(Type.Boolean()),
    }),
  ),
});

const Advisories = Type.Object({
  vulnerabilities: Type.Record(
    Type.String(),
    Type.Object({ severity: Type.String(), range: Type.Optional(Type.String()) }),
  ),
});

const SEVERE = ['high', 'critical'];

/** The problems of package.json and package-lock.json, a line each. */
export function problemsOfTree(manifestText: string, lockText: string): readonly string[] {
  const manifest = Value.Parse(Manifest, JSON.parse(manifestText));
  const { packages } = Value.Parse(Lock, JSON.parse(lockText));
  const { dependencies, devDependencies, optionalDependencies, allowScripts } = manifest;
  const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  const loose = wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  // The entry without a path is the program itself.
  const locked = Object.entries(packages).filter(([path]) => path !== '');
  return [
    ...loose.map(([name, version]) => `${name} is not pinned: ${version}`),
    ...locked.flatMap(([path, { resolved, integrity, hasInstallScript }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return [
        ...(integrity === undefined ? [`${path} has no checksum`] : []),
        ...(resolved?.startsWith('https://registry.npmjs.org/') === false
          ? [`${path} is from ${resolved}`]
          : []),
        ...(hasInstallScript && !(name in allowScripts)
          ? [`${path} runs a script when it is installed; allow or forbid it in allowScripts of package.json`]
          : []),
      ];
    }),
  ];
}

/** Runtime packages with a severe vulnerability. Undefined when npm's advisories are not available. */
function severeAdvisories(): readonly string[] | undefined {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
  try {
    const answer: unknown = JSON.parse(stdout);
    if (!Value.Check(Advisories, answer)) return undefined;
    return Object.entries(answer.vulnerabilities)
      .filter(([, { severity }]) => SEVERE.includes(severity))
      .map(([name, { severity, range = '' }]) => `${name} ${range}: ${severity}; see npm audit`);
  } catch {
    return undefined;
  }
}

function main(): void {
  const root = join(import.meta.dirname, '..');
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  const problems = [...problemsOfTree(read('package.json'), read('package-lock.json'))];
  const advisories = severeAdvisories();
  if (advisories) problems.push(...advisories);
  else
    console.error(
      "npm's advisories are not available: the packages were NOT audited for known vulnerabilities",
    );
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
