// Results as a run gives them, without a run.
import { contenderNames } from '../../benchmark/contenders/names.ts';
import { groups } from '../../benchmark/loads/shapes.ts';
import type {
  CellMeasure,
  CellResult,
  OpenMeasure,
  Results,
  WarmUpResult,
} from '../../benchmark/report/results.ts';

/** CPU time of the yardstick, in µs an event. */
export const BARE_MICROS = 50;

/** The ratio to it of each contender in the middle one of three rounds. */
const RATIOS: Readonly<Record<string, number>> = { bare: 1, floor: 1.5, none: 1.8, lz4: 2, zstd: 2.6 };
const OTHER_RATIO = 3;

const LABELS: Readonly<Record<string, string>> = {
  none: 'http2kafka, compression none',
  lz4: 'http2kafka, compression lz4',
};

export function cannedResults(): Results {
  const cells = groups.flatMap((group) =>
    group.shapes.flatMap((shape, index) =>
      shape.contenders.map((contender): CellResult => ({
        group: group.name,
        shape: shape.name,
        connections: shape.connections,
        // Not of the shape's bodies, which take a second to make.
        eventBytes: 5000 * 4 ** index,
        contender,
        atMost: shape.atMost[contender] ?? null,
        rounds: [0.5, 1, 3].map((factor) => measureOf((RATIOS[contender] ?? OTHER_RATIO) * factor)),
      })),
    ),
  );
  const start = { firstAnswerMs: 400, residentMb: 120 };
  return {
    about: {
      commit: 'abc1234',
      command: 'node benchmark/main.ts',
      date: '2026-11-23T12:00:00.000Z',
      node: 'v26.0.0',
      kernel: '6.1.0',
      cores: 2,
      processor: 'a processor',
      memoryMb: 24_000,
      seconds: 4,
      rounds: 3,
      warmUp: 30,
      minutes: 18,
    },
    labels: Object.fromEntries(contenderNames.map((name) => [name, LABELS[name] ?? name])),
    warmUps: [warmUpOf('bare', 1), warmUpOf('none', 2)],
    cells,
    open: [{ contender: 'none', share: 0.5, rate: 5000, rounds: [0.5, 1, 3].map(openOf) }],
    starts: [{ label: 'http2kafka', rounds: [start, { ...start, firstAnswerMs: 410 }, start] }],
  };
}

/** A program that costs three times as much in the first ten seconds of thirty as in the others. */
function warmUpOf(contender: 'bare' | 'none', ratio: number): WarmUpResult {
  const windows = Array.from({ length: 15 }, (_, index) => ({
    untilS: 2 * (index + 1),
    cpuMicros: BARE_MICROS * ratio * (index < 5 ? 3 : 1),
    brokerMicros: 40,
    perSecond: 5000,
  }));
  return { contender, idleMb: 75, windows };
}

function openOf(ms: number): OpenMeasure {
  const latencies = { p50Ms: ms, p99Ms: 2 * ms, p999Ms: 3 * ms, lateMs: 1.1 };
  return {
    ...latencies,
    cpuMicros: 90,
    taken: 100,
    refused: 0,
    broken: 0,
    perSecond: 5000,
    connections: 256,
  };
}

function measureOf(ratio: number): CellMeasure {
  return {
    cpuMicros: BARE_MICROS * ratio,
    brokerMicros: 40,
    perSecond: 10_000 / ratio,
    p50Ms: 10 * ratio,
    p99Ms: 20 * ratio,
    p999Ms: 30 * ratio,
    residentMb: 100 * ratio,
    failed: 0,
    missing: 0,
    spooled: 0,
  };
}
