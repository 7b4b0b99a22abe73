import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { samplesOf } from '../stage/metric-reading.ts';

const STATISTICS = ['', 'min_', 'max_', 'mean_', 'stddev_', 'p50_', 'p90_', 'p99_'];

suite('the lag of the event loop', () => {
  test('has the usual names, and shows a turn that took long', async () => {
    const { registry } = createMetrics();
    const read = async () => samplesOf(await registry.metrics());
    await sleep(1);
    await read();
    await sleep(1);
    block(60);
    await sleep(1);
    const samples = await read();
    for (const statistic of STATISTICS) {
      assert.ok(samples.has(`nodejs_eventloop_lag_${statistic}seconds`), statistic);
    }
    assert.ok(Number(samples.get('nodejs_eventloop_lag_max_seconds')) >= 0.06);
  });

  test('does not wake an idle process', { skip: process.platform !== 'linux' }, async () => {
    createMetrics();
    // A timer of 10 ms wakes the process 100 times in this second, however slow the machine is.
    const before = sleeps();
    const start = performance.now();
    await sleep(1000);
    const perSecond = ((sleeps() - before) * 1000) / (performance.now() - start);
    assert.ok(perSecond < 50, `${perSecond} wake-ups in a second`);
  });
});

/** How often the main thread of this process has gone to sleep. */
function sleeps(): number {
  const status = readFileSync(`/proc/self/task/${process.pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
}

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
