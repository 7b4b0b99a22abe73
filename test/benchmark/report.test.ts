import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drawPlot } from '../../benchmark/report/chart.ts';
import { fieldOf, listing, readTask, type Task } from '../../benchmark/command-line.ts';
import { coldAndWarm } from '../../benchmark/report/cold.ts';
import { plotsOf } from '../../benchmark/report/plots.ts';
import { reportOf } from '../../benchmark/report/report.ts';
import { median, summaries, type Results } from '../../benchmark/report/results.ts';
import { cannedResults } from './canned-results.ts';

const results = cannedResults();

suite('the results of the benchmarks', () => {
  test('are medians, and ratios to the yardstick under the same load', () => {
    assert.equal(median([9, 1, 2]), 2);
    const rows = summaries(results, 'mix');
    const zstd = rows.find(({ cell }) => cell.contender === 'zstd');
    assert.ok(zstd);
    assert.equal(zstd.ratio, 2.6);
    assert.equal(zstd.cpuMicros, 130);
    assert.equal(zstd.p99OverMs, 32);
  });

  test('are ratios to the floor, with the goal that follows from it or from the limit of the load', () => {
    const ours = (connections: number) =>
      summaries(results, 'mix').find(
        ({ cell }) => cell.contender === 'none' && cell.connections === connections,
      );
    assert.equal(ours(32)?.toFloor, 1.2);
    // 1.15 times the floor, which has 1.5 times the cost of the bare server.
    assert.equal(ours(32)?.goal.toFixed(3), '1.725');
    // The limit of this load is lower.
    assert.equal(ours(256)?.goal, 1.6);
  });

  test('hide no failure behind a median', () => {
    const [first, ...others] = results.cells;
    assert.ok(first);
    const rounds = first.rounds.map((round, index) => ({ ...round, failed: index === 2 ? 7 : 0 }));
    const failing: Results = { ...results, cells: [{ ...first, rounds }, ...others] };
    assert.equal(summaries(failing, first.group)[0]?.failed, 7);
    assert.match(reportOf(failing, []), /\| 50\.0 \(\*\*7 refused or broken\*\*\) \|/);
  });
});

suite('the report of the benchmarks', () => {
  const plots = plotsOf(results);
  const report = reportOf(results, plots);

  test('names the program and the machine of the run', () => {
    for (const part of ['abc1234', 'v26.0.0', '6.1.0', '2 cores', '2026-11-23', 'node benchmark/main.ts']) {
      assert.ok(report.includes(part), part);
    }
  });

  test('has a line for each cell, with its ratios', () => {
    const line = '| http2kafka, compression lz4 | mix | 256 | 100.0 | 2.00 | 1.33 | 5000 | 20.0 | 40.0 |';
    assert.ok(report.includes(line));
    for (const { contender } of results.cells) assert.ok(report.includes(`| ${results.labels[contender]} |`));
    assert.ok(!report.includes('NaN'));
  });

  test('puts bare, floor and http2kafka side by side, with the goal', () => {
    const line = '| mix, 256 connections | 50.0 | 75.0 | 90.0 | 1.50 | 1.80 | 1.20 | 1.60 | no, 1.13 times |';
    assert.ok(report.includes(line));
  });

  test('says which goals are reached', () => {
    // An access log costs 3 times the bare server here, without it 1.8.
    assert.ok(report.includes('| access log: CPU time, to that without | 1.20 | 1.67 | no |'));
    assert.ok(report.includes('| first 10 s after a start: CPU time, to that later | 1.50 | 3.00 | no |'));
    assert.ok(report.includes('| memory idle, MB | 80 | 75 | yes |'));
  });

  test('shows the latencies at a fixed rate', () => {
    assert.ok(
      report.includes('| http2kafka, compression none | 50 % | 5000 | 1.0 | 2.0 | 3.0 | 1.1 | 90.0 |'),
    );
  });

  test('shows what a fresh start costs', () => {
    const [, warmUp] = results.warmUps;
    assert.ok(warmUp);
    assert.deepEqual(coldAndWarm(warmUp), { cold: 300, warm: 100 });
    assert.ok(report.includes('| http2kafka, compression none | 75 | 300 | 100 | 3.00 | 40 | 300 | 300 |'));
  });

  test('shows every plot', () => {
    assert.deepEqual(
      plots.map(({ name }) => name),
      ['limit', 'cold', 'open', 'per-kb', 'batch'],
    );
    for (const { name } of plots) assert.ok(report.includes(`](${name}.svg)`), name);
  });

  test('leaves out groups that were not measured', () => {
    const part = {
      ...results,
      cells: results.cells.filter(({ group }) => group === 'gzip'),
      warmUps: [],
      open: [],
      starts: [],
    };
    assert.deepEqual(plotsOf(part), []);
    assert.equal(reportOf(part, []).match(/^## /gm)?.length, 1);
  });
});

suite('the plots of the benchmarks', () => {
  for (const plot of plotsOf(results)) {
    test(`${plot.name} has a title, units and a white ground, and is the same each time`, () => {
      const svg = drawPlot(plot);
      assert.match(svg, /^<svg /);
      assert.ok(svg.includes(plot.title));
      assert.match(svg, /fill="#ffffff"/);
      assert.match(svg, /µs|ms|bare server = 1/);
      assert.doesNotMatch(svg, /NaN|undefined|<style/);
      assert.equal(drawPlot(plot), svg);
    });
  }
});

suite('the command line of the benchmarks', () => {
  test('names groups, and writes a run of some of them to another folder', () => {
    const task = taskOf(['--only', 'gzip,mix', '--seconds', '1']);
    assert.deepEqual([task.only, task.seconds, task.rounds], [['mix', 'gzip'], 1, 5]);
    assert.match(task.out, /\.run.benchmark$/);
    assert.match(taskOf([]).out, /benchmark.results$/);
  });

  test('takes another version only if its folder is named', () => {
    assert.ok(!taskOf([]).contenders.includes('against'));
    const task = taskOf(['--against', '/elsewhere', '--quick', '--only', 'large']);
    assert.deepEqual(fieldOf(task), ['bare', 'floor', 'none', 'against']);
    assert.match(task.out, /\.run.benchmark$/);
    assert.ok(task.warmUp < taskOf([]).warmUp);
  });

  test('starts only contenders that the groups need', () => {
    assert.deepEqual(fieldOf(taskOf(['--only', 'gzip'])), ['bare', 'none']);
    assert.deepEqual(fieldOf(taskOf(['--only', 'mix', '--contenders', 'none,many'])), ['none']);
  });

  test('names the argument that it does not understand', () => {
    assert.match(complaintAbout(['--only', 'mixed']), /mix, real/);
    assert.match(complaintAbout(['--contenders', 'nobody']), /bare, floor/);
    assert.match(complaintAbout(['--rounds', '0']), /--rounds/);
    assert.match(complaintAbout(['--turns', '3']), /--turns/);
  });

  test('tells how long a whole run takes', () => {
    assert.match(listing(taskOf([])), /About \d+ minutes/);
  });
});

function taskOf(args: readonly string[]): Task {
  const task = readTask(args);
  assert.ok(typeof task === 'object');
  return task;
}

function complaintAbout(args: readonly string[]): string {
  const task = readTask(args);
  assert.ok(typeof task === 'string');
  return task;
}
