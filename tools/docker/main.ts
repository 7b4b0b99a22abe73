/**
 * A container engine for work by hand, with the base images.
 *
 *     eval "$(node tools/docker/main.ts start)"     starts it if necessary; `docker` of this shell then means it
 *     node tools/docker/main.ts stop                removes its containers and ends it; its images stay
 */
import { provideBaseImages } from './base-images.ts';
import { provideCompose } from './compose-plugin.ts';
import { exports, findEngine, NoEngineError, stopOwnEngine } from './engine.ts';

// The lines for the shell are the only standard output.
const tell = (line: string) => console.error(line);

const [command] = process.argv.slice(2);
try {
  if (command === 'stop') await stopOwnEngine();
  else if (command === 'start') {
    const { engine } = await findEngine();
    for (const [image, origin] of await provideBaseImages(engine, tell)) tell(`${image}: ${origin}`);
    await provideCompose(engine, tell);
    if (engine.own) console.log(exports());
  } else {
    console.error('usage: main.ts start | stop');
    process.exitCode = 2;
  }
} catch (error) {
  if (!(error instanceof NoEngineError)) throw error;
  console.error(error.message);
  process.exitCode = 77;
}
