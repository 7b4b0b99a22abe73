/** What can go wrong in a day: how each fault begins and how it ends. */
import type { Random } from '../openlineage/random.ts';
import { errorCodeOf } from '../../src/kafka/error-code.ts';
import { BROKER_CODES } from './cluster/broker-codes.ts';
import type { ProxySettings } from './proxy-process.ts';
import { GRACE_MS, type World } from './world.ts';

/** A fault in the plan of a day. */
export interface FaultPlan {
  readonly kind: FaultKind;
  /** Milliseconds from the start of the day. */
  readonly atMs: number;
  readonly forMs: number;
  /** Chooses a broker, a code, an amount: each fault uses it in its own way. */
  readonly choice: number;
}

/** What a fault works on. */
export interface Scene {
  readonly world: World;
  readonly settings: ProxySettings;
  /** Starts the proxy again with these settings. */
  readonly restart: (settings: ProxySettings) => Promise<void>;
  readonly random: Random;
}

interface Fault {
  /** The fault in words, for the trace. */
  readonly what: (plan: FaultPlan, scene: Scene) => string;
  /** Begins the fault. Resolves when it has ended. */
  readonly run: (plan: FaultPlan, scene: Scene) => Promise<void>;
}

/** Codes that a leader answers before it appends, and may answer for a while. */
const PASSING_CODES = [
  BROKER_CODES.LEADER_NOT_AVAILABLE,
  BROKER_CODES.NOT_LEADER_OR_FOLLOWER,
  BROKER_CODES.NOT_ENOUGH_REPLICAS,
  BROKER_CODES.KAFKA_STORAGE_ERROR,
  BROKER_CODES.CLUSTER_AUTHORIZATION_FAILED,
  BROKER_CODES.THROTTLING_QUOTA_EXCEEDED,
  BROKER_CODES.UNKNOWN_SERVER_ERROR,
  BROKER_CODES.UNKNOWN_TOPIC_OR_PARTITION,
  BROKER_CODES.CORRUPT_MESSAGE,
];

/** Codes that a leader may answer although the batch is in its log. */
const AFTER_CODES = [
  BROKER_CODES.REQUEST_TIMED_OUT,
  BROKER_CODES.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  BROKER_CODES.UNKNOWN_SERVER_ERROR,
  BROKER_CODES.NOT_LEADER_OR_FOLLOWER,
  BROKER_CODES.KAFKA_STORAGE_ERROR,
];

const brokerOf = ({ choice }: FaultPlan, { world }: Scene) => (choice % world.cluster.options.brokers) + 1;

function lasting(
  what: Fault['what'],
  begin: (scene: Scene, plan: FaultPlan) => void,
  end: (scene: Scene, plan: FaultPlan) => void,
): Fault {
  return {
    what,
    async run(plan, scene) {
      begin(scene, plan);
      await scene.world.pass(plan.forMs);
      end(scene, plan);
    },
  };
}

