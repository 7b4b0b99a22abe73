/** Faults of brokers, and of the network to them. */
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import { ALL_CODES, BROKER_CODES } from '../cluster/broker-codes.ts';
import type { Question } from '../cluster/kafka-cluster.ts';
import { lasting, pick, type Fault, type FaultTimes, type Scene } from './fault.ts';

const brokerOf = ({ choice }: FaultTimes, { world }: Scene) => (choice % world.cluster.options.brokers) + 1;

/** Milliseconds. */
const HELD_MS = 5000;

/** Bytes. */
const requestLimitOf = ({ choice }: FaultTimes) => pick([70_000, 70_000, 300_000], choice);

export const brokerFaults = {
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
  // Then answers of brokers contradict each other: a new partition comes, goes and comes again.
  'broker-behind': lasting(
    (plan, scene) =>
      `broker ${brokerOf(plan, scene)} learns of no change of the cluster, and the main topic gets more partitions`,
    (scene, plan) => {
      const { cluster } = scene.world;
      cluster.setBehind(brokerOf(plan, scene), true);
      cluster.addPartitions(scene.settings.mainTopic, 1 + (plan.choice % 3));
    },
    (scene, plan) => scene.world.cluster.setBehind(brokerOf(plan, scene), false),
  ),
  // Kafka is unavailable, late and in time in turn, each for a moment.
  'brokers-flap': {
    what: () => 'the brokers are killed, slow and quick in turn',
    async run({ atMs, forMs }, { world, settings }) {
      const random = world.random(`brokers flap at ${atMs}`);
      const { brokers } = world.cluster;
      const end = world.time.monotonic.now() + forMs;
      while (world.time.monotonic.now() < end) {
        const state = random.of(['killed', 'killed', 'slow', 'quick', 'quick']);
        for (const { node } of brokers) {
          void (state === 'killed' ? world.cluster.down(node) : world.cluster.up(node));
        }
        if (state === 'slow') for (const broker of brokers) broker.slowMs = 1.2 * settings.spoolAfterMs;
        await world.pass(20 + random.below(state === 'slow' ? 2 * settings.spoolAfterMs : 400));
      }
      for (const { node } of brokers) void world.cluster.up(node);
    },
  },
  'all-down': lasting(
    () => 'all brokers are killed',
    ({ world }) => world.cluster.brokers.forEach(({ node }) => void world.cluster.down(node)),
    ({ world }) => world.cluster.brokers.forEach(({ node }) => void world.cluster.up(node)),
  ),
  // With min.insync.replicas of 2, the last broker takes nothing then.
  'one-broker-left': lasting(
    (plan, scene) => `all brokers but ${brokerOf(plan, scene)} are killed`,
    (scene, plan) => others(scene, plan).forEach((node) => void scene.world.cluster.down(node)),
    (scene, plan) => others(scene, plan).forEach((node) => void scene.world.cluster.up(node)),
  ),
  // Often longer than the brokers wait: then they answer that they do not know whether a batch will be kept.
  'replication-stalls': {
    what: ({ choice }) =>
      `followers fetch nothing more${isFatal(choice) ? ', and take over at the end' : ''}; no broker reaches the controller`,
    async run({ choice, forMs }, { world, settings }) {
      world.cluster.stallReplication();
      await world.pass(choice % 3 === 0 ? forMs : settings.requestTimeoutMs + (forMs % 5000));
      world.cluster.resumeReplication(isFatal(choice));
    },
  },
  // The brokers answer REQUEST_TIMED_OUT if the followers need longer than the request may take. They commit all the same.
  'replication-slow': lasting(
    ({ choice }) => `followers fetch up to ${replicationOf(choice)} ms late`,
    ({ world }, { choice }) => (world.cluster.replicationMs = replicationOf(choice)),
    ({ world }) => (world.cluster.replicationMs = 0),
  ),
  // The new leader has batches that the old one has not acknowledged.
  'leaders-move-late': {
    what: () => 'followers fetch up to 1000 ms late, and leaders move again and again',
    async run({ atMs, forMs }, { world }) {
      const { cluster, time } = world;
      const random = world.random(`leaders move late at ${atMs}`);
      const end = time.monotonic.now() + forMs;
      cluster.replicationMs = 1000;
      while (time.monotonic.now() < end) {
        await world.pass(5 + random.below(500));
        cluster.moveLeadersInFlight();
      }
      cluster.replicationMs = 0;
    },
  },
  'rolling-upgrade': {
    what: () => 'each broker is stopped, and started with a newer version',
    async run({ forMs }, { world }) {
      const { cluster } = world;
      for (const broker of cluster.brokers) {
        cluster.moveLeadersFrom(broker.node);
        void cluster.down(broker.node);
        await world.pass(1 + Math.floor(forMs / cluster.brokers.length));
        broker.isOld = false;
        await cluster.up(broker.node);
      }
    },
  },
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
  'answers-incomplete': lasting(
    () => 'brokers leave batches out of their answers',
    ({ world }, { choice }) => (world.network.leftOutAnswers = 50 + (choice % 600)),
    ({ world }) => (world.network.leftOutAnswers = 0),
  ),
  // The worst moment: events are on their way to the disk when Kafka acknowledges those before them.
  'answers-held': {
    what: () => 'answers of brokers arrive when the proxy writes to its disk, again and again',
    async run({ atMs, forMs }, { world }) {
      const { network, time } = world;
      const random = world.random(`answers held at ${atMs}`);
      const end = time.monotonic.now() + forMs;
      while (time.monotonic.now() < end) {
        const { promise, resolve } = Promise.withResolvers<undefined>();
        network.held = promise;
        const { operations } = world.disk;
        const changes = operations.changes + 1 + random.below(20);
        const latest = time.monotonic.now() + HELD_MS;
        while (operations.changes < changes && time.monotonic.now() < latest) await world.pass(2);
        network.held = undefined;
        resolve(undefined);
        await world.pass(1 + random.below(1000));
      }
    },
  },
  'batches-corrupt': lasting(
    () => 'some batches arrive with a changed byte',
    ({ world }) => (world.network.corruptBatches = 300),
    ({ world }) => (world.network.corruptBatches = 0),
  ),
  // After an outage, requests are large.
  'requests-limited': {
    what: (plan) =>
      `no broker is reached for a while, then brokers close the connection of a request above ${requestLimitOf(plan)} bytes`,
    async run(plan, { world }) {
      const { network } = world;
      network.isCut = true;
      await world.pass(2000 + (plan.choice % 10_000));
      network.maxRequestBytes = requestLimitOf(plan);
      network.isCut = false;
      await world.pass(plan.forMs);
      network.maxRequestBytes = Number.POSITIVE_INFINITY;
    },
  },
  reset: lasting(
    () => 'all connections to brokers break',
    ({ world }) => world.cluster.disconnectAll(),
  ),
  'leaders-move': lasting(
    () => 'leaders move',
    ({ world }) => world.cluster.moveLeaders(),
    ({ world }) => world.cluster.moveLeaders(),
  ),
  'producers-forgotten': lasting(
    () => 'the older brokers forget all producers',
    ({ world }) => world.cluster.forgetProducers(),
  ),
  // Batches are in the log, their answers are not heard, and no broker recognises them any more.
  'producers-forgotten-in-flight': lasting(
    () => 'no answers arrive, then all connections break and the older brokers forget all producers',
    ({ world }) => (world.network.lostAnswers = 1000),
    ({ world }) => {
      world.network.lostAnswers = 0;
      world.cluster.forgetProducers();
      world.cluster.disconnectAll();
    },
  ),
  'metadata-refused': refused('metadata'),
  'configs-refused': refused('configs'),
  'ids-refused': refused('producer id'),
} satisfies Record<string, Fault>;

/** Answers a question with one of all error codes that Kafka has. */
function refused(question: Question): Fault {
  const codes = ALL_CODES.filter((code) => code !== BROKER_CODES.NONE);
  return lasting(
    ({ choice }) => `the brokers answer ${errorCodeOf(pick(codes, choice)).name} to questions (${question})`,
    ({ world }, { choice }) => world.cluster.refusedQuestions.set(question, pick(codes, choice)),
    ({ world }) => world.cluster.refusedQuestions.delete(question),
  );
}

function others(scene: Scene, plan: FaultTimes): number[] {
  const left = brokerOf(plan, scene);
  return scene.world.cluster.brokers.map(({ node }) => node).filter((node) => node !== left);
}

/** Milliseconds. All are shorter than the time after which a follower is no longer in sync. */
function replicationOf(choice: number): number {
  return pick([700, 1600, 3000, 3000, 9000], choice);
}

function isFatal(choice: number): boolean {
  return choice % 4 > 0;
}

function slownessOf({ choice }: FaultTimes): number {
  return pick([200, 700, 1500, 8000, 29_500, 35_000], choice);
}
