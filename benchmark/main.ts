/**
 * `make bench`: the cost of an event, as a ratio to a bare `node:http` server in the same run. Machines differ and other
 * processes disturb; the ratios within one run are stable. All contenders take turns in three rounds, and the median counts.
 *
 *     node benchmark/main.ts [--only mix,sizes,…] [--seconds 4] [--rounds 3] [--out FOLDER] [--list]
 *
 * A whole run writes to benchmark/results/, one with `--only` to .run/benchmark/.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { startBroker } from '../tools/kafka/broker.ts';
import { groups } from './cells.ts';
import { drawPlot } from './chart.ts';
import { listing, readTask, type Task } from './command-line.ts';
import { requireWrk } from './load.ts';
import { plotsOf } from './plots.ts';
import { reportOf } from './report.ts';
import type { About, CellResult, Results } from './results.ts';
import { measureStarts } from './start-time.ts';
import { measureGroup } from './suite.ts';

/** How often Kafka deletes old records. Its default is every five minutes, in which too much data would pile up. */
const RETENTION_CHECK = { 'log.retention.check.interval.ms': '5000' };

const task = readTask(process.argv.slice(2));
console.log(typeof task === 'string' ? task : listing(task));
if (typeof task === 'string') {
  process.exitCode = 2;
} else if (!task.list) {
  requireWrk();
  // `exit` ends all started programs and removes temporary folders.
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
  // Read at the start: the commit may be another one at the end.
  const about = aboutThis(task);
  write(task.out, { about, ...(await measure(task)) });
}

async function measure(wanted: Task): Promise<Pick<Results, 'cells' | 'starts'>> {
  const jvm = ['-XX:TieredStopAtLevel=4', '-Xmx1g'];
  const broker = await startBroker({ jvm, properties: RETENTION_CHECK });
  try {
    const cells: CellResult[] = [];
    for (const group of groups.filter(({ name }) => wanted.only.includes(name))) {
      cells.push(...(await measureGroup(group, broker, wanted)));
    }
    const starts = wanted.only.includes('start') ? await measureStarts(broker) : [];
    return { cells, starts };
  } finally {
    await broker.stop();
  }
}

function aboutThis({ seconds, rounds }: Task): About {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return {
    commit: git('describe', '--always', '--dirty', '--exclude=*'),
    command: ['node benchmark/main.ts', ...process.argv.slice(2)].join(' '),
    date: new Date().toISOString(),
    node: process.version,
    kernel: release(),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryMb: totalmem() / 1024 ** 2,
    seconds,
    rounds,
  };
}

function write(folder: string, results: Results): void {
  const plots = plotsOf(results);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results, null, 2)}\n`);
  for (const plot of plots) writeFileSync(join(folder, `${plot.name}.svg`), drawPlot(plot));
  const report = reportOf(results, plots);
  writeFileSync(join(folder, 'latest.md'), report);
  console.log(`\n${report}\nWritten to ${relative(process.cwd(), folder)}.`);
}
