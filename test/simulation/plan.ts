/** The plan of a day: everything that a seed decides before it begins. A smaller plan of it can be run as well. */
import { Random } from '../openlineage/random.ts';
import type { ClusterOptions } from './cluster/kafka-cluster.ts';
import { DISK_FAULTS, faultKinds, type FaultPlan } from './faults.ts';
import type { ProxySettings } from './proxy-process.ts';
import type { SenderPlan } from './sender.ts';

export interface DayPlan {
  readonly seed: number;
  /** Milliseconds that the senders post. */
  readonly lengthMs: number;
  readonly cluster: ClusterOptions;
  readonly settings: ProxySettings;
  readonly senders: readonly SenderPlan[];
  readonly faults: readonly FaultPlan[];
}

const HOUR_MS = 3_600_000;

/** Makes the plan of a seed. */
export function planOf(seed: number): DayPlan {
  const random = new Random(seed);
  const lengthMs = random.of([40_000, 90_000, 180_000]);
  const brokers = random.of([1, 3, 3]);
  return {
    seed,
    lengthMs,
    cluster: {
      brokers,
      replication: brokers,
      minInSync: brokers === 1 ? 1 : random.of([1, 2]),
      isOld: random.below(3) === 0,
      autoCreate: random.below(2) === 0,
      partitions: random.of([1, 3, 6]),
    },
    settings: settingsOf(random),
    senders: Array.from({ length: 2 + random.below(6) }, (_, at) => senderOf(at, random)),
    faults: faultsOf(lengthMs, random),
  };
}

function settingsOf(random: Random): ProxySettings {
  return {
    mainTopic: 'events',
    deadLetterTopic: 'dead-letters',
    compression: random.of(['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']),
    partitioner: random.of(['murmur2', 'crc32']),
    maxBatchBytes: random.of([3000, 50_000, 1_000_000]),
    queueBytes: random.of([60_000, 1_000_000, 256 * 1024 * 1024]),
    spoolBytes: random.of([100_000, 10_000_000, 2 ** 33]),
    segmentBytes: random.of([2000, 20_000, 8 * 1024 * 1024]),
    spoolAfterMs: random.of([100, 1000, 1000]),
    spoolMaxAgeMs: random.of([15_000, 7 * 24 * HOUR_MS]),
    // Often: then some answers are of brokers that have not heard of a change yet.
    metadataMaxAgeMs: random.of([200, 300_000]),
    invalid: random.of(['reject', 'dead-letter']),
    timestamp: random.of(['event-time', 'arrival']),
  };
}

function senderOf(at: number, random: Random): SenderPlan {
  const manner = random.of(['patient', 'patient', 'hasty', 'careless'] as const);
  const burst = random.of([1, 1, 1, 5, 40]);
  return {
    name: `sender-${at}`,
    shape: random.of(['run', 'run', 'run', 'child-run', 'job', 'dataset', 'invalid']),
    manner,
    burst,
    // A burst fills a day as many single events do.
    pauseMs: random.of([50, 200, 700, 3000]) * Math.ceil(burst / 5),
    padding: random.of([0, 0, 0, 500, 2500, burst === 1 ? 20_000 : 0]),
    ageMs: random.of([0, 0, 0, 5000, 120_000, 3 * 24 * HOUR_MS, -2 * HOUR_MS, -1000]),
  };
}

function faultsOf(lengthMs: number, random: Random): FaultPlan[] {
  const count = random.below(8);
  const faults = Array.from({ length: count }, (): FaultPlan => {
    const kind = random.of(faultKinds);
    const longest = DISK_FAULTS.has(kind) || kind === 'process-stopped' ? 10_000 : 45_000;
    return {
      kind,
      atMs: random.below(lengthMs),
      forMs: 1 + random.below(random.of([50, 2000, longest, longest])),
      choice: random.below(1_000_000),
    };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}
