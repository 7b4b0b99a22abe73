/** Checks the workflows of GitHub by actionlint: `make workflows-check`. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { ACTIONLINT, goProgram, NoGoError } from './go-program.ts';

const root = join(import.meta.dirname, '..');
const files = globSync('.github/workflows/*.yml', { cwd: root }).sort();
try {
  const { status } = spawnSync(goProgram(ACTIONLINT), ['-no-color', ...files], {
    cwd: root,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} catch (error) {
  if (!(error instanceof NoGoError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
