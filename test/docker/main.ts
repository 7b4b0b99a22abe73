/**
 * `make docker-test`: tries the images in a container engine.
 *
 *     node test/docker/main.ts [--only NAME,…]
 *
 * Exits with 1 when a line failed, and with 77 where there is no engine, with one sentence.
 */
import { parseArgs } from 'node:util';
import { provideBaseImages } from '../../tools/docker/base-images.ts';
import { provideCompose } from '../../tools/docker/compose-plugin.ts';
import { findEngine, NoEngineError, stopOwnEngine } from '../../tools/docker/engine.ts';
import { buildImages } from '../../tools/docker/image.ts';
import { ComposeProject } from './compose-project.ts';
import { runLine } from './line.ts';
import { lines } from './lines/all.ts';

const NO_ENGINE = 77;

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const only = values.only?.split(',');
const unknown = only?.filter((name) => !lines.some((line) => line.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `There is no line ${unknown.join(', ')}; there are ${lines.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof NoEngineError)) throw error;
  console.error(`docker-test: ${error.message}`);
  process.exitCode = NO_ENGINE;
}

async function run(): Promise<number> {
  const { engine, started } = await findEngine();
  try {
    for (const [image, origin] of await provideBaseImages(engine, console.log))
      console.log(`${image}: ${origin}`);
    await provideCompose(engine, console.log);
    const images = await buildImages(engine, console.log);
    const compose = await ComposeProject.make(engine);
    let failed = 0;
    let passed = 0;
    try {
      await compose.down(true);
      await compose.up('broker');
      for (const line of lines.filter(({ name }) => only?.includes(name) ?? true)) {
        console.log(`${line.name}: ${line.what}`);
        const { notes, skipped, failure, seconds } = await runLine(line, { engine, images, compose });
        for (const note of notes) console.log(`  ${note}`);
        if (failure !== undefined) console.log(`  FAILED: ${failure}`);
        else console.log(skipped === undefined ? `  ok, ${seconds.toFixed(0)} s` : `  skipped: ${skipped}`);
        if (failure !== undefined) failed += 1;
        else if (skipped === undefined) passed += 1;
      }
    } finally {
      await compose.down(true);
    }
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    if (started) await stopOwnEngine();
  }
}
