/**
 * `make bench`: the cost of an event, beside a bare `node:http` server and beside the floor, in the same run. Machines
 * differ and other processes disturb; the ratios within one run are stable. All contenders are warmed for the same time.
 * Then they take turns in rounds, and the median counts.
 *
 *     node benchmark/main.ts [--only mix,large,…] [--contenders none,floor,…] [--against FOLDER] [--quick]
 *                            [--seconds 2] [--rounds 5] [--warm-up 30] [--out FOLDER] [--list]
 *
 * `--against` names the folder of another version of http2kafka, built, which takes part in turn. `--quick` warms for 8 s
 * only, and leaves out all but bare, floor, none and that version. A whole run writes to benchmark/results/, any other to
 * .run/benchmark/.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { startBroker } from '../tools/kafka/broker.ts';
import { fieldOf, listing, readTask, type Task } from './command-line.ts';
import { contendersOf } from './contenders/contenders.ts';
import { requireWrk } from './loads/load.ts';
import { groups } from './loads/shapes.ts';
import { measureOpen } from './measure/open.ts';
import { measureStarts } from './measure/start-time.ts';
import { measureGroup } from './measure/suite.ts';
import { warmField } from './measure/warm-up.ts';
import { drawPlot } from './report/chart.ts';
import { plotsOf } from './report/plots.ts';
import { reportOf } from './report/report.ts';
import type { About, CellResult, OpenResult, Results } from './report/results.ts';

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
  const startedAt = performance.now();
  const measured = await measure(task);
  const minutes = (performance.now() - startedAt) / 60_000;
  write(task.out, { about: { ...about, minutes }, ...measured });
}

async function measure(wanted: Task): Promise<Omit<Results, 'about'>> {
  const jvm = ['-XX:TieredStopAtLevel=4', '-Xmx1g'];
  const contenders = contendersOf(wanted.against);
  const broker = await startBroker({ jvm, properties: RETENTION_CHECK });
  try {
    const { running, warmUps, stop } = await warmField(fieldOf(wanted), contenders, broker, wanted.warmUp);
    const cells: CellResult[] = [];
    let open: OpenResult[] = [];
    try {
      for (const group of groups.filter(({ name }) => wanted.only.includes(name))) {
        cells.push(...(await measureGroup(group, running, broker, wanted)));
      }
      if (wanted.only.includes('open')) open = await measureOpen(running, wanted);
    } finally {
      await stop();
    }
    const starts = wanted.only.includes('start') ? await measureStarts(contenders, broker) : [];
    const labels = Object.fromEntries(wanted.contenders.map((name) => [name, contenders[name].label]));
    return { labels, warmUps, cells, open, starts };
  } finally {
    await broker.stop();
  }
}

function aboutThis({ seconds, rounds, warmUp }: Task): Omit<About, 'minutes'> {
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
    warmUp,
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
