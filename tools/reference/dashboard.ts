/**
 * The dashboard for Grafana, `docs/monitoring/grafana-dashboard.json`: a row for each question of an operator, from "are events
 * safe?" down to "is the machine large enough?". Rows and expressions are a table here; Grafana's own builders make the
 * JSON.
 */
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** In expressions: the chosen proxies. */
const OURS = 'job="$job", instance=~"$instance"';
/** In expressions: a period of at least four scrapes, which Grafana computes. */
const PERIOD = '[$__rate_interval]';

interface Query {
  /** PromQL, with `OURS` in each selector. */
  readonly expr: string;
  /** The name of a line, with labels in double braces. */
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  /** What the lines mean, and which line is trouble. */
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const rate = (metric: string, labels = '') =>
  `rate(${metric}{${OURS}${labels === '' ? '' : `, ${labels}`}}${PERIOD})`;
const sumBy = (labels: string, expr: string) => `sum by (${labels}) (${expr})`;
const percentile = (share: number, metric: string, labels = '') =>
  `histogram_quantile(${share}, ${sumBy('le', rate(`${metric}_bucket`, labels))})`;

export const rows: readonly Row[] = [
  {
    title: 'Are events safe?',
    panels: [
      {
        title: 'Posts that are safe within a second',
        description:
          'In Kafka, or synced to disk. Posts that no proxy may keep (4xx) do not count. The goal is 99.9 %.',
        unit: 'percentunit',
        queries: [
          {
            expr: `sum(${rate('http2kafka_answer_seconds_bucket', 'status=~"2..", le="1"')}) / sum(${rate('http2kafka_answer_seconds_count', 'status=~"2..|5.."')})`,
            legend: 'safe',
          },
        ],
      },
      {
        title: 'Events by outcome',
        description:
          '"unavailable" means that the proxy cannot keep events: see Http2kafkaEventsRefused in the runbook.',
        unit: 'cps',
        queries: [{ expr: sumBy('outcome', rate('http2kafka_events_total')), legend: '{{outcome}}' }],
      },
      {
        title: 'Time to the answer',
        description: 'From the head of a post to its answer. Above a second, clients begin to give up.',
        unit: 's',
        queries: [0.5, 0.99].map((share) => ({
          expr: percentile(share, 'http2kafka_answer_seconds', 'status=~"2.."'),
          legend: `p${share * 100}`,
        })),
      },
    ],
  },
  {
    title: 'Does Kafka take them?',
    panels: [
      {
        title: 'Topics that can be written to',
        description: '1 while the topic takes records. At 0 its events go to disk.',
        unit: 'none',
        queries: [{ expr: `http2kafka_kafka_up{${OURS}}`, legend: '{{instance}} {{topic}}' }],
      },
      {
        title: 'Time to the answer of Kafka',
        description: 'From a produce request to its answer.',
        unit: 's',
        queries: [0.5, 0.99].map((share) => ({
          expr: percentile(share, 'http2kafka_kafka_acknowledgement_seconds'),
          legend: `p${share * 100}`,
        })),
      },
      {
        title: 'Batches sent again, and possible duplicates',
        description: 'By reason. A record is a possible duplicate when its acknowledgement was lost.',
        unit: 'cps',
        queries: [
          { expr: `${sumBy('reason', rate('http2kafka_kafka_retries_total'))} > 0`, legend: '{{reason}}' },
          { expr: `sum(${rate('http2kafka_duplicates_possible_total')})`, legend: 'possible duplicates' },
        ],
      },
    ],
  },
  {
    title: 'What waits on disk?',
    panels: [
      {
        title: 'Events in the spool',
        description: 'By topic. It grows while Kafka is unavailable, and is 0 otherwise.',
        unit: 'short',
        queries: [{ expr: sumBy('topic', `http2kafka_spool_events{${OURS}}`), legend: '{{topic}}' }],
      },
      {
        title: 'Size of the spool, and its limits',
        description: 'At the limit, or when the volume is full, events are refused.',
        unit: 'bytes',
        queries: [
          { expr: sumBy('instance', `http2kafka_spool_bytes{${OURS}}`), legend: '{{instance}}: used' },
          { expr: `http2kafka_spool_max_bytes{${OURS}}`, legend: '{{instance}}: limit' },
          { expr: `http2kafka_spool_disk_free_bytes{${OURS}}`, legend: '{{instance}}: free on the volume' },
        ],
      },
      {
        title: 'Age of the oldest event',
        description: 'At the limit, the topic takes no new events while Kafka is unavailable.',
        unit: 's',
        queries: [
          { expr: `max by (topic) (http2kafka_spool_oldest_seconds{${OURS}})`, legend: '{{topic}}' },
          { expr: `max(http2kafka_spool_max_age_seconds{${OURS}})`, legend: 'limit' },
        ],
      },
      {
        title: 'Dead letters and parked events',
        description: 'Events that did not get into their own topic. Parked ones wait on disk for a decision.',
        unit: 'short',
        queries: [
          {
            expr: `sum(increase(http2kafka_events_total{${OURS}, outcome="dead_letter"}${PERIOD}))`,
            legend: 'not valid',
          },
          {
            expr: sumBy('reason', `increase(http2kafka_dead_letters_total{${OURS}}${PERIOD})`),
            legend: 'refused by Kafka: {{reason}}',
          },
          { expr: `sum(http2kafka_parked_events{${OURS}}) or vector(0)`, legend: 'parked' },
        ],
      },
    ],
  },
  {
    title: 'Who sends, and what is wrong with it?',
    panels: [
      {
        title: 'Requests by status',
        description:
          '404: a wrong path. 401 and 403: a wrong token, or a foreign namespace. 422: an event that is not valid.',
        unit: 'reqps',
        queries: [
          {
            expr: sumBy('status', rate('http2kafka_http_requests_total', 'method="POST"')),
            legend: '{{status}}',
          },
        ],
      },
      {
        title: 'Events by sender',
        description: 'Of recognised senders, when the proxy checks them.',
        unit: 'cps',
        queries: [{ expr: sumBy('sender', rate('http2kafka_sender_events_total')), legend: '{{sender}}' }],
      },
      {
        title: 'Senders that are not recognised',
        description: 'By reason, when the proxy checks senders.',
        unit: 'cps',
        queries: [
          {
            expr: `${sumBy('reason', rate('http2kafka_authentication_failures_total'))} > 0`,
            legend: '{{reason}}',
          },
        ],
      },
      {
        title: 'Events that consumers will drop',
        description:
          'Of the events that are taken, by consumer and its first reason. For the consumers of check.consumers.',
        unit: 'cps',
        queries: [
          {
            expr: sumBy('consumer, reason', rate('http2kafka_events_consumers_drop_total')),
            legend: '{{consumer}}: {{reason}}',
          },
        ],
      },
      {
        title: 'Deviations from the specification',
        description: 'In events that are taken nevertheless.',
        unit: 'cps',
        queries: [
          {
            expr: `${sumBy('deviation', rate('http2kafka_specification_deviations_total'))} > 0`,
            legend: '{{deviation}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Is it large enough?',
    panels: [
      {
        title: 'CPU time',
        description:
          'Cores in use. An event costs some tens of microseconds, and many times that in the full check.',
        unit: 'none',
        queries: [{ expr: rate('process_cpu_seconds_total'), legend: '{{instance}}' }],
      },
      {
        title: 'Memory',
        description: 'Of the process.',
        unit: 'bytes',
        queries: [{ expr: `process_resident_memory_bytes{${OURS}}`, legend: '{{instance}}' }],
      },
      {
        title: 'Use of limits',
        description: 'At 100 % requests are refused.',
        unit: 'percentunit',
        queries: [
          {
            expr: `http2kafka_connections{${OURS}} / http2kafka_max_connections{${OURS}}`,
            legend: '{{instance}}: connections',
          },
          {
            expr: `http2kafka_queue_bytes{${OURS}} / http2kafka_queue_max_bytes{${OURS}}`,
            legend: '{{instance}}: events in memory',
          },
          {
            expr: `http2kafka_body_memory_bytes{${OURS}} / http2kafka_body_memory_max_bytes{${OURS}}`,
            legend: '{{instance}}: bodies in memory',
          },
        ],
      },
      {
        title: 'Turns of the event loop',
        description:
          'The longest and the 99th percentile between two scrapes. All clients wait for a turn to end.',
        unit: 's',
        queries: [
          { expr: `nodejs_eventloop_lag_p99_seconds{${OURS}}`, legend: '{{instance}}: p99' },
          { expr: `nodejs_eventloop_lag_max_seconds{${OURS}}`, legend: '{{instance}}: longest' },
        ],
      },
    ],
  },
];

/** Columns of Grafana's grid. */
const COLUMNS = 24;
const PANEL_HEIGHT = 8;

/** The dashboard as JSON. */
export function dashboard(): string {
  const source = { type: 'prometheus', uid: '${source}' };
  const choice = (name: string, label: string, query: string) =>
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(source)
      .query(query)
      .refresh(VariableRefresh.OnDashboardLoad);
  // Its successor writes a format that only newest versions of Grafana read.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const builder = new DashboardBuilder('http2kafka')
    .uid('http2kafka')
    .description('An HTTP to Kafka proxy for OpenLineage events')
    .tags(['http2kafka', 'openlineage'])
    .time({ from: 'now-3h', to: 'now' })
    .refresh('1m')
    .withVariable(new DatasourceVariableBuilder('source').label('Prometheus').type('prometheus'))
    .withVariable(choice('job', 'Job', 'label_values(http2kafka_build_info, job)'))
    .withVariable(
      choice('instance', 'Proxy', 'label_values(http2kafka_build_info{job="$job"}, instance)')
        .multi(true)
        .includeAll(true)
        .allValue('.+'),
    );
  for (const { title, panels } of rows) {
    builder.withRow(new RowBuilder(title));
    for (const { title: name, description, unit, queries } of panels) {
      const panel = new TimeSeriesBuilder()
        .title(name)
        .description(description)
        .datasource(source)
        .unit(unit)
        .min(0)
        .height(PANEL_HEIGHT)
        .span(COLUMNS / panels.length);
      for (const { expr, legend } of queries)
        panel.withTarget(new DataqueryBuilder().expr(expr).legendFormat(legend));
      builder.withPanel(panel);
    }
  }
  return JSON.stringify(builder.build());
}
