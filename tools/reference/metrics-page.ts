import { deviationKinds } from '../../src/openlineage/deviations.ts';
import { metricTable } from '../../src/metrics/metric-table.ts';

/** docs/metrics.md: every metric of the table, and the kinds of deviations. */
export function metricsPage(): string {
  const rows = Object.values(metricTable).map((row) => {
    const labels = 'labels' in row ? row.labels.map((label) => `\`${label}\``).join(', ') : '';
    return `| \`${row.name}\` | ${row.type} | ${labels} | ${row.help} |`;
  });
  const deviations = Object.entries(deviationKinds).map(([kind, meaning]) => `| \`${kind}\` | ${meaning} |`);
  return `<!-- Generated from src/metrics/metric-table.ts and src/openlineage/deviations.ts by \`make docs\`; edit those. -->

# Metrics and health

- \`GET /monitoring/ping\` answers 200 while the process lives.
- \`GET /monitoring/ready\` answers 200 while an event of the main topic could be kept, in Kafka or on disk. Otherwise it
  answers 503 with the reason. Use it for load balancers. It also says whether Kafka can be written to, and what is
  [in the spool](delivery.md). The member \`topics\` names every topic in use that is in trouble.
  While the proxy stops, it answers 503.
- \`GET /monitoring/metrics\` is for Prometheus: its text format, or OpenMetrics when \`Accept\` asks for that.

The three answer as long as the process lives. With \`server.monitoring.port\` they also have a port of their own, which
serves nothing else. \`http2kafka health\` asks for [probes](commands.md#probes).

Counters whose labels are known begin at 0. A limit is a gauge of its own, beside what it limits.

Times are in seconds, sizes in bytes. The usual \`process_…\` and \`nodejs_…\` metrics are there, too.

| metric | type | labels | what it tells |
|---|---|---|---|
${rows.join('\n')}

Watch these: \`http2kafka_kafka_up\` at 0, \`http2kafka_spool_oldest_seconds\` growing, \`http2kafka_spool_failures_total\`
growing at all, \`http2kafka_events_total\` with any outcome but \`acknowledged\` and \`spooled\`, and
\`http2kafka_duplicates_possible_total\`.

## Deviations from the specification

Real clients deviate from OpenLineage's specification in small ways. Level \`core\` accepts their events, and counts each
deviation in \`http2kafka_specification_deviations_total\` under one of these names:

| deviation | what it is |
|---|---|
${deviations.join('\n')}
`;
}
