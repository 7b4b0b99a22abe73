/** The metrics, registered as their table says. Only this file registers metrics. */
import { collectDefaultMetrics, Counter, Gauge, Registry, type RegistryContentType } from 'prom-client';
import { LONGEST_TIMER_MS } from '../support/time.ts';
import { registerDistribution, type Distribution } from './distribution.ts';
import { registerEventLoopLag } from './event-loop-lag.ts';
import { metricTable, SECONDS, type Definition } from './metric-table.ts';
import { Tally } from './tally.ts';

/**
 * Gauges of prom-client with names of counters. `promtool check metrics` objects to them. Each is the sum of a gauge
 * with the label `type` (`nodejs_active_handles`, …), which stays.
 */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

type MetricName = keyof typeof metricTable;
type Instrument<Row> = Row extends { tallied: true }
  ? Tally
  : Row extends { type: 'counter' }
    ? Counter
    : Row extends { type: 'gauge' }
      ? Gauge
      : Distribution;

/** One instrument for each row of the table. Times are in seconds, sizes in bytes. */
export type Metrics = { readonly registry: Registry<RegistryContentType> } & {
  readonly [Name in MetricName]: Instrument<(typeof metricTable)[Name]>;
};

/** Makes the instruments of one proxy. They have their own registry, so that two proxies in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry<RegistryContentType>();
  // Its timer for the event loop cannot be left out. Its gauges are replaced below.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LONGEST_TIMER_MS });
  registerEventLoopLag(registry);
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const counter = (row: Definition) =>
    new Counter({ name: row.name, help: row.help, labelNames: row.labels ?? [], registers: [registry] });
  const tally = (row: Definition) => {
    const counts = new Tally(row.labels ?? []);
    new Counter({
      name: row.name,
      help: row.help,
      labelNames: row.labels ?? [],
      registers: [registry],
      collect() {
        counts.copyTo(this);
      },
    });
    return counts;
  };
  const gauge = (row: Definition) => {
    const made = new Gauge({
      name: row.name,
      help: row.help,
      labelNames: row.labels ?? [],
      registers: [registry],
    });
    if (row.hiddenUntilSet) made.remove();
    return made;
  };
  const histogram = ({ name, help, labels = [], buckets = SECONDS }: Definition) =>
    registerDistribution({ name, help, label: labels[0], buckets }, registry);
  return {
    registry,
    buildInfo: gauge(metricTable.buildInfo),
    timeSeconds: gauge(metricTable.timeSeconds),
    requests: tally(metricTable.requests),
    events: tally(metricTable.events),
    sendersFileGood: gauge(metricTable.sendersFileGood),
    senderEvents: tally(metricTable.senderEvents),
    ruleEvents: tally(metricTable.ruleEvents),
    routingFileGood: gauge(metricTable.routingFileGood),
    eventBytes: counter(metricTable.eventBytes),
    checks: tally(metricTable.checks),
    deviations: counter(metricTable.deviations),
    consumersDrop: tally(metricTable.consumersDrop),
    senderConsumersDrop: tally(metricTable.senderConsumersDrop),
    consumersExamined: tally(metricTable.consumersExamined),
    levelsRefuse: counter(metricTable.levelsRefuse),
    namingDeviations: counter(metricTable.namingDeviations),
    levelsExamined: counter(metricTable.levelsExamined),
    answerSeconds: histogram(metricTable.answerSeconds),
    acknowledgementSeconds: histogram(metricTable.acknowledgementSeconds),
    queueEvents: gauge(metricTable.queueEvents),
    queueBytes: gauge(metricTable.queueBytes),
    queueMaxBytes: gauge(metricTable.queueMaxBytes),
    queueOldestSeconds: gauge(metricTable.queueOldestSeconds),
    deliveryState: gauge(metricTable.deliveryState),
    spoolEvents: gauge(metricTable.spoolEvents),
    spoolBytes: gauge(metricTable.spoolBytes),
    spoolMaxBytes: gauge(metricTable.spoolMaxBytes),
    spoolDiskFree: gauge(metricTable.spoolDiskFree),
    spoolOldestSeconds: gauge(metricTable.spoolOldestSeconds),
    spoolMaxAgeSeconds: gauge(metricTable.spoolMaxAgeSeconds),
    spooled: counter(metricTable.spooled),
    spoolFailures: counter(metricTable.spoolFailures),
    spoolDamaged: counter(metricTable.spoolDamaged),
    spoolLost: counter(metricTable.spoolLost),
    deadLetters: counter(metricTable.deadLetters),
    undeliverable: counter(metricTable.undeliverable),
    parkedEvents: gauge(metricTable.parkedEvents),
    parkedBytes: gauge(metricTable.parkedBytes),
    batches: counter(metricTable.batches),
    batchRecords: histogram(metricTable.batchRecords),
    batchBytes: counter(metricTable.batchBytes),
    retries: counter(metricTable.retries),
    duplicatesPossible: counter(metricTable.duplicatesPossible),
    kafkaUp: gauge(metricTable.kafkaUp),
    databaseUp: gauge(metricTable.databaseUp),
    authenticationFailures: tally(metricTable.authenticationFailures),
    oidcUp: gauge(metricTable.oidcUp),
    connections: gauge(metricTable.connections),
    maxConnections: gauge(metricTable.maxConnections),
    bodyMemoryBytes: gauge(metricTable.bodyMemoryBytes),
    bodyMemoryMaxBytes: gauge(metricTable.bodyMemoryMaxBytes),
    answerMemoryBytes: gauge(metricTable.answerMemoryBytes),
    answerMemoryMaxBytes: gauge(metricTable.answerMemoryMaxBytes),
    connectionsRefused: counter(metricTable.connectionsRefused),
    tlsHandshakeFailures: counter(metricTable.tlsHandshakeFailures),
    tlsCertificateExpiry: gauge(metricTable.tlsCertificateExpiry),
    tlsReloadFailures: counter(metricTable.tlsReloadFailures),
  };
}
