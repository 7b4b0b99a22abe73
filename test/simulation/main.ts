/**
 * Simulated days on all cores, for so many seconds, or one day again.
 *
 *     node test/simulation/main.ts [--seconds 60] [--seed N] [--trace]
 */
import { parseArgs } from 'node:util';
import { runDay } from './day.ts';
import { planOf } from './plan.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    from: { type: 'string' },
    days: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from ?? Math.floor(Math.random() * 2 ** 31));
const until = performance.now() + Number(values.seconds) * 1000;
const days = values.seed === undefined ? Number(values.days ?? Infinity) : 1;
let count = 0;
let posts = 0;
let failures = 0;
for (let seed = first; count < days && performance.now() < until; seed++) {
  const result = await runDay(planOf(seed));
  count += 1;
  posts += result.posts;
  if (values.trace) console.log(result.trace.join('\n'));
  if (result.violations.length > 0) {
    failures += 1;
    console.log(`seed ${seed}: ${result.violations.slice(0, 5).join('\n    ')}`);
  }
}
console.log(`${count} days, ${posts} posts, ${failures} failed, from seed ${first}`);
process.exitCode = failures > 0 ? 1 : 0;