const table = {
  'broker-down': lasting(
    (plan, scene) => `broker ${brokerOf(plan, scene)} is killed`,
    (scene, plan) => void scene.world.cluster.down(brokerOf(plan, scene)),
    (scene, plan) => void scene.world.cluster.up(brokerOf(plan, scene)),
  ),
  'broker-silent': lasting(
    (plan, scene) => `broker ${brokerOf(plan, scene)} loses its network`,
    (scene, plan) => void scene.world.cluster.silence(brokerOf(plan, scene)),
    (scene, plan) => void scene.world.cluster.up(brokerOf(plan, scene)),
  ),
  'broker-slow': lasting(
    (plan, scene) => `broker ${brokerOf(plan, scene)} is ${slownessOf(plan)} ms slower`,
    (scene, plan) => (scene.world.cluster.broker(brokerOf(plan, scene)).slowMs = slownessOf(plan)),
    (scene, plan) => (scene.world.cluster.broker(brokerOf(plan, scene)).slowMs = 0),
  ),
  'all-down': lasting(
    () => 'all brokers are killed',
    ({ world }) => world.cluster.brokers.forEach(({ node }) => void world.cluster.down(node)),
    ({ world }) => world.cluster.brokers.forEach(({ node }) => void world.cluster.up(node)),
  ),
  'network-cut': lasting(
    () => 'the proxy reaches no broker',
    ({ world }) => (world.network.isCut = true),
    ({ world }) => (world.network.isCut = false),
  ),
  'answers-lost': lasting(
    () => 'some answers of brokers do not arrive',
    ({ world }, { choice }) => (world.network.lostAnswers = 50 + (choice % 600)),
    ({ world }) => (world.network.lostAnswers = 0),
  ),
  'batches-corrupt': lasting(
    () => 'some batches arrive with a changed byte',
    ({ world }) => (world.network.corruptBatches = 300),
    ({ world }) => (world.network.corruptBatches = 0),
  ),
  reset: lasting(
    () => 'all connections to brokers break',
    ({ world }) => world.cluster.disconnectAll(),
    () => undefined,
  ),
  'leaders-move': lasting(
    () => 'leaders move',
    ({ world }) => world.cluster.moveLeaders(),
    ({ world }) => world.cluster.moveLeaders(),
  ),
  'code-before': lasting(
    ({ choice }) =>
      `the main topic answers ${errorCodeOf(pick(PASSING_CODES, choice)).name}, and appends nothing`,
    ({ world, settings }, { choice }) =>
      void world.cluster.scripts.push({
        topic: settings.mainTopic,
        errorCode: pick(PASSING_CODES, choice),
        isAppended: false,
        left: 1 + (choice % 7),
      }),
    ({ world }) => void world.cluster.scripts.splice(0),
  ),
  'code-after': lasting(
    ({ choice }) =>
      `the main topic answers ${errorCodeOf(pick(AFTER_CODES, choice)).name} for what it appends`,
    ({ world, settings }, { choice }) =>
      void world.cluster.scripts.push({
        topic: settings.mainTopic,
        errorCode: pick(AFTER_CODES, choice),
        isAppended: true,
        left: 1 + (choice % 7),
      }),
    ({ world }) => void world.cluster.scripts.splice(0),
  ),
  'records-refused': lasting(
    () => 'the main topic refuses every record of some batches',
    ({ world, settings }, { choice }) =>
      void world.cluster.scripts.push({
        topic: settings.mainTopic,
        errorCode: BROKER_CODES.INVALID_RECORD,
        isAppended: false,
        left: 1 + (choice % 30),
      }),
    ({ world }) => void world.cluster.scripts.splice(0),
  ),
  'not-allowed': lasting(
    () => 'the proxy may not write to the main topic',
    (scene) => allow(scene, false),
    (scene) => allow(scene, true),
  ),
  'no-ids': lasting(
    () => 'no broker gives producer ids',
    ({ world }) => (world.cluster.givesIds = false),
    ({ world }) => (world.cluster.givesIds = true),
  ),
  'producers-forgotten': lasting(
    () => 'the brokers forget all producers',
    ({ world }) => world.cluster.forgetProducers(),
    () => undefined,
  ),
  'topic-deleted': lasting(
    () => 'the main topic is deleted, and made again later',
    ({ world, settings }) => world.cluster.deleteTopic(settings.mainTopic),
    ({ world, settings }) => world.cluster.createTopic(settings.mainTopic),
  ),
  'partitions-added': lasting(
    () => 'the main topic gets more partitions',
    ({ world, settings }, { choice }) => world.cluster.addPartitions(settings.mainTopic, 1 + (choice % 3)),
    () => undefined,
  ),
  'limit-lowered': lasting(
    ({ choice }) => `the main topic takes ${limitOf(choice)} bytes a batch`,
    (scene, { choice }) => configure(scene, 'max.message.bytes', limitOf(choice)),
    (scene) => configure(scene, 'max.message.bytes', undefined),
  ),
  'codec-refused': lasting(
    () => 'the main topic takes no compression but gzip',
    (scene) => refuseCodecs(scene, new Map([2, 3, 4].map((codec) => [codec, 76]))),
    (scene) => refuseCodecs(scene, new Map()),
  ),
  'times-limited': lasting(
    () => 'the main topic takes no records older than a minute',
    (scene) => limitTimes(scene, 60_000),
    (scene) => limitTimes(scene, undefined),
  ),
  'disk-full': lasting(
    () => 'the disk is nearly full',
    ({ world }, { choice }) => (world.disk.capacity = world.disk.bytesUsed + (choice % 20_000)),
    ({ world }) => (world.disk.capacity = Infinity),
  ),
  'disk-fails': lasting(
    () => 'the disk fails now and then',
    ({ world }, { choice }) => {
      const often = 50 + (choice % 500);
      world.disk.operations.faults = {
        write: often,
        sync: often,
        create: often,
        shortWrite: 300,
        remove: often,
      };
    },
    ({ world }) => (world.disk.operations.faults = {}),
  ),
  'disk-hangs': {
    what: () => 'the disk hangs',
    async run({ forMs }, { world }) {
      const { operations } = world.disk;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      operations.hangs = promise;
      await world.pass(forMs);
      operations.hangs = undefined;
      resolve(undefined);
    },
  },
  kill: crash('kill'),
  'power-cut': crash('power cut'),
  restart: {
    what: () => 'the proxy is stopped, and started again with other settings',
    async run({ choice, forMs }, scene) {
      const { world } = scene;
      if (!world.proxy) return;
      await world.stop();
      await world.pass(Math.min(forMs, 5000));
      await scene.restart(changedSettings(scene.settings, choice));
    },
  },
  'process-stopped': {
    what: ({ forMs }) => `the proxy is stopped by SIGSTOP for ${forMs} ms`,
    async run({ forMs }, { world }) {
      const { proxy } = world;
      proxy?.time.stop();
      await world.pass(forMs);
      proxy?.time.continue();
    },
  },
  'clock-steps': {
    what: ({ choice }) => `the proxy's clock steps by ${stepOf(choice) / 1000} s`,
    async run({ choice }, { world }) {
      world.wallOffsetMs += stepOf(choice);
      world.proxy?.time.stepWall(stepOf(choice));
      await world.pass(1);
    },
  },
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof table;

export const faults: Readonly<Record<FaultKind, Fault>> = table;

export const faultKinds = Object.keys(table).filter((name): name is FaultKind => name in table);

/** Faults of the disk or of the spool's space: a refusal is right while one lasts, and a little later. */
export const DISK_FAULTS: ReadonlySet<FaultKind> = new Set(['disk-full', 'disk-fails', 'disk-hangs']);

function crash(kind: 'kill' | 'power cut'): Fault {
  return {
    what: () => (kind === 'kill' ? 'kill -9, and a restart' : 'the power fails, and comes back'),
    async run({ forMs }, scene) {
      const { world } = scene;
      world.crash(kind);
      await world.pass(Math.min(forMs, GRACE_MS));
      if (!world.proxy) await scene.restart(scene.settings);
    },
  };
}

function pick(codes: readonly number[], choice: number): number {
  return codes[choice % codes.length] ?? -1;
}

function slownessOf({ choice }: FaultPlan): number {
  return [200, 700, 1500, 8000, 29_500, 35_000][choice % 6] ?? 0;
}

function stepOf(choice: number): number {
  return [-600_000, 600_000, -3_000_000, 3_000_000, -86_400_000, 2000][choice % 6] ?? 0;
}

function limitOf(choice: number): number {
  return [700, 3000, 20_000][choice % 3] ?? 0;
}

function configure({ world, settings }: Scene, key: string, value: number | undefined): void {
  const { topics, defaultConfigs } = world.cluster;
  topics.get(settings.mainTopic)?.configs.set(key, `${value ?? defaultConfigs.get(key) ?? ''}`);
}

function limitTimes(scene: Scene, value: number | undefined): void {
  const { isOld } = scene.world.cluster.options;
  configure(scene, isOld ? 'message.timestamp.difference.max.ms' : 'message.timestamp.before.max.ms', value);
}

function refuseCodecs({ world, settings }: Scene, codecs: ReadonlyMap<number, number>): void {
  const topic = world.cluster.topics.get(settings.mainTopic);
  if (topic) topic.refusedCodecs = codecs;
}

function allow({ world, settings }: Scene, isAllowed: boolean): void {
  const topic = world.cluster.topics.get(settings.mainTopic);
  if (topic) topic.isAllowed = isAllowed;
}

function changedSettings(settings: ProxySettings, choice: number): ProxySettings {
  const changes: readonly Partial<ProxySettings>[] = [
    {},
    { compression: 'zstd' },
    { compression: 'gzip' },
    { compression: 'none' },
    { maxBatchBytes: 4000 },
    { spoolAfterMs: 300 },
    { partitioner: settings.partitioner === 'murmur2' ? 'crc32' : 'murmur2' },
    { mainTopic: settings.mainTopic === 'events' ? 'other-events' : 'events' },
    { segmentBytes: 5000 },
  ];
  return { ...settings, ...changes[choice % changes.length] };
}
