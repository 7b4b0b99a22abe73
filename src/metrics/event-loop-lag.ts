/**
 * How long the turns of the event loop take, as the usual `nodejs_eventloop_lag_…` gauges. prom-client measures them with
 * a timer of 10 ms. That timer wakes an idle process 100 times a second: 3 ms of CPU time, as much as 60 events. Here
 * Node takes one sample in each turn, so an idle process sleeps.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry, type RegistryContentType } from 'prom-client';

const NANOSECONDS = 1e9;

/** Puts the gauges in the place of prom-client's. Each reading of the metrics begins a new period. */
export function registerEventLoopLag(registry: Registry<RegistryContentType>): void {
  const delays = monitorEventLoopDelay({ samplePerIteration: true });
  delays.enable();
  const gauge = (statistic: string, help: string, read: () => number, isLast = false): void => {
    const name = `nodejs_eventloop_lag_${statistic}seconds`;
    registry.removeSingleMetric(name);
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(delays.count === 0 ? 0 : read() / NANOSECONDS);
        if (isLast) delays.reset();
      },
    });
  };
  gauge('', 'Mean time of a turn of the event loop.', () => delays.mean);
  gauge('min_', 'Shortest turn of the event loop.', () => delays.min);
  gauge('max_', 'Longest turn of the event loop.', () => delays.max);
  gauge('mean_', 'Mean time of a turn of the event loop.', () => delays.mean);
  gauge('stddev_', 'Standard deviation of the turns of the event loop.', () => delays.stddev);
  for (const percent of [50, 90, 99]) {
    const read = () => delays.percentile(percent);
    gauge(
      `p${percent}_`,
      `${percent} % of the turns of the event loop are not longer.`,
      read,
      percent === 99,
    );
  }
}
