/**
 * The table of metrics. `docs/metrics.md` is made from it; nothing else registers one.
 */
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type RegistryContentType,
} from 'prom-client';
import { Tally } from './tally.ts';

/** From a healthy acknowledgement of a few milliseconds to a client's five seconds of patience. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** A counter that every event passes by. */
  readonly tallied?: true;
  /** Shown only once it is set: what it tells of may not be there. */
  readonly hiddenUntilSet?: true;
  readonly buckets?: readonly number[];
}

export const metricTable = {
  requests: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_http_requests_total',
    help: 'Requests answered, by path, method and status. Paths that do not exist count as "other".',
    labels: ['path', 'method', 'status'],
  },
  events: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_events_total',
    help: 'Events, by kind (run, job, dataset, unknown) and what became of them: an error code, "acknowledged" by Kafka, "spooled" (on disk, synced), or "dead_letter".',
    labels: ['kind', 'outcome'],
  },
  sendersFileGood: {
    type: 'gauge',
    name: 'http2kafka_senders_file_good',
    help: '1 while the file of senders is in use as it is, 0 while it is not right and the last good one is used. Always 1 without one.',
  },
  senderEvents: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_sender_events_total',
    help: 'Events of known senders, by sender (the first 200; all others are "other"), the way it was recognised, and what became of them.',
    labels: ['sender', 'way', 'outcome'],
  },
  eventBytes: {
    type: 'counter',
    name: 'http2kafka_event_bytes_total',
    help: 'Bytes of events acknowledged by Kafka, decoded.',
  },
  checks: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_checks_total',
    help: 'Events checked, by check: "fast_path" for events that are surely valid, "full_check" for all others, at many times the cost.',
    labels: ['check'],
  },
  deviations: {
    type: 'counter',
    name: 'http2kafka_specification_deviations_total',
    help: "Events taken although they break the letter of OpenLineage's specification, by how.",
    labels: ['deviation'],
  },
  answerSeconds: {
    type: 'histogram',
    name: 'http2kafka_answer_seconds',
    help: 'Time from the head of a request for an event or a batch to its answer.',
    labels: ['status'],
    buckets: SECONDS,
  },
  acknowledgementSeconds: {
    type: 'histogram',
    name: 'http2kafka_kafka_acknowledgement_seconds',
    help: 'Time from sending a produce request to its answer.',
    buckets: SECONDS,
  },
  queueEvents: {
    type: 'gauge',
    name: 'http2kafka_queue_events',
    help: 'Events in memory that Kafka has not acknowledged, those that are in the spool as well included.',
  },
  queueBytes: {
    type: 'gauge',
    name: 'http2kafka_queue_bytes',
    help: 'Bytes of memory that these events take.',
  },
  queueOldestSeconds: {
    type: 'gauge',
    name: 'http2kafka_queue_oldest_seconds',
    help: 'How long the oldest of these events has been in memory.',
  },
  deliveryState: {
    type: 'gauge',
    name: 'http2kafka_delivery_state',
    help: '1 for the state that a topic is in, else 0: straight (to Kafka), spooling (to disk), draining (from disk).',
    labels: ['topic', 'state'],
  },
  spoolEvents: {
    type: 'gauge',
    name: 'http2kafka_spool_events',
    help: 'Events on disk that Kafka has not acknowledged.',
    labels: ['topic'],
  },
  spoolBytes: {
    type: 'gauge',
    name: 'http2kafka_spool_bytes',
    help: 'Bytes of disk that the spool takes.',
    labels: ['topic'],
  },
  spoolOldestSeconds: {
    type: 'gauge',
    name: 'http2kafka_spool_oldest_seconds',
    help: 'How long the oldest event has been on disk; exact to the age of its segment of 8 MiB.',
    labels: ['topic'],
  },
  spooled: {
    type: 'counter',
    name: 'http2kafka_spooled_events_total',
    help: 'Events written and synced to disk.',
  },
  spoolFailures: {
    type: 'counter',
    name: 'http2kafka_spool_failures_total',
    help: 'Events refused because the disk was full or failed, or the spool was at its limit, while Kafka was away.',
  },
  spoolDamaged: {
    type: 'counter',
    name: 'http2kafka_spool_damaged_events_total',
    help: 'Events that could not be read back from disk. Their file is set aside, under the name that the log tells.',
  },
  deadLetters: {
    type: 'counter',
    name: 'http2kafka_dead_letters_total',
    help: 'Acknowledged events that Kafka would not take (too-large, refused), and that went to the dead-letter topic.',
    labels: ['reason'],
  },
  undeliverable: {
    type: 'counter',
    name: 'http2kafka_undeliverable_events_total',
    help: 'Events that not even the dead-letter topic takes. They stay in the spool, and are tried again each minute.',
  },
  batches: {
    type: 'counter',
    name: 'http2kafka_kafka_batches_total',
    help: 'Record batches acknowledged by Kafka.',
  },
  batchRecords: {
    type: 'histogram',
    name: 'http2kafka_kafka_batch_records',
    help: 'Records of an acknowledged batch.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  },
  batchBytes: {
    type: 'counter',
    name: 'http2kafka_kafka_batch_bytes_total',
    help: 'Bytes of acknowledged batches, as sent (compressed).',
  },
  retries: {
    type: 'counter',
    name: 'http2kafka_kafka_retries_total',
    help: 'Batches sent again, by Kafka\'s name for the reason, or "network".',
    labels: ['reason'],
  },
  duplicatesPossible: {
    type: 'counter',
    name: 'http2kafka_duplicates_possible_total',
    help: 'Records that may be in Kafka twice, because an acknowledgement was lost: a broker or the proxy died, or it came too late.',
  },
  kafkaUp: {
    type: 'gauge',
    name: 'http2kafka_kafka_up',
    help: '1 while the main topic can be written to, as far as is known, else 0.',
  },
  connections: {
    type: 'gauge',
    name: 'http2kafka_connections',
    help: 'Open connections of clients.',
  },
  connectionsRefused: {
    type: 'counter',
    name: 'http2kafka_connections_refused_total',
    help: 'Connections closed as soon as they came, because there were `server.max_connections` of them.',
  },
  tlsHandshakeFailures: {
    type: 'counter',
    name: 'http2kafka_tls_handshake_failures_total',
    help: 'Connections on which TLS did not come about: not TLS, no common version, a certificate refused by either side, or too slow.',
  },
  tlsCertificateExpiry: {
    type: 'gauge',
    name: 'http2kafka_tls_certificate_expiry_timestamp_seconds',
    help: 'When the certificate in use ends, or the first to end of its chain: Unix time. 0 without TLS.',
  },
  tlsReloadFailures: {
    type: 'counter',
    name: 'http2kafka_tls_reload_failures_total',
    help: 'Changed certificate files that could not be used; those before stayed in use.',
  },
  databaseUp: {
    type: 'gauge',
    name: 'http2kafka_database_up',
    help: "1 while Data.Rentgen's database answers which personal tokens are revoked, 0 while it does not. Always 1 where it is not asked.",
  },
  authenticationFailures: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_authentication_failures_total',
    help: 'Requests whose sender was not recognised, by reason; "unavailable" where that could not be told (answered 503).',
    labels: ['reason'],
  },
  oidcUp: {
    type: 'gauge',
    hiddenUntilSet: true,
    name: 'http2kafka_oidc_up',
    help: '1 while the keys of the OpenID provider can be read, as far as is known, else 0. Not there without `auth.oidc.issuer`.',
  },
} as const satisfies Record<string, Definition>;

