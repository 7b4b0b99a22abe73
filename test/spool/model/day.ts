import { Random } from '../../openlineage/random.ts';
import { passTime } from '../simulation/clock.ts';
import { runScenario } from './scenario.ts';
import { SpoolWorld } from './spool-world.ts';

/** Lines of the story that an error message shows. */
const TOLD = 40;

/** Runs the random day of a seed. Rejects with an error that explains the failure. */
export async function runDay(seed: number): Promise<void> {
  const random = new Random(seed);
  const segmentBytes = random.of([200, 1000, 5000, 60_000]);
  const maxBytes = random.of([Infinity, 10 * segmentBytes, 3 * segmentBytes]);
  const world = new SpoolWorld({ random, segmentBytes, maxBytes });
  try {
    await runScenario(world, random, segmentBytes, passTime);
  } catch (error) {
    const story = world.story.slice(-TOLD).join('\n');
    const trace = world.disk.operations.trace.slice(-TOLD).join('\n');
    const how = `SPOOL_SEED=${seed} node --test test/spool/model/model.test.ts`;
    throw new Error(`${String(error)}\n\nRepeat with ${how}\n\n${story}\n\nThe disk:\n${trace}`, {
      cause: error,
    });
  }
}
