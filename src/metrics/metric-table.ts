/** The table of metrics. `docs/metrics.md` is made from it. */

/**
 * Buckets in seconds. Kafka normally acknowledges within a few milliseconds; clients wait five seconds for an answer.
 */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  /** At most three for a tally, and one for a histogram. */
  readonly labels?: readonly string[];
  /** True for a counter that every event increments: it is a `Tally`. */
  readonly tallied?: true;
  /** True for a metric that is absent until it is set, because the thing it measures may not exist. */
  readonly hiddenUntilSet?: true;
  readonly buckets?: readonly number[];
}

export const metricTable = {
  buildInfo: {
    type: 'gauge',
    name: 'http2kafka_build_info',
    help: 'Always 1. The labels name the versions of http2kafka and of Node.',
    labels: ['version', 'node'],
  },
  timeSeconds: {
    type: 'gauge',
    name: 'http2kafka_time_seconds',
    help: "Unix time by the clock of the proxy's machine. Prometheus has its own in `timestamp()`: compare the two.",
  },
  requests: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_http_requests_total',
    help: 'Requests answered, by path, method and status. All paths that do not exist count as "other".',
    labels: ['path', 'method', 'status'],
  },
  events: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_events_total',
    help: 'Events, by kind (run, job, dataset, unknown) and outcome: "acknowledged" by Kafka, "spooled" (on disk, synced), "dead_letter", "dropped" by a routing rule, or an error code.',
    labels: ['kind', 'outcome'],
  },
  sendersFileGood: {
    type: 'gauge',
    name: 'http2kafka_senders_file_good',
    help: '1 while the current file of senders is in use. 0 while it has an error, and the last good version is in use. Always 1 without such a file.',
  },
  senderEvents: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_sender_events_total',
    help: 'Events of recognised senders, by sender (the first 200; all others are "other"), way of authentication, and outcome.',
    labels: ['sender', 'way', 'outcome'],
  },
  ruleEvents: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_routing_rule_events_total',
    help: 'Valid events that a routing rule fitted, whether they were then kept or not, by rule (the first 200; all others are "other") and what it does: "topics", "dead-letter", "refuse", "drop".',
    labels: ['rule', 'action'],
  },
  routingFileGood: {
    type: 'gauge',
    name: 'http2kafka_routing_file_good',
    help: '1 while the current file of routing rules is in use. 0 while it has an error, and the last good version is in use. Always 1 without such a file.',
  },
  eventBytes: {
    type: 'counter',
    name: 'http2kafka_event_bytes_total',
    help: 'Bytes of the events that Kafka has acknowledged, decoded.',
  },
  checks: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_checks_total',
    help: 'Events checked, by check. "fast_path": the event is certainly valid. "full_check": all other events, at many times the cost.',
    labels: ['check'],
  },
  deviations: {
    type: 'counter',
    name: 'http2kafka_specification_deviations_total',
    help: "Deviations from OpenLineage's specification in events that were taken nevertheless, by deviation.",
    labels: ['deviation'],
  },
  consumersDrop: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_events_consumers_drop_total',
    help: 'Events that were taken, but that a consumer of `check.consumers` will drop, by consumer and its first reason. Compare it with http2kafka_events_consumers_examined_total.',
    labels: ['consumer', 'reason'],
  },
  senderConsumersDrop: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_sender_events_consumers_drop_total',
    help: 'The same, of recognised senders: by sender (the first 200; all others are "other"), way of authentication, and consumer.',
    labels: ['sender', 'way', 'consumer'],
  },
  consumersExamined: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_events_consumers_examined_total',
    help: 'Events that were examined for a consumer of `check.consumers`: all that were taken, except large ones when too many of them arrive at once.',
    labels: ['consumer'],
  },
  levelsRefuse: {
    type: 'counter',
    name: 'http2kafka_events_stricter_level_refuses_total',
    help: 'Events that were taken, but that another level of the check would refuse, by this level. A sample: of the events that http2kafka_events_stricter_level_examined_total counts.',
    labels: ['level'],
  },
  namingDeviations: {
    type: 'counter',
    name: 'http2kafka_dataset_naming_deviations_total',
    help: "Events that were taken with a dataset that deviates from OpenLineage's naming rules, by deviation. A sample: of the events that http2kafka_events_stricter_level_examined_total counts.",
    labels: ['deviation'],
  },
  levelsExamined: {
    type: 'counter',
    name: 'http2kafka_events_stricter_level_examined_total',
    help: 'Events that were examined for the other levels of the check. All events are while few arrive, some tens a second. Above that, it is a sample: the proxy takes a four-hundredth of one core for it.',
  },
  answerSeconds: {
    type: 'histogram',
    name: 'http2kafka_answer_seconds',
    help: 'Time from the arrival of the head of a request to its answer, for requests that post an event or a batch.',
    labels: ['status'],
    buckets: SECONDS,
  },
  acknowledgementSeconds: {
    type: 'histogram',
    name: 'http2kafka_kafka_acknowledgement_seconds',
    help: 'Time from sending a produce request to its answer from Kafka.',
    buckets: SECONDS,
  },
  queueEvents: {
    type: 'gauge',
    name: 'http2kafka_queue_events',
    help: 'Events in memory that Kafka has not acknowledged. Events that are also in the spool are included.',
  },
  queueBytes: {
    type: 'gauge',
    name: 'http2kafka_queue_bytes',
    help: 'Memory that the events of `http2kafka_queue_events` take.',
  },
  queueMaxBytes: {
    type: 'gauge',
    name: 'http2kafka_queue_max_bytes',
    help: 'The limit of `http2kafka_queue_bytes`: `queue.max_bytes`.',
  },
  queueOldestSeconds: {
    type: 'gauge',
    name: 'http2kafka_queue_oldest_seconds',
    help: 'Time that the oldest event of `http2kafka_queue_events` has been in memory.',
  },
  deliveryState: {
    type: 'gauge',
    name: 'http2kafka_delivery_state',
    help: '1 for the state of the topic, 0 for its other states. States: straight (to Kafka), spooling (to disk), draining (from disk to Kafka).',
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
    help: 'Disk space that the spool takes.',
    labels: ['topic'],
  },
  spoolMaxBytes: {
    type: 'gauge',
    name: 'http2kafka_spool_max_bytes',
    help: 'The limit of `http2kafka_spool_bytes`, for all topics together: `spool.max_bytes`, or what the volume gives.',
  },
  spoolDiskFree: {
    type: 'gauge',
    hiddenUntilSet: true,
    name: 'http2kafka_spool_disk_free_bytes',
    help: 'Free space of the volume that the spool is on, asked every 10 s.',
  },
  spoolOldestSeconds: {
    type: 'gauge',
    name: 'http2kafka_spool_oldest_seconds',
    help: 'Time that the oldest event has been on disk, as exact as the age of its segment of 8 MiB.',
    labels: ['topic'],
  },
  spoolMaxAgeSeconds: {
    type: 'gauge',
    name: 'http2kafka_spool_max_age_seconds',
    help: 'The limit of `http2kafka_spool_oldest_seconds`, for each topic: `spool.max_age`.',
  },
  spooled: {
    type: 'counter',
    name: 'http2kafka_spooled_events_total',
    help: 'Events written and synced to disk.',
  },
  spoolFailures: {
    type: 'counter',
    name: 'http2kafka_spool_failures_total',
    help: 'Events refused while Kafka was unavailable, because the disk was full or failed, or the spool was at its limit.',
  },
  spoolDamaged: {
    type: 'counter',
    name: 'http2kafka_spool_damaged_events_total',
    help: 'Events that could not be read back from disk. Their file is set aside; the log has its name.',
  },
  spoolLost: {
    type: 'counter',
    name: 'http2kafka_spool_lost_events_total',
    help: 'Acknowledged events that were on disk only, and that someone removed from the spool folder while the proxy ran.',
  },
  deadLetters: {
    type: 'counter',
    name: 'http2kafka_dead_letters_total',
    help: 'Events that were answered as kept, or that another topic has, and that Kafka then refused. They are in the dead-letter topic. Reasons: too-large, refused.',
    labels: ['reason'],
  },
  undeliverable: {
    type: 'counter',
    name: 'http2kafka_undeliverable_events_total',
    help: 'Events that the dead-letter topic does not take either. They are parked on disk, and the proxy retries them each minute.',
  },
  parkedEvents: {
    type: 'gauge',
    name: 'http2kafka_parked_events',
    help: 'Events parked on disk, because not even the dead-letter topic takes them. `http2kafka spool` lists them.',
    labels: ['topic'],
  },
  parkedBytes: {
    type: 'gauge',
    name: 'http2kafka_parked_bytes',
    help: 'Bytes of disk that parked events take. They count for `spool.max_bytes`.',
    labels: ['topic'],
  },
  batches: {
    type: 'counter',
    name: 'http2kafka_kafka_batches_total',
    help: 'Record batches that Kafka has acknowledged.',
  },
  batchRecords: {
    type: 'histogram',
    name: 'http2kafka_kafka_batch_records',
    help: 'Number of records in an acknowledged batch.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  },
  batchBytes: {
    type: 'counter',
    name: 'http2kafka_kafka_batch_bytes_total',
    help: 'Bytes of acknowledged batches as they were sent (compressed).',
  },
  retries: {
    type: 'counter',
    name: 'http2kafka_kafka_retries_total',
    help: 'Batches sent again, by reason: Kafka\'s name of the error, or "network".',
    labels: ['reason'],
  },
  duplicatesPossible: {
    type: 'counter',
    name: 'http2kafka_duplicates_possible_total',
    help: 'Records that may be in Kafka twice, because their acknowledgement came too late, or was lost when a broker or the proxy died.',
  },
  kafkaUp: {
    type: 'gauge',
    name: 'http2kafka_kafka_up',
    help: '1 while the topic can be written to, as far as is known, else 0. Also 0 while Kafka refuses every record of it.',
    labels: ['topic'],
  },
  connections: {
    type: 'gauge',
    name: 'http2kafka_connections',
    help: 'Open connections of clients.',
  },
  maxConnections: {
    type: 'gauge',
    name: 'http2kafka_max_connections',
    help: 'The limit of `http2kafka_connections`: `server.max_connections`, or less if the process may not open that many files.',
  },
  bodyMemoryBytes: {
    type: 'gauge',
    name: 'http2kafka_body_memory_bytes',
    help: 'Memory of the bodies that are received, decoded and handled, without those that came in one piece.',
  },
  bodyMemoryMaxBytes: {
    type: 'gauge',
    name: 'http2kafka_body_memory_max_bytes',
    help: 'The limit of `http2kafka_body_memory_bytes`: `server.max_body_memory`.',
  },
  answerMemoryBytes: {
    type: 'gauge',
    name: 'http2kafka_answer_memory_bytes',
    help: 'Memory of the answers that their clients have not read yet, without the short ones.',
  },
  answerMemoryMaxBytes: {
    type: 'gauge',
    name: 'http2kafka_answer_memory_max_bytes',
    help: 'The limit of `http2kafka_answer_memory_bytes`: `server.max_answer_memory`.',
  },
  connectionsRefused: {
    type: 'counter',
    name: 'http2kafka_connections_refused_total',
    help: 'Connections closed because `server.max_connections` were open: idle ones for new ones, and new ones if none was idle.',
  },
  tlsHandshakeFailures: {
    type: 'counter',
    name: 'http2kafka_tls_handshake_failures_total',
    help: 'Failed TLS handshakes: not TLS, no common version, a certificate that either side refused, or too slow.',
  },
  tlsCertificateExpiry: {
    type: 'gauge',
    hiddenUntilSet: true,
    name: 'http2kafka_tls_certificate_expiry_timestamp_seconds',
    help: 'Unix time at which the certificate chain in use expires: the earliest end of its certificates. Absent without TLS.',
  },
  tlsReloadFailures: {
    type: 'counter',
    name: 'http2kafka_tls_reload_failures_total',
    help: 'Changed certificate files that could not be used. The previous files stayed in use.',
  },
  databaseUp: {
    type: 'gauge',
    name: 'http2kafka_database_up',
    help: "1 while Data.Rentgen's database answers which personal tokens are revoked, else 0. Always 1 if it is not in use.",
  },
  authenticationFailures: {
    type: 'counter',
    tallied: true,
    name: 'http2kafka_authentication_failures_total',
    help: 'Requests with a sender that was not recognised, by reason. "unavailable": the credential could not be checked (answered 503).',
    labels: ['reason'],
  },
  oidcUp: {
    type: 'gauge',
    hiddenUntilSet: true,
    name: 'http2kafka_oidc_up',
    help: '1 while the keys of the OpenID provider can be read, as far as is known, else 0. Absent without `auth.oidc.issuer`.',
  },
} as const satisfies Record<string, Definition>;
