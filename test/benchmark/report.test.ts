import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drawPlot } from '../../benchmark/chart.ts';
import { readTask } from '../../benchmark/command-line.ts';
import { plotsOf } from '../../benchmark/plots.ts';
import { reportOf } from '../../benchmark/report.ts';
import { median, summaries, type Results } from '../../benchmark/results.ts';
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

  test('hide no failure behind a median', () => {
    const [first, ...others] = results.cells;
    assert.ok(first);
    const rounds = first.rounds.map((round, index) => ({ ...round, failed: index === 2 ? 7 : 0 }));
    const failing: Results = { ...results, cells: [{ ...first, rounds }, ...others] };
    assert.equal(summaries(failing, first.group)[0]?.failed, 7);
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

  test('has a line for each cell, with the measured and the expected ratio', () => {
    const lines = report.split('\n').filter((line) => /^\| (bare|http2kafka|part)/.test(line));
    assert.equal(lines.length, results.cells.length + 1);
    assert.ok(
      report.includes(
        '| http2kafka, compression lz4 | mix | 256 | 100.0 | 2.00 | 2.00 | 5000 | 20.0 | 40.0 |',
      ),
    );
    assert.ok(!report.includes('NaN'));
  });

  test('shows every plot', () => {
    assert.deepEqual(
      plots.map(({ name }) => name),
      ['ratio', 'parts', 'p99', 'per-kb', 'batch'],
    );
    for (const { name } of plots) assert.ok(report.includes(`](${name}.svg)`), name);
  });

  test('leaves out groups that were not measured', () => {
    const part = { ...results, cells: results.cells.filter(({ group }) => group === 'gzip'), starts: [] };
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
      assert.match(svg, /µs|, ms|bare server = 1/);
      assert.doesNotMatch(svg, /NaN|undefined|<style/);
      assert.equal(drawPlot(plot), svg);
    });
  }
});

suite('the command line of the benchmarks', () => {
  test('names groups, and writes a run of some of them to another folder', () => {
    const task = readTask(['--only', 'gzip,mix', '--seconds', '1']);
    assert.ok(typeof task === 'object');
    assert.deepEqual([task.only, task.seconds, task.rounds], [['mix', 'gzip'], 1, 3]);
    assert.match(task.out, /\.run.benchmark$/);
    const whole = readTask([]);
    assert.ok(typeof whole === 'object');
    assert.match(whole.out, /benchmark.results$/);
  });

  test('names the argument that it does not understand', () => {
    assert.match(complaintAbout(['--only', 'mixed']), /mix, sizes/);
    assert.match(complaintAbout(['--rounds', '0']), /--rounds/);
    assert.match(complaintAbout(['--turns', '3']), /--turns/);
  });
});

function complaintAbout(args: readonly string[]): string {
  const task = readTask(args);
  assert.ok(typeof task === 'string');
  return task;
}
