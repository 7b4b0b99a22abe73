/** Runs the cells. For each load all contenders take turns, round by round, so that all meet the same conditions. */
import type { Broker } from '../../tools/kafka/broker.ts';
import type { ContenderName } from '../contenders/names.ts';
import { post } from '../contenders/program.ts';
import type { Running } from '../contenders/running.ts';
import type { Bodies } from '../loads/bodies.ts';
import { holdIdle } from '../loads/idle-connections.ts';
import { measureLoad, type Load } from '../loads/load.ts';
import type { Group, Shape } from '../loads/shapes.ts';
import { writePosts } from '../loads/wrk-script.ts';
import type { CellMeasure, CellResult } from '../report/results.ts';

/** The contenders that run, in the order of the table. */
export type Field = ReadonlyMap<ContenderName, Running>;

export interface Pace {
  /** Seconds of each round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Seconds of load before anything is measured, for each contender and for the broker. */
  readonly warmUp: number;
}

/** Seconds of load before the first round of a shape, at least: the programs are warm, but have met another load. */
export const SHAPE_WARM_UP_S = 2;
/** Seconds of it at most. */
const MAX_SHAPE_WARM_UP_S = 15;
/** A second of load that brings more events than the one before it by this factor shows that something is not warm yet. */
const STILL_WARMING = 1.25;

/** Measures a group. */
export async function measureGroup(
  group: Group,
  field: Field,
  broker: Broker,
  pace: Pace,
): Promise<CellResult[]> {
  const results: CellResult[] = [];
  for (const shape of group.shapes) results.push(...(await measureShape(group, shape, field, broker, pace)));
  return results;
}

/** A contender under a load. */
export interface Bearer {
  readonly name: ContenderName;
  readonly program: Running;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The load for a number of seconds. */
  readonly load: (seconds: number) => Load;
}

async function measureShape(
  group: Group,
  shape: Shape,
  field: Field,
  broker: Broker,
  pace: Pace,
): Promise<CellResult[]> {
  const posted = shape.bodies();
  const bearers = bearersOf(shape, posted, field, broker);
  for (const bearer of bearers) {
    await expectTaken(bearer, posted);
    await warmTo(bearer);
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
    atMost: shape.atMost[name === 'against' ? 'none' : name] ?? null,
    rounds: measures.get(name) ?? [],
  }));
}

/** The contenders of a shape that run. */
export function bearersOf(
  shape: Shape,
  { bodies, headers, eventsEach }: Bodies,
  field: Field,
  broker: Broker,
): Bearer[] {
  const { connections, pauseMs } = shape;
  const scripts = new Map<string, string>();
  return shape.contenders.flatMap((name) => {
    const program = field.get(name);
    if (!program) return [];
    const all = { ...headers, ...program.headers };
    const key = JSON.stringify(all);
    const script = scripts.get(key) ?? writePosts(bodies, all, pauseMs);
    scripts.set(key, script);
    const url = program.url + (program.path ?? shape.path);
    const { pid, written, quiet } = program;
    const brokerPid = broker.pid;
    const load = (seconds: number): Load => {
      return { url, pid, script, connections, seconds, eventsEach, brokerPid, written, quiet };
    };
    return [{ name, program, url, headers: all, load }];
  });
}

/**
 * Until the rate grows no more. A broker takes long for the first record of a partition: with 50 topics 48 events a second
 * at first, and 5,600 when all 150 partitions have one.
 */
async function warmTo({ program, load }: Bearer): Promise<void> {
  let before = 0;
  for (let seconds = 1; seconds <= MAX_SHAPE_WARM_UP_S; seconds++) {
    const { perSecond } = await measureLoad(load(1));
    await program.settled();
    if (seconds >= SHAPE_WARM_UP_S && perSecond < before * STILL_WARMING) return;
    before = perSecond;
  }
}

async function measureRounds(
  what: string,
  bearers: readonly Bearer[],
  { seconds, rounds }: Pace,
): Promise<Map<ContenderName, CellMeasure[]>> {
  const measures = new Map<ContenderName, CellMeasure[]>();
  for (let round = 1; round <= rounds; round++) {
    // Every other round goes backwards: what drifts during a round favours no contender.
    for (const { name, program, load } of round % 2 === 1 ? bearers : bearers.toReversed()) {
      const before = await program.spooled();
      const measure = await measureLoad(load(seconds));
      const spooled = (await program.spooled()) - before;
      await program.settled();
      measures.set(name, [...(measures.get(name) ?? []), { ...measure, spooled }]);
      const { cpuMicros, perSecond, failed } = measure;
      const numbers = `${cpuMicros.toFixed(1)} µs, ${perSecond.toFixed(0)}/s${failed > 0 ? `, ${failed} failed` : ''}`;
      console.log(`${what}, ${load(seconds).connections} connections, round ${round}: ${name}: ${numbers}`);
    }
  }
  return measures;
}

/** Posts the first body once. A refused or partly refused body would make a contender look cheap. */
async function expectTaken({ url, headers, name }: Bearer, { bodies: [body] }: Bodies): Promise<void> {
  const { status, text } = await post(url, new Uint8Array(body ?? []), headers);
  if (status < 200 || status > 299 || text.includes('partial_success')) {
    throw new Error(`${name} does not take what is posted: ${status} ${text}`);
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
