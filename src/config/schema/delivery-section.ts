/** The way of an event: the check, the queue in memory, the spool on disk, and the topics. */
import { section, setting, shareForEvents } from './declaration.ts';
import { bytes, duration, list, oneOf, optional } from './kind.ts';
import { folderPath, topic } from './text-kinds.ts';

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;
const DAY_MS = 86_400_000;

/** The records in Kafka. */
export const producer = section('The records that the proxy writes to Kafka.', {
  mainTopic: setting(topic, {
    default: 'input.runs',
    description: 'The topic for events.',
    dataRentgen: true,
    flags: [{ name: '--topic', argument: 'topic' }],
  }),
  malformedTopic: setting(topic, {
    default: 'input.runs__malformed',
    description:
      'The dead-letter topic, for events that Kafka refuses after the proxy acknowledged them. If `check.invalid` is `dead-letter`, also for events that the check refuses.',
    dataRentgen: true,
  }),
  maxBatchSize: setting(bytes({ from: 1, to: GIBIBYTE }), {
    default: MEBIBYTE,
    description: "Largest batch for one partition. The proxy also keeps to the topic's own limit.",
    dataRentgen: true,
  }),
  maxRequestSize: setting(bytes({ from: 1, to: GIBIBYTE }), {
    default: 5 * MEBIBYTE,
    description:
      'Largest body of a request, after it is decompressed. The proxy answers 413 to larger requests.',
    dataRentgen: true,
  }),
  timestamp: setting(oneOf(['event-time', 'arrival']), {
    default: 'event-time',
    description:
      "The timestamp of a record: the event's `eventTime`, or the time of its arrival. A time that Kafka does not take gives way to the time of arrival, then to the time of sending. Kafka's retention by time uses it, so a topic may delete an old event at once.",
  }),
  acks: setting(oneOf(['all'], { '-1': 'all' }), {
    default: 'all',
    description:
      'The replicas that must have an event before the proxy acknowledges it: always all in-sync replicas.',
    dataRentgen: true,
    overruled: {
      values: ['0', '1'],
      by: 'all',
      why: 'Kafka could lose an acknowledged event',
    },
  }),
});

/** The queue in memory. */
export const queue = section('The memory for events that wait for Kafka.', {
  maxBytes: setting(bytes({ from: 1, to: 1024 * GIBIBYTE }), {
    default: 256 * MEBIBYTE,
    derived: shareForEvents(8, 256 * MEBIBYTE, "an eighth of the container's memory, at most 256 MiB"),
    description:
      'Memory for events that are neither in Kafka nor on disk yet. The proxy answers 503 to events above this limit.',
  }),
});

/** The queue on disk. */
export const spool = section('The disk for events that Kafka does not take at the moment.', {
  path: setting(folderPath, {
    default: '/var/lib/http2kafka',
    description:
      'The folder for events, on a disk that survives a restart. The proxy creates it if it does not exist. Each proxy needs its own folder.',
    flags: [{ name: '--spool-path', argument: 'path' }],
  }),
  after: setting(duration({ from: 1, to: DAY_MS }), {
    default: 1_000,
    description:
      "How long an event may wait for Kafka's acknowledgement. Then the proxy writes it to disk and answers 201. While Kafka is known to be unavailable, it does so at once.",
  }),
  maxBytes: setting(optional(bytes({ from: MEBIBYTE, to: 1024 * GIBIBYTE })), {
    default: undefined,
    description:
      'Disk space for events. Without it, a tenth of the volume stays free, or half of what is left if that is less, and the spool takes 10 GiB at most. The proxy answers 503 to events above this limit. It never drops an event that is on disk.',
  }),
  maxAge: setting(duration({ from: 1, to: 3650 * DAY_MS }), {
    default: 7 * DAY_MS,
    description:
      'Largest age of the oldest event on disk. Above it, while Kafka is unavailable, the proxy answers 503 to new events and `/monitoring/ready` reports it. It never drops an event that is on disk.',
  }),
});

/** The check of events. */
export const check = section('The check of events.', {
  level: setting(oneOf(['routing', 'core', 'openmetadata', 'data-rentgen', 'strict']), {
    default: 'core',
    description:
      '`routing` refuses events without a key or a time. `core` also refuses events that no consumer of OpenLineage can use. `openmetadata` and `data-rentgen` also refuse what this consumer drops. `strict` also refuses each deviation from the schema 2-0-2 of OpenLineage and from those of its standard facets.',
    flags: [{ name: '--check-level', argument: 'level' }],
  }),
  consumers: setting(list(oneOf(['openmetadata', 'data-rentgen'])), {
    default: [],
    description:
      'The consumers that read the events. The proxy counts what each of them drops, and takes the events nevertheless: `http2kafka_events_consumers_drop_total`.',
    flags: [{ name: '--check-consumers', argument: 'consumers' }],
  }),
  invalid: setting(oneOf(['reject', 'dead-letter']), {
    default: 'reject',
    description:
      'What happens to an event that the check refuses. `reject` answers 422. `dead-letter` answers 201 and writes the event to `producer.malformed_topic`.',
  }),
});
