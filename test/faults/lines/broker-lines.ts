import type { Cluster, ClusterOptions } from '../../../tools/kafka/cluster.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import { inSync, newestProduce } from '../cluster-changes.ts';
import type { Line } from '../line.ts';
import type { Scene } from '../scene.ts';

const REPLICAS = 3;
const OLD_RELEASE = '3.9.2';
const DUPLICATES = 'sent again after a connection was lost';

/** A single broker is killed and started again. */
export const brokerKilled: Line = {
  name: 'broker-killed',
  what: 'the only broker is killed, and comes back',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const broker = await scene.underLoad();
    await scene.flow();
    await broker.kill();
    await scene.outage();
    await broker.start();
    await scene.flow();
  },
};

export const killedInTurn: Line = {
  name: 'killed-in-turn',
  what: 'each of three brokers is killed and comes back',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { brokers } = await replicated(scene);
    for (const broker of brokers) {
      await scene.flow();
      await broker.kill();
      await scene.outage();
      await broker.start();
      await inSync(scene.servers, TOPIC, REPLICAS);
    }
    await scene.flow();
  },
};

export const frozenInTurn: Line = {
  name: 'frozen-in-turn',
  what: 'each of three brokers is frozen and thaws, the first bootstrap server included',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { brokers } = await replicated(scene);
    for (const broker of brokers) {
      await scene.flow();
      broker.freeze();
      await scene.outage();
      broker.thaw();
      await inSync(scene.servers, TOPIC, REPLICAS);
    }
    await scene.flow();
  },
};

export const rollingRestart: Line = {
  name: 'rolling-restart',
  what: 'each of three brokers is restarted in turn (rolling restart)',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { brokers } = await replicated(scene);
    for (const broker of brokers) {
      await scene.flow();
      await broker.restart();
      await inSync(scene.servers, TOPIC, REPLICAS);
    }
    await scene.flow();
  },
};

/** The brokers are controllers, too: the last one that is upgraded is the last old voter. */
export const rollingUpgrade: Line = {
  name: 'rolling-upgrade',
  what: `each of three brokers is upgraded in turn, from Kafka ${OLD_RELEASE} to the release of the other lines`,
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { brokers } = await replicated(scene, { release: OLD_RELEASE });
    for (const broker of brokers) {
      await scene.flow();
      const before = await newestProduce(broker.bootstrapServers);
      await broker.upgrade();
      await inSync(scene.servers, TOPIC, REPLICAS);
      const after = await newestProduce(broker.bootstrapServers);
      scene.expect(after > before, `broker ${broker.nodeId} still takes Produce up to ${after}`);
    }
    await scene.flow();
  },
};

export const notEnoughReplicas: Line = {
  name: 'not-enough-replicas',
  what: 'two of three brokers are killed, and come back',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { brokers } = await replicated(scene);
    const gone = brokers.slice(0, 2);
    await scene.flow();
    for (const broker of gone) await broker.kill();
    await scene.outage();
    await Promise.all(gone.map((broker) => broker.start()));
    await inSync(scene.servers, TOPIC, REPLICAS);
    await scene.flow();
  },
};

export const kafkaComesLater: Line = {
  name: 'kafka-comes-later',
  what: 'Kafka is unavailable when the proxy starts',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const broker = await scene.startBroker();
    await scene.createTopic();
    await broker.kill();
    await scene.startProxy();
    scene.startLoad();
    await scene.outage();
    await broker.start();
    await scene.flow();
  },
};

/** Three brokers, a topic with min.insync.replicas=2, and a load. */
async function replicated(scene: Scene, options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await scene.startCluster(options);
  await scene.createTopic({
    partitions: 6,
    replicas: REPLICAS,
    configs: { 'min.insync.replicas': '2' },
  });
  await scene.startProxy();
  scene.startLoad();
  return cluster;
}
