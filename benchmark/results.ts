/** The results of a run, and their summaries. */
import type { ContenderName } from './contenders.ts';
import type { GroupName } from './cells.ts';
import type { Measure } from './load.ts';

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
  /** The expected ratio to the yardstick. Undefined for the yardstick itself. */
  readonly expected: number | null;
  readonly rounds: readonly CellMeasure[];
}

/** One start of a program. */
export interface StartMeasure {
  /** Milliseconds from the start of its process to its first 2xx. */
  readonly firstAnswerMs: number;
  /** The status of that answer. */
  readonly status: number;
  /** Memory at that time. */
  readonly residentMb: number;
}

export interface StartResult {
  readonly label: string;
  readonly rounds: readonly StartMeasure[];
}

export interface Results {
  readonly about: About;
  readonly cells: readonly CellResult[];
  readonly starts: readonly StartResult[];
}

/** The medians of a cell's rounds, and their relation to the yardstick under the same load. */
export interface Summary extends CellMeasure {
  readonly cell: CellResult;
  /** CPU time per event, relative to the yardstick. */
  readonly ratio: number;
  /** p99 minus the yardstick's p99, in ms. */
  readonly p99OverMs: number;
  /** CPU time, in µs for each 1000 bytes of an event. */
  readonly microsPerKb: number;
}

/** A summary for each cell of a group, in the order of measuring. */
export function summaries({ cells }: Results, group: GroupName): Summary[] {
  const own = cells.filter((cell) => cell.group === group);
  return own.map((cell) => {
    const yardstick = own.find(
      ({ contender, shape, connections }) =>
        contender === 'bare' && shape === cell.shape && connections === cell.connections,
    );
    return summaryOf(cell, yardstick ?? cell);
  });
}

function summaryOf(cell: CellResult, yardstick: CellResult): Summary {
  const of = (pick: (measure: CellMeasure) => number) => median(cell.rounds.map(pick));
  const bare = (pick: (measure: CellMeasure) => number) => median(yardstick.rounds.map(pick));
  const cpuMicros = of((one) => one.cpuMicros);
  const p99Ms = of((one) => one.p99Ms);
  return {
    cell,
    cpuMicros,
    perSecond: of((one) => one.perSecond),
    p50Ms: of((one) => one.p50Ms),
    p99Ms,
    p999Ms: of((one) => one.p999Ms),
    residentMb: of((one) => one.residentMb),
    // The worst round, not the median: one failure is too many.
    failed: Math.max(...cell.rounds.map((one) => one.failed)),
    spooled: Math.max(...cell.rounds.map((one) => one.spooled)),
    ratio: cpuMicros / bare((one) => one.cpuMicros),
    p99OverMs: p99Ms - bare((one) => one.p99Ms),
    microsPerKb: cpuMicros / (cell.eventBytes / 1000),
  };
}

/** The middle value. Of an even number of values, the upper middle one. */
export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
