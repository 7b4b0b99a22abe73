/** Programs in Go that `make` uses: built once, at an exact version, into .run/go. Go checks their sums (sum.golang.org). */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { isExecutable } from './executable.ts';

const FOLDER = join(import.meta.dirname, '..', '.run', 'go');

export interface GoProgram {
  /** The path of the package that is the program. Its last part is the name of the program. */
  readonly path: string;
  readonly version: string;
}

/** Makes Debian and RPM packages. GoReleaser keeps it. */
export const NFPM: GoProgram = { path: 'github.com/goreleaser/nfpm/v2/cmd/nfpm', version: 'v2.45.2' };

/** Checks workflows of GitHub. */
export const ACTIONLINT: GoProgram = {
  path: 'github.com/rhysd/actionlint/cmd/actionlint',
  version: 'v1.7.12',
};

/** There is no Go to build a program with. The message is one sentence. */
export class NoGoError extends Error {
  override readonly name = 'NoGoError';
}

/**
 * Builds the program, unless that has been done.
 * @returns its path
 * @throws {NoGoError} when there is no Go
 */
export function goProgram({ path, version }: GoProgram): string {
  const name = basename(path);
  const program = join(FOLDER, `${name}-${version}`);
  if (existsSync(program)) return program;
  const go = findGo();
  if (go === undefined) throw new NoGoError(`${name} needs Go to be built: install Go (https://go.dev/dl/).`);
  console.error(`Building ${name} ${version} (once)`);
  mkdirSync(FOLDER, { recursive: true });
  // The same machine, whatever the environment says: the program runs here. No C compiler is needed.
  const environment = { ...process.env, GOBIN: FOLDER, GOOS: '', GOARCH: '', CGO_ENABLED: '0' };
  execFileSync(go, ['install', '-trimpath', `${path}@${version}`], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(join(FOLDER, name), program);
  return program;
}

/** On the PATH, or where Go's own archive is unpacked. */
function findGo(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  return folders.map((folder) => join(folder, 'go')).find(isExecutable);
}
