import { execFileSync } from 'node:child_process';
import type { Row } from './line.ts';

const HEAD = [
  'line',
  'acknowledged',
  'lost',
  'reordered',
  'duplicated',
  'refused',
  'slowest ms',
  'p99 ms',
  'notes',
];

/** The row as cells of a table. */
function cellsOf(row: Row): string[] {
  const notes = [...row.failures.map((failure) => `FAILED: ${firstLine(failure)}`), ...row.notes].join('; ');
  if (row.skipped) return [row.name, '', '', '', '', '', '', '', notes];
  const { acknowledged, lost, reordered, duplicated, refused, slowestMs, p99Ms } = row;
  const numbers = [
    acknowledged,
    lost,
    reordered,
    duplicated,
    refused,
    Math.round(slowestMs),
    Math.round(p99Ms),
  ];
  return [row.name, ...numbers.map(String), notes];
}

/** A row as it is printed when the line ends. */
export function lineOf(row: Row): string {
  const cells = cellsOf(row);
  const notes = cells.pop() ?? '';
  const named = cells.slice(1).map((cell, index) => `${HEAD[index + 1] ?? ''} ${cell}`);
  return `  ${row.skipped ? '' : `${named.join(', ')}\n  `}${notes}`;
}

/** The page for benchmark/results. */
export function pageOf(rows: readonly Row[], command: string): string {
  const table = [HEAD, HEAD.map(() => '---'), ...rows.map(cellsOf)];
  const lines = table.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
  return `# Faults

Commit ${commit()}. \`${command}\`: real brokers, a real proxy, real kills, under load.

- acknowledged: events answered 201 with \`X-Delivery: kafka\` (acknowledged by Kafka) or \`spool\` (synced to disk)
- lost: acknowledged events that are not in the topic with their posted bytes
- reordered: acknowledged events that precede an event of the same job and partition that was posted earlier
- duplicated: extra records, except those of events that a sender posted again after its connection broke
- refused: events answered 503
- kafka, spool: how many events were answered with that value of \`X-Delivery\`
- slowest, p99: time to the answer, without posts that have none because the proxy was killed

${lines.join('\n')}
`;
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  try {
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', 'src') === '' ? '' : ' and changes')
    );
  } catch {
    return 'unknown';
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
