import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Histogram, Registry } from 'prom-client';
import { registerDistribution } from '../../src/metrics/distribution.ts';

const buckets = [0.001, 0.5, 1, 2];
const OBSERVED = [0.5, 0.0001, 7, 1, 1.5, 0, 2, 2.0001];

void suite('a distribution', () => {
  test('is shown as prom-client shows its own, before and after observations', async () => {
    const registry = new Registry();
    const expected = new Registry();
    const help = 'What it is.';
    const byStatus = registerDistribution({ name: 'by_status', help, label: 'status', buckets }, registry);
    const alone = registerDistribution({ name: 'alone', help, label: undefined, buckets }, registry);
    const labelNames = ['status'];
    const itsByStatus = new Histogram({
      name: 'by_status',
      help,
      labelNames,
      buckets,
      registers: [expected],
    });
    const itsAlone = new Histogram({ name: 'alone', help, buckets, registers: [expected] });
    assert.equal(await registry.metrics(), await expected.metrics());
    for (const [index, value] of OBSERVED.entries()) {
      const status = index % 3 === 0 ? 201 : 503;
      byStatus.observe(value, status);
      itsByStatus.observe({ status }, value);
      alone.observe(value);
      itsAlone.observe(value);
    }
    const shown = await registry.metrics();
    assert.equal(shown, await expected.metrics());
    assert.match(shown, /^by_status_bucket\{le="1",status="503"\} 2$/m);
  });
});
