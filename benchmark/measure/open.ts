/** Measures latencies at fixed rates: shares of the highest rate of http2kafka with the same sender. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Value } from 'typebox/value';
import type { ContenderName } from '../contenders/names.ts';
import { Outcome, type Plan } from '../loads/open-loop/plan.ts';
import { OPEN_CONTENDERS, SHARES } from '../loads/shapes.ts';
import { median, type OpenMeasure, type OpenResult } from '../report/results.ts';
import { cpuSeconds } from './process-tree.ts';
import type { Field, Pace } from './suite.ts';

const CONNECTIONS = 256;

/** Seconds of a load that do not count. */
const WARM_UP_S = 1;

/** Seconds of the search for the highest rate. */
const SEARCH_S = 2;

const sender = join(import.meta.dirname, '..', 'loads', 'open-loop', 'sender.ts');

/** Every share of the highest rate, in rounds in which the contenders take turns. */
export async function measureOpen(field: Field, { seconds, rounds }: Pace): Promise<OpenResult[]> {
  const ours = field.get('none');
  if (!ours) return [];
  const searched: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    searched.push((await send(planOf(ours, 0, SEARCH_S))).perSecond);
  }
  const highest = median(searched);
  console.log(`open: the highest rate is ${highest.toFixed(0)}/s`);
  const results: OpenResult[] = [];
  for (const share of SHARES) {
    const rate = Math.round(highest * share);
    const measures = new Map<ContenderName, OpenMeasure[]>();
    for (let round = 1; round <= rounds; round++) {
      for (const name of round % 2 === 1 ? OPEN_CONTENDERS : OPEN_CONTENDERS.toReversed()) {
        const program = field.get(name);
        if (!program) continue;
        const measure = await measureRate(program, planOf(program, rate, seconds));
        await program.settled();
        measures.set(name, [...(measures.get(name) ?? []), measure]);
        const { p50Ms, p99Ms, p999Ms, cpuMicros } = measure;
        const times = [p50Ms, p99Ms, p999Ms].map((time) => time.toFixed(1)).join(', ');
        console.log(`open, ${rate}/s, round ${round}: ${name}: ${times} ms, ${cpuMicros.toFixed(1)} µs`);
      }
    }
    for (const [contender, all] of measures) results.push({ contender, share, rate, rounds: all });
  }
  return results;
}

interface Target {
  readonly url: string;
  readonly pid: number;
  readonly path: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

function planOf({ url, path, headers }: Target, rate: number, seconds: number): Plan {
  return {
    url: url + (path ?? '/api/v1/lineage'),
    headers: { ...headers },
    rate,
    warmUp: WARM_UP_S,
    seconds,
    connections: CONNECTIONS,
  };
}

async function measureRate({ pid }: Target, plan: Plan): Promise<OpenMeasure> {
  const before = cpuSeconds(pid);
  const outcome = await send(plan);
  // The CPU time contains the time that does not count in the latencies.
  const events = outcome.perSecond * (plan.seconds + plan.warmUp);
  return { ...outcome, cpuMicros: ((cpuSeconds(pid) - before) * 1e6) / events };
}

async function send(plan: Plan): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [sender, JSON.stringify(plan)]);
  return Value.Parse(Outcome, JSON.parse(stdout));
}
