/** The results of a run, and their summaries. */
import type { ContenderName } from '../contenders/names.ts';
import type { GroupName } from '../loads/shapes.ts';
import type { Measure } from '../loads/load.ts';
import type { Outcome } from '../loads/open-loop/plan.ts';

/** The conditions of a run, for comparing runs. */
export interface About {
  readonly commit: string;
  readonly command: string;
  readonly date: string;
  readonly node: string;
  readonly kernel: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryMb: number;
  /** The results of one round of one cell. */
  readonly seconds: number;
  readonly rounds: number;
  /** Seconds of load for each contender before its first round. */
  readonly warmUp: number;
  /** How long the whole run took. */
  readonly minutes: number;
}

export interface CellMeasure extends Measure {
  /** Events that were answered when they were on disk, not in Kafka yet. Their cost differs from that of the straight way. */
  readonly spooled: number;
}

/** One contender under one load. */
export interface CellResult {
  readonly group: GroupName;
  readonly shape: string;
  readonly connections: number;
  /** Mean bytes of an event, decoded. */
  readonly eventBytes: number;
  readonly contender: ContenderName;
  /** The highest ratio to the yardstick that it should have, besides 1.15 times the floor. */
  readonly atMost: number | null;
  readonly rounds: readonly CellMeasure[];
}

/** The load of a part of the time of warming. */
export interface WindowMeasure {
  /** Seconds of load at the end of the window. */
  readonly untilS: number;
  /** User and system time of the program, and of the broker, in µs an event. */
  readonly cpuMicros: number;
  readonly brokerMicros: number;
  readonly perSecond: number;
}

/** A contender from its start until it is warm. */
export interface WarmUpResult {
  readonly contender: ContenderName;
  /** Memory after the first event, before any load. */
  readonly idleMb: number;
  readonly windows: readonly WindowMeasure[];
}

/** A load of a fixed rate. */
export interface OpenMeasure extends Outcome {
  /** User and system time of the program, in µs an event. */
  readonly cpuMicros: number;
}

/** A contender at a rate. */
export interface OpenResult {
  readonly contender: ContenderName;
  /** Of the highest rate of http2kafka. */
  readonly share: number;
  /** Events a second. */
  readonly rate: number;
  readonly rounds: readonly OpenMeasure[];
}

/** One start of a program. */
export interface StartMeasure {
  /** Milliseconds from the start of its process to its first 2xx. */
  readonly firstAnswerMs: number;
  /** Memory at that time. */
  readonly residentMb: number;
}

export interface StartResult {
  readonly label: string;
  readonly rounds: readonly StartMeasure[];
}

export interface Results {
  readonly about: About;
  /** The label of each contender. */
  readonly labels: Readonly<Partial<Record<ContenderName, string>>>;
  readonly warmUps: readonly WarmUpResult[];
  readonly cells: readonly CellResult[];
  readonly open: readonly OpenResult[];
  readonly starts: readonly StartResult[];
}

/** How much more than the floor is the goal. */
export const GOAL = 1.15;

/** The medians of a cell's rounds, and their relation to others under the same load. */
export interface Summary extends CellMeasure {
  readonly cell: CellResult;
  /** CPU time per event, relative to the bare server. */
  readonly ratio: number;
  /** CPU time per event, relative to the floor. NaN when there is none for the load. */
  readonly toFloor: number;
  /** The highest ratio to the bare server that is wanted. NaN when there is none. */
  readonly goal: number;
  /** p99 minus the bare server's p99, in ms. */
  readonly p99OverMs: number;
  /** CPU time, in µs for each 1000 bytes of an event. */
  readonly microsPerKb: number;
}

/** A summary for each cell of a group, in the order of the contenders. */
export function summaries({ cells }: Results, group: GroupName): Summary[] {
  const own = cells.filter((cell) => cell.group === group);
  return own.map((cell) => {
    const beside = (name: ContenderName) =>
      own.find(
        ({ contender, shape, connections }) =>
          contender === name && shape === cell.shape && connections === cell.connections,
      );
    return summaryOf(cell, beside('bare'), beside('floor'));
  });
}

function summaryOf(cell: CellResult, bare: CellResult | undefined, floor: CellResult | undefined): Summary {
  const of = (pick: (measure: CellMeasure) => number) => median(cell.rounds.map(pick));
  const other = (one: CellResult | undefined, pick: (measure: CellMeasure) => number) =>
    one ? median(one.rounds.map(pick)) : Number.NaN;
  // The worst round, not the median: one failure is too many.
  const worst = (pick: (measure: CellMeasure) => number) => Math.max(...cell.rounds.map(pick));
  const cpuMicros = of((one) => one.cpuMicros);
  const bareMicros = other(bare, (one) => one.cpuMicros);
  const floorMicros = other(floor, (one) => one.cpuMicros);
  const p99Ms = of((one) => one.p99Ms);
  const wanted = [(GOAL * floorMicros) / bareMicros, cell.atMost ?? Number.NaN].filter(Number.isFinite);
  return {
    cell,
    cpuMicros,
    brokerMicros: of((one) => one.brokerMicros),
    perSecond: of((one) => one.perSecond),
    p50Ms: of((one) => one.p50Ms),
    p99Ms,
    p999Ms: of((one) => one.p999Ms),
    residentMb: of((one) => one.residentMb),
    failed: worst((one) => one.failed),
    missing: worst((one) => one.missing),
    spooled: worst((one) => one.spooled),
    ratio: cpuMicros / bareMicros,
    toFloor: cpuMicros / floorMicros,
    goal: wanted.length > 0 ? Math.min(...wanted) : Number.NaN,
    p99OverMs: p99Ms - other(bare, (one) => one.p99Ms),
    microsPerKb: cpuMicros / (cell.eventBytes / 1000),
  };
}

/** The middle value. Of an even number of values, the upper middle one. */
export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
