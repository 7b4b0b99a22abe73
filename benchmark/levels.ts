/**
 * Measures what the check of one event costs at each level, in microseconds, on the events of examples/. A part of
 * `make bench`, ten seconds. Writes the table to docs/levels.md.
 *
 *     node benchmark/levels.ts
 *
 * Each level is measured in a process of its own, as a proxy has one level: the compiler makes other code of a mixture.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { checkEvent } from '../src/openlineage/check.ts';
import { checkLevels } from '../src/openlineage/levels/level.ts';
import { Foresight } from '../src/pipeline/foresight.ts';
import { Turns } from '../src/support/turns.ts';
import { mixBodies } from './loads/bodies.ts';
import { table } from './report/markdown.ts';

const WARM_UP = 300;
const ROUNDS = 400;
/** Larger ones are read in turns by a proxy. */
const MAX_BYTES = 16 * 1024;
/** What is measured beside the levels: what the proxy counts at level `core`, when it examines an event. */
const COUNTING = 'counting';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs', 'levels.md');
const PLACE = /(<!-- costs -->\n).*?(<!-- end of costs -->)/s;

const bodies = mixBodies(join(root, 'examples')).filter(({ length }) => length <= MAX_BYTES);

const [subject] = process.argv.slice(2);
if (subject === undefined) await writeTable();
else console.log(microsecondsOf(subject));

async function writeTable(): Promise<void> {
  const micros = (name: string) =>
    Number(spawnSync(process.execPath, [import.meta.filename, name], { encoding: 'utf8' }).stdout);
  const costs = checkLevels.map((name) => ({ name, us: micros(name) }));
  const core = costs.find(({ name }) => name === 'core')?.us ?? Number.NaN;
  const rows = costs.map(({ name, us }) => [`\`${name}\``, `${digits(us)} µs`, digits(us / core)]);
  const bytes = bodies.reduce((sum, { length }) => sum + length, 0) / bodies.length;
  const day = new Date().toISOString().slice(0, 10);
  const text = `On the ${bodies.length} events of \`examples/\` up to ${MAX_BYTES / 1024} KB, ${digits(bytes / 1000)} KB on average
(\`make bench\`, ${day}):

${table(['check', 'a valid event', '× `core`'], rows)}

What the proxy counts for all other levels costs ${digits(micros(COUNTING))} µs for an event that it examines.`;
  console.log(text);
  const before = readFileSync(page, 'utf8');
  if (!PLACE.test(before)) throw new Error(`${page} has no place for the table`);
  const whole = before.replace(PLACE, (_, from: string, to: string) => `${from}\n${text}\n\n${to}`);
  const options = { ...(await resolveConfig(page)), parser: 'markdown' };
  writeFileSync(page, await format(whole, options));
}

/** Two digits that count. */
function digits(value: number): string {
  return String(Number(value.toPrecision(2)));
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
