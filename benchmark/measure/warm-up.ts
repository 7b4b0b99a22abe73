/**
 * Starts the contenders, and warms each with the same load for the same time. The cost in windows of that time is the
 * contender's cold curve. Before that the broker is warmed, by the floor, so the curves do not contain its warm-up.
 */
import type { Broker } from '../../tools/kafka/broker.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from '../contenders/contenders.ts';
import type { ContenderName } from '../contenders/names.ts';
import { startContender, type Running } from '../contenders/running.ts';
import { measureLoad } from '../loads/load.ts';
import { warmUpShape } from '../loads/shapes.ts';
import type { WarmUpResult, WindowMeasure } from '../report/results.ts';
import { availableMb, residentMb } from './process-tree.ts';
import { bearersOf } from './suite.ts';

/** Seconds of a window. */
const WINDOW_S = 2;

/** Milliseconds of rest before the memory of an idle program is read. */
const REST_MS = 1000;

/** A program takes about 250 MB. With less memory than this, the machine would swap and distort the results. */
const LEAST_AVAILABLE_MB = 1500;

export interface WarmField {
  readonly running: ReadonlyMap<ContenderName, Running>;
  readonly warmUps: readonly WarmUpResult[];
  readonly stop: () => Promise<void>;
}

/** Starts and warms the named contenders that are installed. */
export async function warmField(
  names: readonly ContenderName[],
  contenders: Readonly<Record<ContenderName, Contender>>,
  broker: Broker,
  seconds: number,
): Promise<WarmField> {
  const running = new Map<ContenderName, Running>();
  const warmUps: WarmUpResult[] = [];
  const stop = async () => {
    for (const one of running.values()) await one.stop();
  };
  try {
    await warmBroker(contenders.floor, broker, seconds);
    for (const name of names) {
      const available = availableMb();
      if (available < LEAST_AVAILABLE_MB)
        throw new Error(`only ${available.toFixed(0)} MB of memory are left`);
      const one = await startContender(contenders[name], broker);
      if (!one) {
        console.log(`${name} is not installed, and is left out`);
        continue;
      }
      running.set(name, one);
      await sleep(REST_MS);
      const idleMb = residentMb(one.pid);
      const windows = await measureWindows(name, one, broker, seconds);
      const costs = windows.map(({ cpuMicros }) => cpuMicros.toFixed(0)).join(', ');
      console.log(`warm-up: ${name}: ${idleMb.toFixed(0)} MB idle; µs an event: ${costs}`);
      warmUps.push({ contender: name, idleMb, windows });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { running, warmUps, stop };
}

/** A program of its own warms the broker: the contender floor starts fresh. */
async function warmBroker(floor: Contender, broker: Broker, seconds: number): Promise<void> {
  const one = await startContender(floor, broker);
  if (!one) return;
  const windows = await measureWindows('floor', one, broker, seconds);
  console.log(
    `warm-up: the broker: µs an event: ${windows.map((each) => each.brokerMicros.toFixed(0)).join(', ')}`,
  );
  await one.stop();
}

async function measureWindows(
  name: ContenderName,
  one: Running,
  broker: Broker,
  seconds: number,
): Promise<WindowMeasure[]> {
  const shape = { ...warmUpShape, contenders: [name] };
  const [bearer] = bearersOf(shape, shape.bodies(), new Map([[name, one]]), broker);
  if (!bearer) return [];
  // A program that answers before Kafka has the event delivers it in a later window. Only the sum is of interest here.
  const unawaited = one.quiet ? { quiet: undefined, written: undefined } : {};
  const windows: WindowMeasure[] = [];
  for (let passed = 0; passed < seconds; passed += WINDOW_S) {
    const length = Math.min(WINDOW_S, seconds - passed);
    const { cpuMicros, brokerMicros, perSecond } = await measureLoad({
      ...bearer.load(length),
      ...unawaited,
    });
    windows.push({ untilS: passed + length, cpuMicros, brokerMicros, perSecond });
  }
  await one.quiet?.();
  await one.settled();
  return windows;
}
