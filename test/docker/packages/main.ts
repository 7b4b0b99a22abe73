// Tries the packages of a release in containers. A part of `make docker-test`, and by itself:
//
//     node test/docker/packages/main.ts [PATTERN]
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { provideBaseImages } from '../../../tools/docker/base-images.ts';
import { findEngine, NoEngineError, stopOwnEngine, type Engine } from '../../../tools/docker/engine.ts';
import { Machines } from './machine.ts';
import { VERSIONS } from './first-event.ts';
import { packageTrials } from './trials.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const FOLDER = join(root, '.run', 'packages');

/** Builds the packages of both versions into one folder. The older one is this program with another number. */
function buildPackages(): void {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const version of Object.values(VERSIONS)) {
    const output = join(FOLDER, version);
    const formats = ['deb', 'rpm', ...(version === VERSIONS.newer ? ['tarball'] : [])];
    execFileSync(
      process.execPath,
      [
        join(root, 'tools', 'release', 'main.ts'),
        ...['--once', '--cpu', 'x64', '--version', version, '--output', output],
        ...formats.flatMap((format) => ['--format', format]),
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    for (const name of readdirSync(output)) copyFileSync(join(output, name), join(FOLDER, name));
    rmSync(output, { recursive: true });
  }
}

/** Runs the trials whose names match, and prints a line for each. Returns the number of those that failed. */
export async function tryPackages(engine: Engine, pattern = /(?:)/): Promise<number> {
  buildPackages();
  let failures = 0;
  for (const { name, run } of packageTrials.filter(({ name }) => pattern.test(name))) {
    const machines = new Machines(engine, FOLDER);
    const began = performance.now();
    const took = () => `${Math.round((performance.now() - began) / 1000)} s`;
    try {
      await machines.open();
      await run(machines);
      console.log(`ok      ${name} (${took()})`);
    } catch (error) {
      failures++;
      console.log(`failed  ${name} (${took()})`);
      console.error(error);
    } finally {
      await machines.close();
    }
  }
  return failures;
}

if (import.meta.main) {
  try {
    const { engine, started } = await findEngine();
    try {
      await provideBaseImages(engine, console.log);
      if ((await tryPackages(engine, new RegExp(process.argv[2] ?? ''))) > 0) process.exitCode = 1;
    } finally {
      if (started) await stopOwnEngine();
    }
  } catch (error) {
    if (!(error instanceof NoEngineError)) throw error;
    console.error(error.message);
    process.exitCode = 77;
  }
}
