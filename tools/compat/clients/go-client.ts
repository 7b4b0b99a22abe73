/**
 * OpenLineage's Go client, from the Go module proxy, or from a checkout of OpenLineage's repository: `--go-client FOLDER` names its
 * folder `client/go`.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentedBlock } from '../documented-blocks.ts';
import { installed, once, step } from '../install.ts';
import type { Command } from '../processes.ts';
import { NotHere } from '../trial.ts';
import { go } from '../versions.ts';

const MODULE = 'github.com/OpenLineage/openlineage/client/go';
const folder = join(installed, 'go');
const env = { GOPATH: join(installed, 'go-path'), GOFLAGS: '-mod=mod -buildvcs=false -modcacherw' };

let checkout: string | undefined;

export function useGoCheckout(of: string | undefined): void {
  checkout = of;
}

export async function installGoClient(): Promise<void> {
  await once(
    folder,
    [checkout === undefined ? `${MODULE}@${go[MODULE]}` : `${MODULE} of ${checkout}`],
    async () => {
      writeFileSync(join(folder, 'main.go'), documentedBlock('clients.md', 'Go client', 'go'));
      writeFileSync(join(folder, 'go.mod'), moduleFile());
      const sums = join(checkout ?? '', 'go.sum');
      if (checkout !== undefined && existsSync(sums)) copyFileSync(sums, join(folder, 'go.sum'));
      await step({ command: ['go', 'build', '-o', 'compiled', '.'], cwd: folder, env });
    },
  );
}

export const goClient = {
  version: (): Promise<string> => Promise.resolve(versionOf()),

  /** Compiles the program, whose dependencies are there after the installation. */
  command: async (program: string): Promise<Command> => {
    const source = join(folder, 'main.go');
    writeFileSync(source, program);
    await step({ command: ['go', 'build', '-o', 'compiled', '.'], cwd: folder, env });
    return { command: [join(folder, 'compiled')] };
  },
};

function moduleFile(): string {
  mkdirSync(folder, { recursive: true });
  const version = checkout === undefined ? go[MODULE] : 'v0.0.0';
  const replace = checkout === undefined ? '' : `replace ${MODULE} => ${checkout}\n`;
  return `module compat\n\ngo 1.25.0\n\nrequire ${MODULE} ${version}\n${replace}`;
}

function versionOf(): string {
  if (checkout === undefined) return go[MODULE];
  const file = join(checkout, 'pkg', 'openlineage', 'version.go');
  if (!existsSync(file)) throw new NotHere(`${checkout} has no Go client`);
  return `${/Version = "([^"]+)"/.exec(readFileSync(file, 'utf8'))?.[1] ?? 'unknown'}, a checkout`;
}
