/** The plan of a day: everything that a seed decides before it begins. A smaller plan of it can be run as well. */
import type { ClusterOptions } from './cluster/kafka-cluster.ts';
import { DISK_FAULTS, faultKinds, type FaultKind, type FaultPlan } from './faults.ts';
import { CONSUMERS, LEVELS } from './places/levels.ts';
import { RULE_LISTS } from './places/rule-lists.ts';
import type { ProxySettings } from './proxy-process.ts';
import { MAX_POSTS, type SenderPlan } from './sender.ts';
import { streamOf } from './streams.ts';

export interface DayPlan {
  readonly seed: number;
  /** Milliseconds that the senders post. */
  readonly lengthMs: number;
  readonly cluster: ClusterOptions;
  /** Milliseconds that an operation of the disk takes, at most. */
  readonly diskMs: number;
  readonly settings: ProxySettings;
  /** The list of routing rules that the day begins with, if it has rules. */
  readonly rules: number;
  /** It has rules, also without a fault that changes them. */
  readonly isRouted: boolean;
  readonly senders: readonly SenderPlan[];
  readonly faults: readonly FaultPlan[];
}

const HOUR_MS = 3_600_000;

/** The places of the lists of rules with which a day may begin. */
const FIRST_LISTS = [...RULE_LISTS.keys()].filter((at) => RULE_LISTS[at] !== 'broken');

/** Faults of one kind in a day, at most. */
const MOST_OF_A_KIND = 2;

/** Of a thousand chances of a kind, so many become a fault on an ordinary day: some four faults of all kinds. */
const CHANCE = 50;

/** Milliseconds. In the first outage of a day, the folders of the spool are not there yet. */
const EARLY_MS = 10_000;

/** Faults of the first outage. */
const EARLY: ReadonlySet<FaultKind> = new Set(['crash-at-disk', 'kill-at-folder'] as const);

/** A day on which some faults come often, so that they meet. */
interface Theme {
  readonly settings: Partial<ProxySettings>;
  /** The senders are so, in turn. */
  readonly senders?: readonly Partial<SenderPlan>[];
  readonly cluster?: Partial<ClusterOptions>;
  readonly diskMs?: number;
  readonly faults: readonly FaultKind[];
}

/** So many times the chance of the faults of a theme. */
const THEME_CHANCE = 10;

const THEMES: Readonly<Record<string, Theme>> = {
  /**
   * Batches meet a small queue, a slow disk and a Kafka that is unavailable for moments. Then an event is often on its way
   * to the disk when the next of its batch comes.
   */
  crowded: {
    settings: { queueBytes: 30_000, spoolAfterMs: 100 },
    senders: [{ manner: 'hasty', burst: 40, gapMs: 200, pauseMs: 2000 }],
    diskMs: 40,
    faults: ['answers-held', 'brokers-flap'],
  },
  /** Kafka refuses records that may be written, and dead letters, between outages. */
  refusing: {
    settings: { spoolMaxAgeMs: 15_000 },
    faults: [
      'some-records-refused',
      'letters-parked',
      'operator-retries',
      'code-after',
      'answers-lost',
      'limit-lowered',
      'limit-lowered-in-flight',
      'all-down',
    ],
  },
  /** Clocks step between and in outages. */
  stepping: {
    settings: { spoolMaxAgeMs: 15_000, metadataMaxAgeMs: 300_000 },
    faults: ['clock-steps', 'clock-steps-in-outage', 'leaders-move', 'broker-down', 'all-down'],
  },
  /** Brokers with old views tell of topics that grow, while leaders move. */
  growing: {
    settings: { metadataMaxAgeMs: 200 },
    faults: ['partitions-added', 'leaders-move', 'reset', 'brokers-flap', 'broker-behind'],
  },
};

/** Themes of days that have no other: they came later, and change no day with a theme. */
const LATER_THEMES: Readonly<Record<string, Theme>> = {
  /** Many events wait while the spool is full. */
  full: {
    settings: { spoolBytes: 30_000, spoolAfterMs: 1000, queueBytes: 256 * 1024 * 1024 },
    senders: [{ manner: 'careless', burst: 40, gapMs: 0, pauseMs: 1000 }],
    faults: ['all-down', 'network-cut', 'answers-lost'],
  },
  /** The disk fails, and processes and machines end at any moment. */
  fragile: {
    settings: { segmentBytes: 2000 },
    faults: ['crash-at-disk', 'disk-fails-in-outage', 'kill-in-outage', 'power-cut-in-outage', 'restart'],
  },
};

