import { mkdir, rename, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Tell } from './base-images.ts';
import { findProgram, ran } from './command.ts';
import { FOLDER, NoEngineError, type Engine } from './engine.ts';

// Version 5 needs a newer Go than many machines have.
const VERSION = '2.40.3';
const MODULE = 'github.com/docker/compose/v2';

/**
 * Has `docker compose` ready. An engine of our own gets the plugin as a Go module, built once.
 * @throws {NoEngineError} when it cannot be had.
 */
export async function provideCompose(engine: Engine, tell: Tell): Promise<void> {
  const { status } = await engine.tried(['compose', 'version']);
  if (status === 0) return;
  const missing = 'There is no `docker compose`';
  if (!engine.own) throw new NoEngineError(`${missing}: install Docker's plugin (docker-compose-plugin).`);
  if (findProgram('go') === undefined) throw new NoEngineError(`${missing}, and no \`go\` to build it with.`);
  const folder = join(FOLDER, `compose-${VERSION}`);
  const built = join(folder, 'docker-compose');
  if (!existsSync(built)) {
    tell(`docker compose ${VERSION}: go builds it, once (some minutes)`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'go.mod'), `module compose\n\ngo 1.24\n\nrequire ${MODULE} v${VERSION}\n`);
    const flags = ['-trimpath', '-mod=mod', '-ldflags', `-s -w -X ${MODULE}/internal.Version=v${VERSION}`];
    await ran(['go', 'build', ...flags, '-o', `${built}.part`, `${MODULE}/cmd`], { folder });
    await rename(`${built}.part`, built);
  }
  const plugins = join(FOLDER, 'config', 'cli-plugins');
  await mkdir(plugins, { recursive: true });
  await ran(['ln', '--symbolic', '--force', built, join(plugins, 'docker-compose')]);
  await engine.docker(['compose', 'version']);
}
