/**
 * Audits the packages that the program stands on: known faults of them (npm's advisories), and what can be seen without
 * asking anybody: each package pinned, from npm's registry, with a checksum, and none that runs a script when it is installed
 * but those that package.json lets.
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

const GRAVE = ['high', 'critical'];

/** What is wrong with package.json and package-lock.json, a line each. */
export function problemsOfTree(manifestText: string, lockText: string): readonly string[] {
  const manifest = Value.Parse(Manifest, JSON.parse(manifestText));
  const { packages } = Value.Parse(Lock, JSON.parse(lockText));
  const { dependencies, devDependencies, optionalDependencies, allowScripts } = manifest;
  const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  const loose = wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  // The first, with no name, is the program itself.
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
          ? [`${path} runs a script when it is installed; let it or not in allowScripts of package.json`]
          : []),
      ];
    }),
  ];
}

/** Packages of the program (not of its development) with a grave fault; undefined when npm's advisories cannot be had. */
function graveAdvisories(): readonly string[] | undefined {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
  try {
    const answer: unknown = JSON.parse(stdout);
    if (!Value.Check(Advisories, answer)) return undefined;
    return Object.entries(answer.vulnerabilities)
      .filter(([, { severity }]) => GRAVE.includes(severity))
      .map(([name, { severity, range = '' }]) => `${name} ${range}: ${severity}; see npm audit`);
  } catch {
    return undefined;
  }
}

function main(): void {
  const root = join(import.meta.dirname, '..');
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  const faults = [...problemsOfTree(read('package.json'), read('package-lock.json'))];
  const advisories = graveAdvisories();
  if (advisories) faults.push(...advisories);
  else console.error("npm's advisories cannot be had here: the packages were NOT audited for known faults");
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
