/** The measurements: every load, its contenders, and the ratio that was expected of each before the first measurement. */
import { batches, gzippedMix, keyed, mix, sized, type Bodies } from './bodies.ts';
import { isContenderName, type ContenderName } from './contenders.ts';

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  /** A remark that the table cannot show. */
  readonly note: string;
  readonly shapes: readonly Shape[];
}

/** One load, which several contenders take in turn. */
export interface Shape {
  /** The name of the load in the table. */
  readonly name: string;
  readonly bodies: () => Bodies;
  readonly path: string;
  readonly connections: number;
  /** Further connections that have posted one event and are idle. */
  readonly idle: number;
  /**
   * The contenders in addition to the yardstick, each with the expected ratio to the yardstick's CPU time. It was written down before
   * the first measurement. The table shows both.
   */
  readonly expected: Readonly<Partial<Record<ContenderName, number>>>;
}

export const groupNames = ['mix', 'sizes', 'gzip', 'batch', 'partitions', 'idle', 'start'] as const;
export type GroupName = (typeof groupNames)[number];

const single = { path: '/api/v1/lineage', connections: 256, idle: 0 };
const whole = { none: 1.7, lz4: 2, zstd: 2.6, routing: 1.7, log: 2 };
const parts = { http: 1.15, check: 1.3, delivery: 1.45 };

/** Bytes of a body, and the expected ratio without compression. Large bodies use fewer connections: wrk needs memory for each. */
const SIZES = [
  { name: '0.5 KB', bytes: 500, connections: 256, none: 1.7 },
  { name: '5 KB', bytes: 5000, connections: 256, none: 1.7 },
  { name: '50 KB', bytes: 50_000, connections: 256, none: 1.6 },
  { name: '500 KB', bytes: 500_000, connections: 32, none: 1.5 },
  { name: '1.2 MB', bytes: 1_200_000, connections: 32, none: 1.5 },
] as const;

/** The expected addition of compression to the ratio, for any size. */
const LZ4_MORE = 0.3;

const BATCHES = [
  { events: 1, none: 1.8 },
  { events: 10, none: 3 },
  { events: 100, none: 4 },
] as const;

const KEYS = 10_000;
const IDLE_CONNECTIONS = 5000;

export const groups: readonly Group[] = [
  {
    name: 'mix',
    title: 'The mix: every single event of examples/ in turn',
    note: 'A part is the proxy without the later parts; each contains the part above it, and more.',
    shapes: [
      { ...single, name: 'mix', bodies: mix, connections: 32, expected: whole },
      { ...single, name: 'mix', bodies: mix, expected: { ...whole, ...parts } },
    ],
  },
  {
    name: 'sizes',
    title: 'Events of one size',
    note: 'Generated events as Spark sends them, mostly column lineage. The topic takes all of them without compression.',
    shapes: SIZES.map(({ name, bytes, connections, none }) => ({
      ...single,
      name,
      bodies: () => sized(bytes),
      connections,
      expected: { none, lz4: none + LZ4_MORE },
    })),
  },
  {
    name: 'gzip',
    title: 'The mix, each body compressed by its sender with gzip',
    note: 'The bare server does not decompress.',
    shapes: [{ ...single, name: 'mix, gzip', bodies: gzippedMix, expected: { none: 2.2 } }],
  },
  {
    name: 'batch',
    title: 'Batches of events of 3.5 KB',
    note: 'CPU time and rate are per event; the latency is that of a whole batch.',
    shapes: BATCHES.map(({ events, none }) => ({
      ...single,
      name: `${events} a batch`,
      bodies: () => batches(events),
      path: '/api/v1/lineage/batch',
      connections: 32,
      expected: { none },
    })),
  },
  {
    name: 'partitions',
    title: 'Topics with more partitions, and ten thousand keys',
    note: 'Each event of 3.5 KB is of another job than the one before it.',
    shapes: [
      {
        ...single,
        name: '10,000 keys',
        bodies: () => keyed(KEYS),
        expected: { 'partitions-8': 1.8, 'partitions-128': 2.2 },
      },
    ],
  },
  {
    name: 'idle',
    title: 'The mix, with 5,000 further idle connections',
    note: 'Each of them has posted one event and stays open. The bare server has as many.',
    shapes: [
      { ...single, name: 'mix, 5,000 idle', bodies: mix, idle: IDLE_CONNECTIONS, expected: { none: 1.8 } },
    ],
  },
];

/** The contenders of a shape: the yardstick first. */
export function contendersOf({ expected }: Shape): ContenderName[] {
  return ['bare', ...Object.keys(expected).filter(isContenderName)];
}
