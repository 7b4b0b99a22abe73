// `make image`: the images of this version, in the container engine that this machine has.
import { join } from 'node:path';
import { version } from '../../src/version.ts';
import { tried } from './command.ts';
import { findEngine, NoEngineError, type Engine } from './engine.ts';
import { provideBaseImages, type Tell } from './base-images.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The names of the images. */
export interface ProgramImages {
  readonly plain: string;
  readonly kerberos: string;
}

/** Builds the images of this version, and gives their names. */
export async function buildImages(engine: Engine, tell: Tell): Promise<ProgramImages> {
  const plain = `http2kafka:${version}`;
  const images = { plain, kerberos: `${plain}-kerberos` };
  // For the label of an image that is published: make image SOURCE=https://…
  const source = process.env['SOURCE'] ?? '';
  const labels = ['--build-arg', `REVISION=${await revision()}`, '--build-arg', `SOURCE=${source}`];
  const options = [...engine.buildOptions, ...labels];
  tell(`${images.plain} is built`);
  await engine.docker(['build', ...options, '--tag', images.plain, ROOT]);
  tell(`${images.kerberos} is built`);
  await engine.docker(['build', ...options, '--target', 'kerberos', '--tag', images.kerberos, ROOT]);
  return images;
}

async function revision(): Promise<string> {
  const { status, stdout } = await tried(['git', 'rev-parse', 'HEAD'], { folder: ROOT });
  return status === 0 ? stdout.trim() : 'unknown';
}

if (import.meta.main) {
  try {
    const { engine } = await findEngine();
    await provideBaseImages(engine, console.log);
    await buildImages(engine, console.log);
    console.log(await engine.docker(['image', 'ls', 'http2kafka']));
  } catch (error) {
    if (!(error instanceof NoEngineError)) throw error;
    console.error(error.message);
    process.exitCode = 77;
  }
}
