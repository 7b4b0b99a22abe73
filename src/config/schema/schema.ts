import { auth, database } from './auth-section.ts';
import { section, setting, type NamesOf, type SettingsOf } from './declaration.ts';
import { kafka } from './kafka-section.ts';
import { boolean, bytes, duration, oneOf } from './kind.ts';
import { server } from './server-section.ts';
import { folderPath, topic } from './text-kinds.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

const producer = section('What becomes of an event in Kafka.', {
  mainTopic: setting(topic, {
    default: 'input.runs',
    sentence: 'The topic that events are written to.',
    dataRentgen: true,
  }),
  malformedTopic: setting(topic, {
    default: 'input.runs__malformed',
    sentence:
      'The dead-letter topic: for events that Kafka would not take after they were acknowledged, and, where `check.invalid` is `dead-letter`, for those that the check refuses.',
    dataRentgen: true,
  }),
  maxBatchSize: setting(bytes({ from: 1, to: gibibyte }), {
    default: mebibyte,
    sentence: "The most that goes to one partition at once; it is kept under the topic's own limit.",
    dataRentgen: true,
  }),
  maxRequestSize: setting(bytes({ from: 1, to: gibibyte }), {
    default: 5 * mebibyte,
    sentence: 'The largest body of a request, after decoding; what is larger is answered 413.',
    dataRentgen: true,
  }),
  timestamp: setting(oneOf(['event-time', 'arrival']), {
    default: 'event-time',
    sentence:
      "The record's time: the event's `eventTime`, or that of its arrival. Retention by time goes by it, so that a topic may drop an old event at once.",
  }),
  acks: setting(oneOf(['all'], { '-1': 'all' }), {
    default: 'all',
    sentence: 'Replicas that must have an event before it is acknowledged: always all that are in sync.',
    dataRentgen: true,
    overruled: {
      values: ['0', '1'],
      by: 'all',
      why: 'an acknowledged event could be lost with less',
    },
  }),
});

const queue = section('The memory where events wait for Kafka.', {
  maxBytes: setting(bytes({ from: 1, to: 1024 * gibibyte }), {
    default: 256 * mebibyte,
    sentence:
      'Memory for events that are neither in Kafka nor on disk yet; what comes above is answered 503.',
  }),
});

const day = 86_400_000;

const spool = section('The disk where events stay while Kafka does not take them.', {
  path: setting(folderPath, {
    default: '/var/lib/http2kafka',
    sentence:
      'The folder for events, on a disk that survives a restart; it is made where there is none. Each proxy needs its own.',
    flags: [{ name: '--spool-path', argument: 'path' }],
  }),
  after: setting(duration({ from: 1, to: day }), {
    default: 1_000,
    sentence:
      "How long an event may wait for Kafka's acknowledgement before it goes to the disk and is answered 202. While Kafka is known to be away it goes there at once.",
  }),
  maxBytes: setting(bytes({ from: mebibyte, to: 1024 * gibibyte }), {
    default: 10 * gibibyte,
    sentence: 'Disk for events; what comes above is answered 503. Nothing that is on disk is ever dropped.',
  }),
  maxAge: setting(duration({ from: 1, to: 3650 * day }), {
    default: 7 * day,
    sentence:
      'How old the oldest event on disk may grow. Past it, while Kafka is away, new events are answered 503 and `/monitoring/ready` says so. Nothing that is on disk is ever dropped.',
  }),
});

const check = section('Which events are taken.', {
  level: setting(oneOf(['routing', 'core']), {
    default: 'core',
    sentence:
      '`routing` refuses what lacks a key or a time; `core` also what no consumer of OpenLineage could use.',
    flags: [{ name: '--check-level', argument: 'level' }],
  }),
  invalid: setting(oneOf(['reject', 'dead-letter']), {
    default: 'reject',
    sentence:
      'What becomes of an event that the check refuses: `reject` answers 422, `dead-letter` answers 202 and writes it to `producer.malformed_topic`.',
  }),
});

const logging = section('What the program says of itself, on standard error.', {
  enabled: setting(boolean(), { default: true, sentence: 'Log at all.', dataRentgen: true }),
  preset: setting(oneOf(['plain', 'colored', 'json']), {
    default: 'plain',
    sentence: 'How a line looks: for people, for people with a terminal, for machines.',
    dataRentgen: true,
    flags: [
      { name: '--use-colors', gives: 'colored' },
      { name: '--no-use-colors', gives: 'plain' },
    ],
  }),
  level: setting(
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], { warning: 'warn', critical: 'fatal' }),
    {
      default: 'info',
      sentence: 'The least that is worth a line.',
      flags: [{ name: '--log-level', argument: 'level' }],
    },
  ),
});

/** Every setting of the program, each declared here or in the file of its section, and nowhere else. */
export const schema = { kafka, producer, queue, spool, check, auth, database, logging, server };

/** What the program runs on: nested as the schema is, every value present and checked, frozen. */
export type Settings = SettingsOf<typeof schema>;

/** The name of a setting as users write it. */
export type SettingName = NamesOf<typeof schema>;
