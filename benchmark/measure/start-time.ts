/** Measures the time from the start of a program to its first event. */
import type { Broker } from '../../tools/kafka/broker.ts';
import type { Contender } from '../contenders/contenders.ts';
import type { ContenderName } from '../contenders/names.ts';
import { startContender } from '../contenders/running.ts';
import { STARTS } from '../loads/shapes.ts';
import type { StartMeasure, StartResult } from '../report/results.ts';
import { residentMb } from './process-tree.ts';

const STARTED = ['bare', 'floor', 'none'] as const satisfies readonly ContenderName[];

/** Starts the bare server, the floor and the built program, in turn, five times. */
export async function measureStarts(
  contenders: Readonly<Record<ContenderName, Contender>>,
  broker: Broker,
): Promise<StartResult[]> {
  const starts = new Map<ContenderName, StartMeasure[]>(STARTED.map((name) => [name, []]));
  for (let count = 0; count < STARTS; count++) {
    for (const name of STARTED) {
      const one = await startContender(contenders[name], broker);
      if (!one) continue;
      starts.get(name)?.push({ firstAnswerMs: one.firstAnswerMs, residentMb: residentMb(one.pid) });
      await one.stop();
    }
  }
  return [...starts].map(([name, rounds]) => ({ label: contenders[name].label, rounds }));
}
