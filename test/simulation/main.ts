/**
 * `make simulate`: simulated days on all cores, for `SECONDS`, or one day again.
 *
 *     node test/simulation/main.ts [--seconds 60] [--from N] [--with KIND] [--jobs N]
 *     node test/simulation/main.ts --seed N [--faults kill,reset-2] [--senders sender-1] [--event sender-1-7-0]
 *
 * `--with` leaves out the days that have no fault of this kind. `--jobs` is the number of processes: as many as cores by
 * default. `--event` also tells the way of one event. Exits with 1 if a day failed. A failing day is shrunk and printed with its trace in words.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runDay, type DayResult } from './day.ts';
import { planOf } from './plan.ts';
import { everything, selected, shrink, type Selection } from './shrink.ts';

/** Failing days that are shrunk and printed. More of them seldom have another cause. */
const MAX_PRINTED = 3;

/** Seeds of two processes are this far apart: no day runs twice. */
const STRIDE = 10_000_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    from: { type: 'string' },
    days: { type: 'string', default: 'Infinity' },
    seed: { type: 'string' },
    with: { type: 'string' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    faults: { type: 'string' },
    senders: { type: 'string' },
    event: { type: 'string' },
    alone: { type: 'boolean', default: false },
    'until-failure': { type: 'boolean', default: false },
  },
});

if (values.seed !== undefined) await repeat(Number(values.seed));
else if (values.alone) await runDays(Number(values.from));
else await runInProcesses();

async function repeat(seed: number): Promise<void> {
  const plan = planOf(seed);
  const whole = everything(plan);
  const selection = {
    faults: values.faults === undefined ? whole.faults : namesOf(values.faults),
    senders: values.senders === undefined ? whole.senders : namesOf(values.senders),
  };
  const result = await runDay(selected(plan, selection), values.event);
  print(result, selection);
  process.exitCode = result.violations.length > 0 ? 1 : 0;
}

function namesOf(list: string): string[] {
  return list.split(',').filter(Boolean);
}

async function runDays(from: number): Promise<void> {
  const until = performance.now() + Number(values.seconds) * 1000;
  let [days, posts, failures] = [0, 0, 0];
  for (let seed = from; seed < from + Number(values.days) && performance.now() < until; seed++) {
    const plan = planOf(seed);
    if (values.with !== undefined && !plan.faults.some(({ kind }) => kind === values.with)) continue;
    const result = await runDay(plan);
    days += 1;
    posts += result.posts;
    if (result.violations.length === 0) continue;
    failures += 1;
    if (values['until-failure']) {
      console.log(`first failure after ${seed - from + 1} days: ${result.violations[0] ?? ''}`);
      break;
    }
    if (failures > MAX_PRINTED) {
      console.log(`seed ${seed}: ${result.violations[0] ?? ''}`);
      continue;
    }
    const [selection, small] = await shrink(plan, result);
    print(small, selection);
  }
  console.log(`${days} days, ${posts} posts, ${failures} days failed, from seed ${from}`);
  process.exitCode = failures > 0 ? 1 : 0;
}

async function runInProcesses(): Promise<void> {
  const from = Number(values.from ?? Math.floor(Math.random() * 2 ** 30));
  const ends = Array.from({ length: Number(values.jobs) }, (_, core) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const share = ['--alone', '--from', `${from + core * STRIDE}`, '--seconds', values.seconds];
    if (values.with !== undefined) share.push('--with', values.with);
    fork(import.meta.filename, [...share, '--days', values.days]).once('exit', (code) => resolve(code ?? 1));
    return promise;
  });
  process.exitCode = Math.max(...(await Promise.all(ends)));
}

function print({ plan, violations, trace, posts }: DayResult, { faults, senders }: Selection): void {
  const which = `--seed ${plan.seed} --faults ${faults.join() || "''"} --senders ${senders.join()}`;
  console.log(`\nnode test/simulation/main.ts ${which}`);
  const { settings, cluster } = plan;
  console.log(`settings ${JSON.stringify(settings)}\ncluster ${JSON.stringify(cluster)}`);
  for (const sender of plan.senders) console.log(`sender ${JSON.stringify(sender)}`);
  console.log(trace.join('\n'));
  console.log(`${posts} posts, ${violations.length} violations: ${violations.slice(0, 5).join('\n  ')}`);
}
