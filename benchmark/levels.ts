/**
 * Measures what the check of one event costs at each level, in microseconds, on the events of examples/.
 *
 *     node benchmark/levels.ts
 *
 * Each level is measured in a process of its own, as a proxy has one level: the compiler makes other code of a mixture.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkEvent } from '../src/openlineage/check.ts';
import { checkLevels } from '../src/openlineage/levels/level.ts';
import { Foresight } from '../src/pipeline/foresight.ts';
import { Turns } from '../src/support/turns.ts';
import { mixBodies } from './loads/bodies.ts';

const WARM_UP = 300;
const ROUNDS = 400;
/** Larger ones are read in turns by a proxy. */
const MAX_BYTES = 16 * 1024;
/** What is measured beside the levels: what the proxy counts at level `core`, when it examines an event. */
const COUNTING = 'counting at core';

const bodies = mixBodies(join(import.meta.dirname, '..', 'examples')).filter(
  ({ length }) => length <= MAX_BYTES,
);

const [subject] = process.argv.slice(2);
if (subject === undefined) printTable();
else console.log(microsecondsOf(subject));

function printTable(): void {
  const costs = [...checkLevels, COUNTING].map((name) => {
    const { stdout } = spawnSync(process.execPath, [import.meta.filename, name], { encoding: 'utf8' });
    return { name, us: Number(stdout) };
  });
  const core = costs.find(({ name }) => name === 'core')?.us ?? Number.NaN;
  const bytes = Math.round(bodies.reduce((sum, { length }) => sum + length, 0) / bodies.length);
  console.log(`${bodies.length} events of ${bytes} bytes on average`);
  for (const { name, us } of costs) {
    console.log(`${name.padEnd(20)} ${us.toFixed(1).padStart(7)} µs  ${(us / core).toFixed(1)} × core`);
  }
}

/** The shortest round decides: all others were disturbed. */
function microsecondsOf(name: string): number {
  const check = checkOf(name);
  const round = () => {
    const startedAt = performance.now();
    for (const body of bodies) check(body);
    return ((performance.now() - startedAt) * 1000) / bodies.length;
  };
  for (let count = 0; count < WARM_UP; count++) round();
  return Math.min(...Array.from({ length: ROUNDS }, round));
}

function checkOf(name: string): (body: Buffer) => unknown {
  if (name === COUNTING) {
    const settings = { checkLevel: 'core', consumers: [] } as const;
    const foresight = new Foresight(settings, new Turns({ setImmediate }), { now: () => 0 });
    return (body) => foresight.examine(body);
  }
  const level = checkLevels.find((one) => one === name) ?? 'core';
  return (body) => checkEvent(body, level);
}
