/** The loads: groups of shapes, each with its contenders and the ratio to the bare server that must not be exceeded. */
import type { ContenderName } from '../contenders/names.ts';
import { batches, gzippedMix, keyed, mix, ofTeams, realEvents, sized, type Bodies } from './bodies.ts';

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  /** A remark that the table cannot show. */
  readonly note: string;
  readonly shapes: readonly Shape[];
}

/** One load, which several contenders take in turn. */
export interface Shape {
  /** The name of the load in the tables. */
  readonly name: string;
  readonly bodies: () => Bodies;
  readonly path: string;
  readonly connections: number;
  /** Milliseconds that each connection waits between an answer and its next request. */
  readonly pauseMs: number;
  /** Further connections that have posted one event and are idle. */
  readonly idle: number;
  /** The contenders, the bare server first. */
  readonly contenders: readonly ContenderName[];
  /** The highest ratio to the bare server's CPU time that a version should have, besides 1.15 times the floor. */
  readonly atMost: Readonly<Partial<Record<ContenderName, number>>>;
}

export const groupNames = [
  'mix',
  'real',
  'large',
  'few',
  'batch',
  'sizes',
  'gzip',
  'partitions',
  'routing',
  'idle',
  'open',
  'start',
] as const;
export type GroupName = (typeof groupNames)[number];

const BASE: readonly ContenderName[] = ['bare', 'floor', 'none', 'against'];
const FLUENT_BIT: readonly ContenderName[] = ['fluent-bit', 'fluent-bit-files'];

const single = {
  path: '/api/v1/lineage',
  connections: 256,
  pauseMs: 0,
  idle: 0,
  contenders: BASE,
  atMost: {},
} as const;

/** Bytes of a body, and connections: wrk needs memory for each. */
const SIZES = [
  { name: '5 KB', bytes: 5000, connections: 32 },
  { name: '20 KB', bytes: 20_000, connections: 32 },
  { name: '300 KB', bytes: 300_000, connections: 16 },
  { name: '5 MB', bytes: 5_000_000, connections: 4 },
] as const;

const BATCHES = [10, 100] as const;
const KEYS = 10_000;
const IDLE_CONNECTIONS = 5000;

export const groups: readonly Group[] = [
  {
    name: 'mix',
    title: 'The mix: every single event of examples/ in turn',
    note: 'Events of Airflow, dbt, Flink, Python, Spark and Trino: fifteen of 1 to 6 KB, one of 66 KB.',
    shapes: [
      {
        ...single,
        name: 'mix',
        bodies: mix,
        connections: 32,
        contenders: [...BASE, 'lz4'],
        atMost: { none: 2 },
      },
      {
        ...single,
        name: 'mix',
        bodies: mix,
        contenders: [...BASE, 'lz4', 'zstd', 'log'],
        atMost: { none: 1.6, lz4: 1.8 },
      },
    ],
  },
  {
    name: 'real',
    title: 'A real event of 5.4 KB with 64 keys',
    note: 'An event of Airflow, as 64 jobs send it. The rivals that are installed take part; one is too slow for 256 connections.',
    shapes: [32, 256].map((connections) => ({
      ...single,
      name: '5.4 KB',
      bodies: realEvents,
      connections,
      // Data.Rentgen's http2kafka answers 256 connections in about the time of a round.
      contenders: [...BASE, ...FLUENT_BIT, 'fluent-bit-no-key', ...only(connections === 32, 'data-rentgen')],
      atMost: { none: connections === 32 ? 2 : 1.6 },
    })),
  },
  {
    name: 'large',
    title: 'Large events',
    note: 'Generated events as Spark sends them, mostly column lineage.',
    shapes: [
      {
        ...single,
        name: '66 KB',
        bodies: () => sized(66_000),
        connections: 32,
        contenders: [...BASE, 'lz4', ...FLUENT_BIT, 'data-rentgen'],
        atMost: { none: 2.2 },
      },
      {
        ...single,
        name: '1.2 MB',
        bodies: () => sized(1_200_000),
        connections: 8,
        // Data.Rentgen's http2kafka takes half a second for one.
        contenders: [...BASE, 'lz4', ...FLUENT_BIT],
        atMost: { none: 3 },
      },
    ],
  },
  {
    name: 'few',
    title: 'One connection, and senders that pause',
    note: 'The real event. With one connection the latency counts. 24 senders that wait 34 ms send 700 events a second at most.',
    shapes: [
      { ...single, name: 'one connection', bodies: realEvents, connections: 1 },
      {
        ...single,
        name: '24 senders, 34 ms pause',
        bodies: realEvents,
        connections: 24,
        pauseMs: 34,
        atMost: { none: 1.8 },
      },
    ],
  },
  {
    name: 'batch',
    title: 'Batches of events of 3.5 KB',
    note: 'CPU time and rate are per event; the latency is that of a whole batch.',
    shapes: [
      { ...single, name: 'one a request', bodies: () => sized(3500), connections: 32 },
      ...BATCHES.map((events) => ({
        ...single,
        name: `${events} a batch`,
        bodies: () => batches(events),
        path: '/api/v1/lineage/batch',
        connections: 32,
      })),
    ],
  },
  {
    name: 'sizes',
    title: 'Events of one size',
    note: 'Generated events as Spark sends them, mostly column lineage. See also the large events above.',
    shapes: SIZES.map(({ name, bytes, connections }) => ({
      ...single,
      name,
      bodies: () => sized(bytes),
      connections,
    })),
  },
  {
    name: 'gzip',
    title: 'The mix, each body compressed by its sender with gzip',
    note: 'The bare server does not decompress.',
    shapes: [{ ...single, name: 'mix, gzip', bodies: gzippedMix, contenders: ['bare', 'none', 'against'] }],
  },
  {
    name: 'partitions',
    title: 'A topic with 128 partitions, and ten thousand keys',
    note: 'Each event of 3.5 KB is of another job than the one before it.',
    shapes: [
      {
        ...single,
        name: '10,000 keys',
        bodies: () => keyed(KEYS),
        contenders: ['bare', 'none', 'against', 'many'],
      },
    ],
  },
  {
    name: 'routing',
    title: 'Routing rules: none, 200 of them, and several topics',
    note: 'Each event of 3.5 KB is of another of 200 teams than the one before it. Each team has a rule: half of the rules go by the namespace, half by the name of the job. With 50 topics the same events fill 150 partitions in place of 3.',
    shapes: [32, 256].map((connections) => ({
      ...single,
      name: '200 teams',
      bodies: ofTeams,
      connections,
      contenders: ['bare', 'none', 'against', 'rules', 'rules-50', 'three-topics'],
    })),
  },
  {
    name: 'idle',
    title: 'The mix, with 5,000 further idle connections',
    note: 'Each of them has posted one event and stays open. The bare server has as many.',
    shapes: [{ ...single, name: 'mix, 5,000 idle', bodies: mix, idle: IDLE_CONNECTIONS }],
  },
];

/** The rates of the open loop: shares of the highest rate of http2kafka. */
export const SHARES = [0.1, 0.5, 0.8] as const;

/** The contenders of the open loop. */
export const OPEN_CONTENDERS = BASE;

/** Number of starts of each program. The median counts. */
export const STARTS = 5;

function only(condition: boolean, name: ContenderName): ContenderName[] {
  return condition ? [name] : [];
}

/** The load under which a contender is warmed, and its cost from a fresh start on is measured. */
export const warmUpShape: Shape = {
  ...single,
  name: 'real event',
  bodies: realEvents,
  connections: 32,
};
