/** Faults of topics: what they refuse, their limits and rights, and topics that come, go and grow. */
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import { ALL_CODES, BROKER_CODES, UNCERTAIN_CODES } from '../cluster/broker-codes.ts';
import type { Script } from '../cluster/kafka-cluster.ts';
import { EARLIEST_TIME, EITHER_TIME } from '../cluster/topic.ts';
import { isRefusedRecord } from './refused-records.ts';
import { lasting, pick, type Fault, type FaultTimes, type Scene } from './fault.ts';
import { change, configure, type Which } from './topic-changes.ts';

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

/** Milliseconds, at least. The pauses between attempts grow meanwhile. */
const MOMENT_MS = 1000;

/** How often a topic is made again with a partition less. */
const REMADE_ROUNDS = 3;

/** All codes but those that say that the batch is in the topic: a broker that has not appended it does not lie so. */
const REFUSING_CODES = ALL_CODES.filter((code) => errorCodeOf(code).meaning !== 'written');

/** Codes of codecs: Kafka's own, that of Azure Event Hubs, and a broker that only says that the records are bad. */
const CODEC_CODES = [
  BROKER_CODES.UNSUPPORTED_COMPRESSION_TYPE,
  BROKER_CODES.UNSUPPORTED_COMPRESSION_TYPE,
  BROKER_CODES.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  BROKER_CODES.INVALID_RECORD,
];

export const topicFaults = {
  'code-before': answers(
    PASSING_CODES,
    (name) => `the main topic answers ${name}, and appends nothing`,
    false,
  ),
  'code-after': answers(
    UNCERTAIN_CODES,
    (name) => `the main topic answers ${name} for what it appends`,
    true,
  ),
  'any-code': answers(
    REFUSING_CODES,
    (name) => `the main topic answers ${name} at some time, and appends nothing`,
    false,
  ),
  'records-refused': lasting(
    () => 'the main topic refuses every record of some batches',
    (scene, { choice }) =>
      ending(script(scene, 'mainTopic', BROKER_CODES.INVALID_RECORD, false, 1 + (choice % 30))),
  ),
  'some-records-refused': lasting(
    () => 'the main topic refuses some records',
    (scene) => change(scene, 'mainTopic', (topic) => (topic.refuses = isRefusedRecord)),
    (scene) => change(scene, 'mainTopic', (topic) => (topic.refuses = () => false)),
  ),
  'not-allowed': notAllowed('mainTopic'),
  'letters-not-allowed': notAllowed('deadLetterTopic'),
  'topic-deleted': deleted('mainTopic'),
  'letters-deleted': deleted('deadLetterTopic'),
  // Records wait for partitions that stay, for others that go, and new ones come.
  'topic-remade': {
    what: () =>
      'the main topic takes nothing for a moment and is made again with fewer partitions, and so on',
    async run({ choice }, scene) {
      const { world, settings } = scene;
      const { cluster } = world;
      const { mainTopic } = settings;
      for (let round = 0; round < REMADE_ROUNDS; round++) {
        const refusing = script(scene, 'mainTopic', BROKER_CODES.NOT_ENOUGH_REPLICAS, false, Infinity);
        await world.pass(MOMENT_MS + ((choice >> round) % MOMENT_MS));
        const before = cluster.topics.get(mainTopic)?.partitions.length ?? 1;
        cluster.deleteTopic(mainTopic);
        cluster.createTopic(mainTopic, Math.max(1, before - 1));
        // All brokers tell of it by then, and the records still wait.
        await world.pass(MOMENT_MS);
        refusing.left = 0;
        await world.pass(MOMENT_MS);
      }
    },
  },
  'letters-refused': lasting(
    () => 'the dead-letter topic refuses every record',
    (scene) => change(scene, 'deadLetterTopic', (topic) => (topic.refuses = () => true)),
    (scene) => change(scene, 'deadLetterTopic', (topic) => (topic.refuses = () => false)),
  ),
  'topic-code': lasting(
    ({ choice }) => `metadata has ${errorCodeOf(pick(REFUSING_CODES, choice)).name} for the main topic`,
    ({ world, settings }, { choice }) =>
      world.cluster.topicCodes.set(settings.mainTopic, pick(REFUSING_CODES, choice)),
    ({ world }) => world.cluster.topicCodes.clear(),
  ),
  'partitions-added': lasting(
    () => 'the main topic gets more partitions',
    ({ world, settings }, { choice }) => world.cluster.addPartitions(settings.mainTopic, 1 + (choice % 3)),
  ),
  'limit-lowered': lasting(
    (plan) => `the main topic takes ${limitOf(plan)} bytes a batch`,
    (scene, plan) => configure(scene, 'max.message.bytes', limitOf(plan)),
    (scene) => configure(scene, 'max.message.bytes', undefined),
  ),
  // A batch that may be in the topic no longer fits.
  'limit-lowered-in-flight': {
    what: (plan) =>
      `the main topic appends some batches, answers that it does not know it, and takes ${limitOf(plan)} bytes a batch from then on`,
    async run(plan, scene) {
      const { world } = scene;
      const left = 1 + (plan.choice % 3);
      const one = script(scene, 'mainTopic', BROKER_CODES.REQUEST_TIMED_OUT, true, left);
      const until = world.time.monotonic.now() + plan.forMs;
      while (one.left === left && world.time.monotonic.now() < until) await world.pass(2);
      configure(scene, 'max.message.bytes', limitOf(plan));
      await world.pass(Math.max(1000, until - world.time.monotonic.now()));
      one.left = 0;
      configure(scene, 'max.message.bytes', undefined);
    },
  },
  'codec-refused': lasting(
    ({ choice }) =>
      `the main topic answers ${errorCodeOf(pick(CODEC_CODES, choice)).name} to ${isGzipTaken(choice) ? 'all codecs but gzip' : 'compressed batches'}`,
    (scene, { choice }) => {
      const codecs = isGzipTaken(choice) ? [2, 3, 4] : [1, 2, 3, 4];
      const refused = new Map(codecs.map((codec) => [codec, pick(CODEC_CODES, choice)]));
      change(scene, 'mainTopic', (topic) => (topic.refusedCodecs = refused));
    },
    (scene) => change(scene, 'mainTopic', (topic) => (topic.refusedCodecs = new Map())),
  ),
  'times-limited': lasting(
    (plan) => `the main topic takes no records older than ${timesOf(plan)} ms`,
    (scene, plan) => limitTimes(scene, timesOf(plan)),
    (scene) => limitTimes(scene, undefined),
  ),
} satisfies Record<string, Fault>;