/** Themes of days that still have none, and came later again. */
const LATEST_THEMES: Readonly<Record<string, Theme>> = {
  /** A request has a batch of both topics for the same partition, and an answer names one of them. */
  'two topics': {
    settings: { invalid: 'dead-letter' },
    senders: [
      { shape: 'run', pauseMs: 50, startMs: 0 },
      { shape: 'invalid', pauseMs: 50, startMs: 0 },
    ],
    cluster: { brokers: 1, replication: 1, minInSync: 1, partitions: 1 },
    faults: ['answers-incomplete', 'answers-lost', 'some-records-refused', 'letters-refused'],
  },
  /** The folders of topics are made just before the end of a process, and used by the next one. */
  beginning: {
    settings: { spoolAfterMs: 100 },
    senders: [{ shape: 'run', manner: 'hasty', pauseMs: 50, startMs: 0 }],
    faults: ['kill-at-folder'],
  },
  /** Brokers forget the producers of old events, whose batches go again. */
  aged: {
    settings: { timestamp: 'event-time', requestTimeoutMs: 1500 },
    senders: [{ ageMs: 3 * 24 * HOUR_MS }, { ageMs: 0 }],
    faults: ['answers-lost', 'leaders-move', 'leaders-move-late', 'broker-down', 'clock-steps'],
  },
  /** Topics come back with other partitions while records wait for some of them. */
  remade: {
    settings: { metadataMaxAgeMs: 200 },
    senders: [{ shape: 'run', manner: 'careless', burst: 5, pauseMs: 500, startMs: 0 }],
    cluster: { partitions: 6, autoCreate: false },
    faults: ['topic-remade', 'topic-deleted', 'broker-behind'],
  },
};

/** Themes of days that have none of the others: those came first. */
const PLACE_THEMES: Readonly<Record<string, Theme>> = {
  /** The rules that decide where an event goes change, also while topics cannot be written to. */
  routed: {
    settings: {},
    faults: ['rules-change', 'all-down', 'network-cut', 'answers-lost', 'kill', 'restart-in-outage'],
  },
  /** The proxy is started again with other levels. */
  levelled: {
    settings: {},
    faults: ['level-changes', 'rules-change', 'all-down', 'kill-in-outage'],
  },
};

/** Draws one part of the plan, by its name. */
type Draw = <Item>(name: string, items: readonly Item[]) => Item;

/** Makes the plan of a seed. Each part is drawn from its own source: see `streams.ts`. */
export function planOf(seed: number): DayPlan {
  const draw: Draw = (name, items) => streamOf(seed, name).of(items);
  const lengthMs = draw('length', [40_000, 90_000, 180_000]);
  const count = draw('senders', [2, 3, 4, 5, 6, 7]);
  const earlier =
    THEMES[draw('theme', ['', '', '', '', ...Object.keys(THEMES)])] ??
    LATER_THEMES[draw('later theme', ['', '', '', '', ...Object.keys(LATER_THEMES)])] ??
    LATEST_THEMES[draw('latest theme', ['', ...Object.keys(LATEST_THEMES)])];
  const place = draw('place theme', ['', ...Object.keys(PLACE_THEMES)]);
  const theme = earlier ?? PLACE_THEMES[place];
  const isRouted = theme === PLACE_THEMES['routed'];
  const levels =
    theme === PLACE_THEMES['levelled']
      ? { checkLevel: draw('check.level', LEVELS), consumers: draw('check.consumers', CONSUMERS) }
      : {};
  const senders = Array.from({ length: count }, (_, at) => senderOf(`sender-${at}`, lengthMs, draw));
  const alternatives = theme?.senders ?? [{}];
  return {
    seed,
    lengthMs,
    cluster: { ...clusterOf(draw), ...theme?.cluster },
    diskMs: theme?.diskMs ?? draw('disk', [0, 2, 10, 40]),
    settings: { ...settingsOf(draw), ...theme?.settings, ...levels, copied: copiedOf(senders, draw) },
    rules: draw('routing.file', FIRST_LISTS),
    isRouted,
    senders: senders.map((sender, at) => ({ ...sender, ...alternatives[at % alternatives.length] })),
    faults: faultsOf(seed, lengthMs, theme?.faults ?? [], draw),
  };
}

