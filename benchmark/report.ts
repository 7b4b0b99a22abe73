/** The report of a run in Markdown: a table for each group, and the plots. */
import { groups } from './cells.ts';
import type { Plot } from './chart.ts';
import { contenders } from './contenders.ts';
import { median, summaries, type About, type Results, type StartResult, type Summary } from './results.ts';

/** A column: its head, and its text for a cell. */
type Column = readonly [head: string, text: (row: Summary) => string];

const COLUMNS: readonly Column[] = [
  ['', ({ cell }) => contenders[cell.contender].label],
  ['load', ({ cell }) => cell.shape],
  ['connections', ({ cell }) => String(cell.connections)],
  ['CPU µs an event', (row) => number(row.cpuMicros, row.cpuMicros < 1000 ? 1 : 0)],
  ['ratio', (row) => number(row.ratio, 2)],
  ['expected', ({ cell }) => number(cell.expected ?? Number.NaN, 2)],
  ['events/s', (row) => number(row.perSecond, 0)],
  ['p50 ms', (row) => number(row.p50Ms, 1)],
  ['p99 ms', (row) => number(row.p99Ms, 1)],
  ['p99 over bare, ms', (row) => (row.cell.contender === 'bare' ? '–' : number(row.p99OverMs, 1))],
  ['resident MB', (row) => number(row.residentMb, 0)],
  ['not 2xx', (row) => number(row.failed, 0)],
  ['spooled', (row) => number(row.spooled, 0)],
];

const PER_KB: Column = ['CPU µs a KB', (row) => number(row.microsPerKb, 2)];

/** The report as Markdown. It refers to the plots as `<name>.svg` in the same folder. */
export function reportOf(results: Results, plots: readonly Plot[]): string {
  const sections = groups.flatMap(({ name, title, note }) => {
    const rows = summaries(results, name);
    if (rows.length === 0) return [];
    const columns = name === 'sizes' ? [...COLUMNS, PER_KB] : COLUMNS;
    return [`## ${title}\n\n${note}\n\n${tableOf(columns, rows)}`];
  });
  const pictures = plots.map(({ name, title }) => `![${title}](${name}.svg)`);
  const starts = results.starts.length === 0 ? [] : [startsOf(results.starts)];
  return `${[headOf(results.about), ...pictures, ...sections, ...starts].join('\n\n')}\n`;
}

function headOf(about: About): string {
  return `# Cost of an event

Written by \`${about.command}\` on ${about.date}, at commit ${about.commit}. Node ${about.node}, Linux ${about.kernel}, ${about.cores} cores
(${about.processor}), ${about.memoryMb.toFixed(0)} MB of memory. The numbers of every round are in [latest.json](latest.json).

wrk, the proxy and one Kafka broker share the machine; \`acks=all\`, the broker's only replica. Each number is the median of ${about.rounds}
rounds of ${about.seconds} s, in which all contenders of a load take turns. Machines differ: compare the ratios.

- **CPU µs an event**: user and system time of the server's process, its descendants and all their threads, for each event answered 2xx.
- **ratio**: CPU time relative to a bare \`node:http\` server, which reads the body and answers 201, under the same load in the same rounds.
- **expected**: the ratio that was written down before the first measurement.
- **p50, p99**: percentiles of the time from a request to its answer. Every connection posts again at once, so they show queueing
  more than the time of one event. **p99 over bare**: the difference to the bare server.
- **resident MB**: memory of the process and its descendants right after the load.
- **not 2xx**: other answers and broken connections, in the worst round. **spooled**: events that were answered when they were on disk, in the worst round.
- 1 KB is 1000 bytes.`;
}

function startsOf(starts: readonly StartResult[]): string {
  const rows = starts.map(({ label, rounds }) => [
    label,
    number(median(rounds.map(({ firstAnswerMs }) => firstAnswerMs)), 0),
    rounds.map(({ firstAnswerMs }) => number(firstAnswerMs, 0)).join(', '),
    [...new Set(rounds.map(({ status }) => status))].join(', '),
    number(median(rounds.map(({ residentMb }) => residentMb)), 0),
  ]);
  const heads = ['', 'first 2xx, ms', 'each start, ms', 'answer', 'resident MB'];
  return `## From the start to the first event

From the start of the process to its first 2xx, with a post every 5 ms; the median of ${starts[0]?.rounds.length ?? 0}. Memory is measured right after it.

${markdownTable(heads, rows)}`;
}

function tableOf(columns: readonly Column[], rows: readonly Summary[]): string {
  return markdownTable(
    columns.map(([head]) => head),
    rows.map((row) => columns.map(([, text]) => text(row))),
  );
}

function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A number with that many decimals, or a dash when there is none. */
function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}
