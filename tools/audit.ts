/**
 * Audits the packages, those for development as well. npm's advisories list known vulnerabilities. Without the network it checks that each
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
      dev: Type.Optional(Type.Boolean()),
    }),
  ),
});

const Advisories = Type.Object({
  vulnerabilities: Type.Record(
    Type.String(),
    Type.Object({
      severity: Type.String(),
      range: Type.Optional(Type.String()),
      /** The folders of the package. */
      nodes: Type.Optional(Type.Array(Type.String())),
      /** False, or the release that mends it. */
      fixAvailable: Type.Optional(Type.Unknown()),
    }),
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

/** The severe vulnerabilities of the packages, a line each. */
export interface Vulnerabilities {
  /** They must be mended. */
  readonly problems: readonly string[];
  /** Those of development packages that no release mends yet. The program does not have them. */
  readonly notes: readonly string[];
}

/**
 * Sorts npm's advisories. Development packages count as well: they build the program, or are the clouds' libraries, which an
 * operator installs.
 * @param auditText the answer of `npm audit --json`
 * @returns undefined when it has no advisories, as without the network
 */
export function severeAdvisories(auditText: string, lockText: string): Vulnerabilities | undefined {
  const { packages } = Value.Parse(Lock, JSON.parse(lockText));
  const answer = parsed(auditText);
  if (!Value.Check(Advisories, answer)) return undefined;
  const problems: string[] = [];
  const notes: string[] = [];
  for (const [name, found] of Object.entries(answer.vulnerabilities)) {
    const { severity, range = '', nodes = [], fixAvailable = false } = found;
    if (!SEVERE.includes(severity)) continue;
    const isForDevelopment = nodes.length > 0 && nodes.every((path) => packages[path]?.dev === true);
    const isLater = isForDevelopment && fixAvailable === false;
    const kind = isForDevelopment ? ', for development' : '';
    (isLater ? notes : problems).push(`${name} ${range}: ${severity}${kind}; see npm audit`);
  }
  return { problems, notes };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function main(): void {
  const root = join(import.meta.dirname, '..');
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  const lock = read('package-lock.json');
  const problems = [...problemsOfTree(read('package.json'), lock)];
  const { stdout } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8' });
  const advisories = severeAdvisories(stdout, lock);
  if (advisories) {
    problems.push(...advisories.problems);
    for (const note of advisories.notes) console.error(`not mended yet: ${note}`);
  } else
    console.error(
      "npm's advisories are not available: the packages were NOT audited for known vulnerabilities",
    );
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
