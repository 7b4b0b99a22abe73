/** The limits that can be reached, and how much of each is used. The gauges of the metrics know both. */
import type { Gauge } from 'prom-client';
import type { DeliveryStatus } from '../../delivery/port.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { UsedLimit } from '../../page/standing.ts';

/** The delivery has measured its gauges before. */
export async function usedLimits(metrics: Metrics, delivery: DeliveryStatus): Promise<readonly UsedLimit[]> {
  const { spooledBytes, parked } = delivery;
  const onDisk = parked.reduce((sum, { bytes }) => sum + bytes, spooledBytes);
  const rows: readonly (readonly [name: string, used: number, limit: Gauge, unit: UsedLimit['unit']])[] = [
    ['Events on disk (spool.max_bytes)', onDisk, metrics.spoolMaxBytes, 'bytes'],
    ['Events in memory (queue.max_bytes)', await valueOf(metrics.queueBytes), metrics.queueMaxBytes, 'bytes'],
    [
      'Bodies in memory (server.max_body_memory)',
      await valueOf(metrics.bodyMemoryBytes),
      metrics.bodyMemoryMaxBytes,
      'bytes',
    ],
    [
      'Answers in memory (server.max_answer_memory)',
      await valueOf(metrics.answerMemoryBytes),
      metrics.answerMemoryMaxBytes,
      'bytes',
    ],
    [
      'Connections (server.max_connections)',
      await valueOf(metrics.connections),
      metrics.maxConnections,
      'number',
    ],
  ];
  return Promise.all(
    rows.map(async ([name, used, limit, unit]) => ({ name, used, limit: await valueOf(limit), unit })),
  );
}

async function valueOf(gauge: Gauge): Promise<number> {
  return (await gauge.get()).values[0]?.value ?? 0;
}