function clusterOf(draw: Draw): ClusterOptions {
  const brokers = draw('brokers', [1, 3, 3]);
  return {
    brokers,
    replication: brokers,
    minInSync: brokers === 1 ? 1 : draw('min.insync.replicas', [1, 2]),
    oldBrokers: draw('old brokers', [0, 0, 1, brokers]),
    autoCreate: draw('auto.create.topics.enable', [true, false]),
    partitions: draw('partitions', [1, 3, 6]),
    hidesConfigs: draw('right to read configurations', [false, true]),
  };
}

/** Every third day has events of several topics. */
function copiedOf(senders: readonly SenderPlan[], draw: Draw): string[] {
  if (!draw('copies', [false, false, true])) return [];
  return senders.map(({ name }) => name).filter((name) => draw(`${name} copies`, [true, false]));
}

function settingsOf(draw: Draw): Omit<ProxySettings, 'copied'> {
  return {
    mainTopic: 'events',
    deadLetterTopic: 'dead-letters',
    compression: draw('compression', ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']),
    partitioner: draw('partitioner', ['murmur2', 'crc32']),
    maxBatchBytes: draw('max_batch_size', [3000, 50_000, 1_000_000]),
    queueBytes: draw('queue.max_bytes', [8000, 60_000, 1_000_000, 256 * 1024 * 1024]),
    spoolBytes: draw('spool.max_bytes', [100_000, 10_000_000, 2 ** 33]),
    segmentBytes: draw('segment', [2000, 20_000, 8 * 1024 * 1024]),
    spoolAfterMs: draw('spool.after', [100, 1000, 1000]),
    spoolMaxAgeMs: draw('spool.max_age', [15_000, 7 * 24 * HOUR_MS]),
    // Short: then answers come after the time-out.
    requestTimeoutMs: draw('request_timeout', [1500, 10_000, 30_000]),
    // Often: then some answers are of brokers that have not heard of a change yet.
    metadataMaxAgeMs: draw('metadata_max_age', [200, 300_000]),
    invalid: draw('check.invalid', ['reject', 'dead-letter']),
    timestamp: draw('timestamp', ['event-time', 'arrival']),
    checkLevel: 'core',
    consumers: [],
  };
}

function senderOf(name: string, lengthMs: number, draw: Draw): SenderPlan {
  const own: Draw = (part, items) => draw(`${name} ${part}`, items);
  const burst = own('burst', [1, 1, 1, 5, 40]);
  return {
    name,
    shape: own('shape', ['run', 'run', 'run', 'child-run', 'job', 'dataset', 'invalid']),
    manner: own('manner', ['patient', 'patient', 'hasty', 'hasty', 'careless']),
    burst,
    gapMs: own('gap', [0, 2, 30, 200]),
    startMs: own('start', [0, 0, 0.25, 0.5]) * lengthMs,
    // A burst fills a day as many single events do. Evenly, or faster, and then with an end before that of the day.
    pauseMs: own('pause', [50, 200, 700, 3000, lengthMs / MAX_POSTS]) * Math.ceil(burst / 5),
    padding: own('padding', [0, 0, 0, 500, 2500, burst === 1 ? 20_000 : 0]),
    ageMs: own('age', [0, 0, 0, 5000, 120_000, 3 * 24 * HOUR_MS, -2 * HOUR_MS, -1000]),
  };
}

function faultsOf(seed: number, lengthMs: number, often: readonly FaultKind[], draw: Draw): FaultPlan[] {
  const ordinary = draw('faults', [0, 0.4, 1, 1, 1.6]) * CHANCE;
  const faults = faultKinds.flatMap((kind) => {
    const random = streamOf(seed, `fault ${kind}`);
    const chance = often.includes(kind) ? THEME_CHANCE * CHANCE : ordinary;
    return Array.from({ length: MOST_OF_A_KIND }, (_, at): FaultPlan | undefined => {
      const happens = random.below(1000) < chance;
      const longest = longestOf(kind);
      const plan = {
        kind,
        name: at === 0 ? kind : `${kind}-${at + 1}`,
        atMs: random.below(lengthMs) % (EARLY.has(kind) ? EARLY_MS : lengthMs),
        forMs: 1 + random.below(random.of([50, 2000, longest, longest])),
        choice: random.below(1_000_000),
      };
      return happens ? plan : undefined;
    }).filter((plan) => plan !== undefined);
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** Milliseconds. */
function longestOf(kind: FaultKind): number {
  return DISK_FAULTS.has(kind) || kind === 'process-stopped' ? 10_000 : 45_000;
}