/** The error code of a fault `any-code`. */
export function anyCodeOf({ choice }: FaultTimes): number {
  return pick(REFUSING_CODES, choice);
}

function answers(codes: readonly number[], what: (name: string) => string, isAppended: boolean): Fault {
  return lasting(
    ({ choice }) => what(errorCodeOf(pick(codes, choice)).name),
    (scene, { choice }) =>
      ending(script(scene, 'mainTopic', pick(codes, choice), isAppended, 1 + (choice % 7))),
  );
}

/** Makes the leaders answer so for some batches. Returns how to end it. */
function script(
  { world, settings }: Scene,
  which: Which,
  errorCode: number,
  isAppended: boolean,
  left: number,
): Script {
  const { scripts } = world.cluster;
  const one: Script = { topic: settings[which], errorCode, isAppended, left };
  scripts.push(one);
  return one;
}

function ending(one: Script): () => void {
  return () => (one.left = 0);
}

function notAllowed(which: Which): Fault {
  return lasting(
    () => `the proxy may not write to the ${nameOf(which)} topic`,
    (scene) => change(scene, which, (topic) => (topic.isAllowed = false)),
    (scene) => change(scene, which, (topic) => (topic.isAllowed = true)),
  );
}

function deleted(which: Which): Fault {
  return lasting(
    ({ choice }) =>
      `the ${nameOf(which)} topic is deleted, and made again with ${partitionsOf(choice)} partitions`,
    ({ world, settings }) => world.cluster.deleteTopic(settings[which]),
    ({ world, settings }, { choice }) => world.cluster.createTopic(settings[which], partitionsOf(choice)),
  );
}

function nameOf(which: Which): string {
  return which === 'mainTopic' ? 'main' : 'dead-letter';
}

function partitionsOf(choice: number): number {
  return 1 + (choice % 6);
}

function limitOf({ choice }: FaultTimes): number {
  return pick([700, 3000, 20_000], choice);
}

function timesOf({ choice }: FaultTimes): number {
  return pick([1000, 60_000, 60_000], choice);
}

function isGzipTaken(choice: number): boolean {
  return choice % 3 > 0;
}

function limitTimes(scene: Scene, value: number | undefined): void {
  for (const key of [EITHER_TIME, EARLIEST_TIME]) configure(scene, key, value);
}
