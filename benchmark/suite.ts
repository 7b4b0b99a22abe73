/** Runs the cells. For each load all contenders take turns, round by round, so that all meet the same conditions. */
import type { Broker } from '../tools/kafka/broker.ts';
import type { Bodies } from './bodies.ts';
import { contendersOf, type Group, type Shape } from './cells.ts';
import { contenders, type ContenderName, type Running } from './contenders.ts';
import { holdIdle } from './idle-connections.ts';
import { measureLoad, type Load } from './load.ts';
import { availableMb } from './process-tree.ts';
import type { CellMeasure, CellResult } from './results.ts';
import { writePosts } from './wrk-script.ts';

export interface Pace {
  /** Seconds of each round. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Seconds of load before the first round: for a new program, and for one that has run other loads. */
export const WARM_UP_S = { started: 2, known: 1 };

/** A program takes about 250 MB. With less memory than this, the machine would swap and distort the results. */
const LEAST_AVAILABLE_MB = 1500;

/** Measures a group. Its programs run until its end. */
export async function measureGroup(group: Group, broker: Broker, pace: Pace): Promise<CellResult[]> {
  const running = new Map<ContenderName, Running>();
  const results: CellResult[] = [];
  try {
    for (const shape of group.shapes) {
      const known = new Set(running.keys());
      for (const name of contendersOf(shape)) {
        if (!known.has(name)) running.set(name, await start(name, broker));
      }
      results.push(...(await measureShape(group, shape, running, known, pace)));
    }
  } finally {
    for (const one of running.values()) await one.stop();
  }
  return results;
}

async function start(name: ContenderName, broker: Broker): Promise<Running> {
  const available = availableMb();
  if (available < LEAST_AVAILABLE_MB) throw new Error(`only ${available.toFixed(0)} MB of memory are left`);
  return contenders[name].start(broker);
}

/** A running contender. */
interface Bearer {
  readonly name: ContenderName;
  readonly program: Running;
  readonly url: string;
  /** The load for a number of seconds. */
  readonly load: (seconds: number) => Load;
}

async function measureShape(
  group: Group,
  shape: Shape,
  running: ReadonlyMap<ContenderName, Running>,
  known: ReadonlySet<ContenderName>,
  pace: Pace,
): Promise<CellResult[]> {
  const posted = shape.bodies();
  const bearers = bearersOf(shape, posted, running);
  for (const bearer of bearers) {
    await expectTaken(bearer.url, posted, bearer.name);
    await measureLoad(bearer.load(known.has(bearer.name) ? WARM_UP_S.known : WARM_UP_S.started));
    await bearer.program.settled();
  }
  const release = await holdIdleTo(bearers, shape);
  const measures = await measureRounds(`${group.name}, ${shape.name}`, bearers, pace);
  await release();
  return bearers.map(({ name }) => ({
    group: group.name,
    shape: shape.name,
    connections: shape.connections,
    eventBytes: posted.eventBytes,
    contender: name,
    expected: shape.expected[name] ?? null,
    rounds: measures.get(name) ?? [],
  }));
}

function bearersOf(
  shape: Shape,
  { bodies, headers, eventsEach }: Bodies,
  running: ReadonlyMap<ContenderName, Running>,
): Bearer[] {
  const script = writePosts(bodies, headers);
  const { connections, path } = shape;
  return contendersOf(shape).flatMap((name) => {
    const program = running.get(name);
    if (!program) return [];
    const url = program.url + path;
    const { pid } = program;
    const load = (seconds: number) => ({ url, pid, script, connections, seconds, eventsEach });
    return [{ name, program, url, load }];
  });
}

async function measureRounds(
  what: string,
  bearers: readonly Bearer[],
  { seconds, rounds }: Pace,
): Promise<Map<ContenderName, CellMeasure[]>> {
  const measures = new Map<ContenderName, CellMeasure[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const { name, program, load } of bearers) {
      const before = await program.spooled();
      const measure = await measureLoad(load(seconds));
      const spooled = (await program.spooled()) - before;
      await program.settled();
      measures.set(name, [...(measures.get(name) ?? []), { ...measure, spooled }]);
      const { cpuMicros, perSecond } = measure;
      const numbers = `${cpuMicros.toFixed(1)} µs, ${perSecond.toFixed(0)}/s`;
      console.log(`${what}, ${load(seconds).connections} connections, round ${round}: ${name}: ${numbers}`);
    }
  }
  return measures;
}

/** Posts the first body once. A refused or partly refused body would make a contender look cheap. */
async function expectTaken(url: string, { bodies: [body], headers }: Bodies, name: string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, connection: 'close' },
    body: new Uint8Array(body ?? []),
  });
  const text = await response.text();
  if (!response.ok || text.includes('partial_success')) {
    throw new Error(`${name} does not take what is posted: ${response.status} ${text}`);
  }
}

/** Opens the idle connections of a shape. The returned function closes them, and fails when one was lost. */
async function holdIdleTo(bearers: readonly Bearer[], { idle }: Shape): Promise<() => Promise<void>> {
  const holders = idle === 0 ? [] : await Promise.all(bearers.map(({ url }) => holdIdle(url, idle)));
  return async () => {
    const lost = holders.some((holder) => !holder.running);
    for (const holder of holders) await holder.stop();
    if (lost) throw new Error('idle connections were lost while the others were measured');
  };
}
