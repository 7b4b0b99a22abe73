// Results as a run gives them, without a run.
import { contendersOf, groups } from '../../benchmark/cells.ts';
import type { CellMeasure, CellResult, Results } from '../../benchmark/results.ts';

/** CPU time of the yardstick, in µs an event. */
export const BARE_MICROS = 50;

/** In the middle one of three rounds every contender gets exactly its expected ratio. */
export function cannedResults(): Results {
  const cells = groups.flatMap((group) =>
    group.shapes.flatMap((shape) =>
      contendersOf(shape).map((contender): CellResult => {
        const ratio = shape.expected[contender];
        return {
          group: group.name,
          shape: shape.name,
          connections: shape.connections,
          eventBytes: Number.parseFloat(shape.name) * (shape.name.endsWith('MB') ? 1e6 : 1000) || 7000,
          contender,
          expected: ratio ?? null,
          rounds: [0.5, 1, 3].map((factor) => measureOf((ratio ?? 1) * factor)),
        };
      }),
    ),
  );
  const start = { firstAnswerMs: 400, status: 201, residentMb: 120 };
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
    },
    cells,
    starts: [{ label: 'http2kafka', rounds: [start, { ...start, firstAnswerMs: 410 }, start] }],
  };
}

function measureOf(ratio: number): CellMeasure {
  return {
    cpuMicros: BARE_MICROS * ratio,
    perSecond: 10_000 / ratio,
    p50Ms: 10 * ratio,
    p99Ms: 20 * ratio,
    p999Ms: 30 * ratio,
    residentMb: 100 * ratio,
    failed: 0,
    spooled: 0,
  };
}
