/** The report of a run in Markdown: a table for each group, and the plots. */
import { groups } from '../loads/shapes.ts';
import type { Plot } from './chart.ts';
import { COLD_S, coldAndWarm, meanOf } from './cold.ts';
import { costOf, goalsOf, limitOf } from './goals.ts';
import { number, table } from './markdown.ts';
import {
  GOAL,
  median,
  summaries,
  type About,
  type OpenMeasure,
  type Results,
  type StartResult,
  type Summary,
} from './results.ts';

/** A column: its head, and its text for a cell. */
type Column = readonly [head: string, text: (row: Summary) => string];

const PER_KB: Column = ['CPU µs a KB', (row) => number(row.microsPerKb, 2)];

/** The report as Markdown. It refers to the plots as `<name>.svg` in the same folder. */
export function reportOf(results: Results, plots: readonly Plot[]): string {
  const columns = columnsOf(results);
  const sections = groups.flatMap(({ name, title, note }) => {
    const rows = summaries(results, name);
    if (rows.length === 0) return [];
    const all = ['large', 'sizes'].includes(name) ? [...columns, PER_KB] : columns;
    return [`## ${title}\n\n${note}\n\n${tableOf(all, rows)}`];
  });
  const pictures = plots.map(({ name, title }) => `![${title}](${name}.svg)`);
  const parts = [
    headOf(results.about),
    ...limitOf(results),
    ...goalsOf(results),
    ...pictures,
    ...sections,
    ...openOf(results),
    ...coldOf(results),
    ...startsOf(results.starts),
  ];
  return `${parts.join('\n\n')}\n`;
}

function headOf(about: About): string {
  return `# Cost of an event

Written by \`${about.command}\` on ${about.date}, at commit ${about.commit}, in ${about.minutes.toFixed(0)} minutes. Node ${about.node},
Linux ${about.kernel}, ${about.cores} cores (${about.processor}), ${about.memoryMb.toFixed(0)} MB of memory. The numbers of every round are in
[latest.json](latest.json).

The load, the programs and one Kafka broker share the machine; \`acks=all\`, the broker's only replica. The broker and each program are warmed
for ${about.warmUp} s. Each number is the median of ${about.rounds} rounds of ${about.seconds} s, in which all contenders of a load take turns. Machines
differ: compare the ratios.

- **CPU µs an event**: user and system time of the program's process, its descendants and all their threads, for each event answered 2xx, until Kafka
  has the event. Events that were not taken, or that Kafka did not get within 10 s, are named in the cell. There should be none.
- **bare**: a \`node:http\` server, which reads the body and answers 201.
- **floor**: what no proxy can leave out, on the same Node: HTTP exchange, scan, produce of full batches. It keeps no promise
  ([what it does](../contenders/floor/main.ts)).
- **goal**: the ratio to bare that is wanted: ${GOAL} times the floor, and not more than the limit of the load, if it has one.
- **p50, p99**: percentiles of the time from a request to its answer. Every connection posts again at once, so they show queueing
  more than the time of one event. **p99 over bare**: the difference to the bare server.
- **MB**: memory of the process and its descendants right after the load.
- **spooled**: events that were answered when they were on disk, in the worst round.
- 1 KB is 1000 bytes.`;
}

function columnsOf({ labels }: Results): Column[] {
  return [
    ['', ({ cell }) => labels[cell.contender] ?? cell.contender],
    ['load', ({ cell }) => cell.shape],
    ['connections', ({ cell }) => String(cell.connections)],
    ['CPU µs an event', costOf],
    ['to bare', (row) => number(row.ratio, 2)],
    ['to floor', (row) => number(row.toFloor, 2)],
    ['events/s', (row) => number(row.perSecond, 0)],
    ['p50 ms', (row) => number(row.p50Ms, 1)],
    ['p99 ms', (row) => number(row.p99Ms, 1)],
    ['p99 over bare, ms', (row) => (row.cell.contender === 'bare' ? '–' : number(row.p99OverMs, 1))],
    ['MB', (row) => number(row.residentMb, 0)],
    ['spooled', (row) => number(row.spooled, 0)],
  ];
}

/** Latencies at fixed rates. */
function openOf({ open, labels }: Results): string[] {
  if (open.length === 0) return [];
  const rows = open.map(({ contender, share, rate, rounds }) => {
    const of = (pick: (round: OpenMeasure) => number) => median(rounds.map(pick));
    const lost = Math.max(...rounds.map(({ refused, broken }) => refused + broken));
    return [
      labels[contender] ?? contender,
      `${number(100 * share, 0)} %`,
      number(rate, 0),
      ...[of((one) => one.p50Ms), of((one) => one.p99Ms), of((one) => one.p999Ms)].map((time) =>
        number(time, 1),
      ),
      number(
        of((one) => one.lateMs),
        1,
      ),
      `${number(
        of((one) => one.cpuMicros),
        1,
      )}${lost > 0 ? ` (**${lost} refused or broken**)` : ''}`,
    ];
  });
  const heads = [
    '',
    'of the highest rate',
    'events/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'late, ms',
    'CPU µs an event',
  ];
  return [
    `## Latency at a fixed rate

The mix, in an open loop: requests begin at random times that do not depend on answers, and the latency counts from there. The highest rate is that of
http2kafka with 256 connections and the same sender. All contenders get the same rates. **late**: 99th percentile of how late the sender itself was, which is a part
of every latency.

${table(heads, rows)}`,
  ];
}

/** The cost of an event from a fresh start on. */
function coldOf({ warmUps, labels }: Results): string[] {
  const ends = warmUps[0]?.windows.map(({ untilS }) => untilS) ?? [];
  if (ends.length === 0) return [];
  const rows = warmUps.map((one) => {
    const { cold, warm } = coldAndWarm(one);
    return [
      labels[one.contender] ?? one.contender,
      number(one.idleMb, 0),
      number(cold, 0),
      number(warm, 0),
      number(cold / warm, 2),
      number(
        meanOf(one.windows, (window) => window.brokerMicros),
        0,
      ),
      ...one.windows.map(({ cpuMicros }) => number(cpuMicros, 0)),
    ];
  });
  const heads = ['', 'MB idle', `first ${COLD_S} s`, `last ${COLD_S} s`, 'ratio', 'broker'];
  return [
    `## From a fresh start: CPU µs an event

Each program is started and gets the real event of 5.4 KB over 32 connections. The broker is warm before the first program starts; its own CPU time an event
is in the column "broker". The columns with seconds are the windows that end then. **MB idle**: memory after the first event, before the load.

${table([...heads, ...ends.map((end) => `${end} s`)], rows)}`,
  ];
}

function startsOf(starts: readonly StartResult[]): string[] {
  if (starts.length === 0) return [];
  const rows = starts.map(({ label, rounds }) => [
    label,
    number(median(rounds.map(({ firstAnswerMs }) => firstAnswerMs)), 0),
    rounds.map(({ firstAnswerMs }) => number(firstAnswerMs, 0)).join(', '),
    number(median(rounds.map(({ residentMb }) => residentMb)), 0),
  ]);
  const heads = ['', 'first 2xx, ms', 'each start, ms', 'MB'];
  return [
    `## From the start to the first event

From the start of the process to its first 2xx, with a post every 5 ms; the median of ${starts[0]?.rounds.length ?? 0}. Memory is measured right after it.

${table(heads, rows)}`,
  ];
}

function tableOf(columns: readonly Column[], rows: readonly Summary[]): string {
  return table(
    columns.map(([head]) => head),
    rows.map((row) => columns.map(([, text]) => text(row))),
  );
}
