/** Node's own binary for a target, from the npm registry. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { NodePackage } from './targets.ts';

/**
 * Downloads the package into `cache`, unless it is there, and unpacks `bin/node` and `LICENSE` into `folder`.
 * @throws if the archive does not have the pinned checksum.
 */
export function unpackNode({ name, version, integrity }: NodePackage, cache: string, folder: string): void {
  const archive = join(cache, `${name}-${version}.tgz`);
  mkdirSync(cache, { recursive: true });
  if (!existsSync(archive)) {
    const args = ['pack', `${name}@${version}`, '--pack-destination', cache, '--loglevel=error'];
    execFileSync('npm', args, { cwd: cache, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) {
    rmSync(archive);
    throw new Error(`${name} ${version} has the checksum ${found}, not ${integrity}.`);
  }
  mkdirSync(folder, { recursive: true });
  const members = ['package/bin/node', 'package/LICENSE'];
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1', '--no-same-owner', ...members]);
}
