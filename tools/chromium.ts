// Installs Chromium for the test of the API page, unless there is one. `make test` calls it. CHROMIUM names another path.
import { execFileSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { isExecutable } from './executable.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a Chromium; undefined when there is none. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

if (import.meta.main && findChromium() === undefined) {
  console.log("Installing Debian's Chromium (once)");
  try {
    const apt = (...args: string[]) =>
      execFileSync('apt-get', ['-qq', ...args], {
        stdio: 'pipe',
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    apt('update');
    apt('install', '-y', '--no-install-recommends', 'chromium');
  } catch {
    console.error(
      'The test of the API page needs Chromium: install it, or name one by CHROMIUM=/path/to/chrome.',
    );
    process.exitCode = 1;
  }
}
