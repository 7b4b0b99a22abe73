/** What the version should reach, and whether it does. */
import type { ContenderName } from '../contenders/names.ts';
import { groups, type GroupName } from '../loads/shapes.ts';
import { COLD_S, coldAndWarm } from './cold.ts';
import { number, table } from './markdown.ts';
import { summaries, type Results, type Summary } from './results.ts';

/** Bare, floor and http2kafka side by side, for each load that has all three. */
export function limitOf(results: Results): string[] {
  const rows = groups.flatMap(({ name }) => {
    const all = summaries(results, name);
    return all
      .filter(({ cell }) => cell.contender === 'none')
      .flatMap((ours) => {
        const beside = (contender: string) =>
          all.find(
            ({ cell }) =>
              cell.contender === contender &&
              cell.shape === ours.cell.shape &&
              cell.connections === ours.cell.connections,
          );
        const bare = beside('bare');
        const floor = beside('floor');
        if (!bare || !floor) return [];
        const load = `${ours.cell.shape}, ${ours.cell.connections} connections`;
        const isReached = ours.ratio <= ours.goal ? 'yes' : `no, ${number(ours.ratio / ours.goal, 2)} times`;
        const ratios = [floor.ratio, ours.ratio, ours.toFloor, ours.goal].map((ratio) => number(ratio, 2));
        return [[load, costOf(bare), costOf(floor), costOf(ours), ...ratios, isReached]];
      });
  });
  if (rows.length === 0) return [];
  const heads = ['load', 'bare µs', 'floor µs', 'http2kafka µs', 'floor/bare', 'ours/bare', 'ours/floor'];
  return [`## How close to the floor\n\n${table([...heads, 'goal', 'reached'], rows)}`];
}

/** The text of a cost, with what makes it doubtful. */
export function costOf(row: Summary): string {
  const doubts = [
    ...(row.failed > 0 ? [`${number(row.failed, 0)} refused or broken`] : []),
    ...(row.missing > 0 ? [`${number(row.missing, 0)} not in Kafka`] : []),
  ];
  const cost = number(row.cpuMicros, row.cpuMicros < 1000 ? 1 : 0);
  return doubts.length === 0 ? cost : `${cost} (**${doubts.join(', ')}**)`;
}

/** A goal besides those of a load: a name, the highest value that reaches it, and its value in these results. */
type Goal = readonly [name: string, atMost: number, digits: number, value: number | undefined];

/** The further goals that the results have numbers for. */
export function goalsOf(results: Results): string[] {
  const cell = (group: GroupName, contender: ContenderName, shape: string, connections: number) =>
    summaries(results, group).find(
      (row) =>
        row.cell.contender === contender && row.cell.shape === shape && row.cell.connections === connections,
    );
  const ratio = (one: Summary | undefined, other: Summary | undefined, pick: (row: Summary) => number) =>
    one && other ? pick(one) / pick(other) : undefined;
  const micros = ({ cpuMicros }: Summary) => cpuMicros;
  const perKb = ({ microsPerKb }: Summary) => microsPerKb;
  const mix = cell('mix', 'none', 'mix', 256);
  const single = cell('batch', 'none', 'one a request', 32);
  const ours = results.warmUps.find(({ contender }) => contender === 'none');
  const fresh = ours && coldAndWarm(ours);
  const goals: Goal[] = [
    ['access log: CPU time, to that without', 1.2, 2, ratio(cell('mix', 'log', 'mix', 256), mix, micros)],
    [
      '100 events a batch: CPU time, to that of 100 requests',
      1 / 3,
      2,
      ratio(cell('batch', 'none', '100 a batch', 32), single, micros),
    ],
    [
      '5 MB: CPU time a KB, to that at 5 KB',
      1,
      2,
      ratio(cell('sizes', 'none', '5 MB', 4), cell('sizes', 'none', '5 KB', 32), perKb),
    ],
    [`first ${COLD_S} s after a start: CPU time, to that later`, 1.5, 2, fresh && fresh.cold / fresh.warm],
    ['mix at 256 connections: p99 over the bare server, ms', 10, 1, mix?.p99OverMs],
    ['memory idle, MB', 80, 0, ours?.idleMb],
    ['memory under the mix at 256 connections, MB', 160, 0, mix?.residentMb],
  ];
  const rows = goals.flatMap(([name, atMost, digits, value]) =>
    value === undefined
      ? []
      : [[name, number(atMost, digits), number(value, digits), value <= atMost ? 'yes' : 'no']],
  );
  return rows.length === 0
    ? []
    : [
        `## Further goals\n\n${table(['http2kafka, compression none', 'at most', 'measured', 'reached'], rows)}`,
      ];
}