type MetricName = keyof typeof metricTable;
type Instrument<Row> = Row extends { tallied: true }
  ? Tally
  : Row extends { type: 'counter' }
    ? Counter
    : Row extends { type: 'gauge' }
      ? Gauge
      : Histogram;

/** One instrument for each row of the table. */
export type Metrics = { readonly registry: Registry<RegistryContentType> } & {
  readonly [Name in MetricName]: Instrument<(typeof metricTable)[Name]>;
};

/** The instruments of one proxy, in a registry of their own so that two proxies in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry<RegistryContentType>();
  collectDefaultMetrics({ register: registry });
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
        counts.show(this);
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
  const histogram = (row: Definition) =>
    new Histogram({
      name: row.name,
      help: row.help,
      labelNames: row.labels ?? [],
      buckets: [...(row.buckets ?? SECONDS)],
      registers: [registry],
    });
  return {
    registry,
    requests: tally(metricTable.requests),
    events: tally(metricTable.events),
    sendersFileGood: gauge(metricTable.sendersFileGood),
    senderEvents: tally(metricTable.senderEvents),
    eventBytes: counter(metricTable.eventBytes),
    checks: tally(metricTable.checks),
    deviations: counter(metricTable.deviations),
    answerSeconds: histogram(metricTable.answerSeconds),
    acknowledgementSeconds: histogram(metricTable.acknowledgementSeconds),
    queueEvents: gauge(metricTable.queueEvents),
    queueBytes: gauge(metricTable.queueBytes),
    queueOldestSeconds: gauge(metricTable.queueOldestSeconds),
    deliveryState: gauge(metricTable.deliveryState),
    spoolEvents: gauge(metricTable.spoolEvents),
    spoolBytes: gauge(metricTable.spoolBytes),
    spoolOldestSeconds: gauge(metricTable.spoolOldestSeconds),
    spooled: counter(metricTable.spooled),
    spoolFailures: counter(metricTable.spoolFailures),
    spoolDamaged: counter(metricTable.spoolDamaged),
    deadLetters: counter(metricTable.deadLetters),
    undeliverable: counter(metricTable.undeliverable),
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
    connectionsRefused: counter(metricTable.connectionsRefused),
    tlsHandshakeFailures: counter(metricTable.tlsHandshakeFailures),
    tlsCertificateExpiry: gauge(metricTable.tlsCertificateExpiry),
    tlsReloadFailures: counter(metricTable.tlsReloadFailures),
  };
}
