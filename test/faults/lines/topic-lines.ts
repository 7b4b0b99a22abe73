import { addPartitions } from '../../../tools/kafka/topics.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import { allowWrites, AUTHORIZED, denyWrites, inSync, movePartitions } from '../cluster-changes.ts';
import type { Line } from '../line.ts';

const PARTITIONS = 6;
const REPLICAS = 2;

export const topicMissing: Line = {
  name: 'topic-missing',
  what: 'the topic does not exist, and is created later',
  run: async (scene) => {
    await scene.startBroker({ properties: { 'auto.create.topics.enable': 'false' } });
    await scene.startProxy();
    scene.startLoad();
    await scene.outage();
    await scene.createTopic();
    await scene.flow();
  },
};

export const writesDenied: Line = {
  name: 'writes-denied',
  what: 'writes to the topic are denied, and allowed again',
  run: async (scene) => {
    await scene.underLoad({}, { properties: AUTHORIZED });
    await scene.flow();
    await denyWrites(scene.servers, TOPIC);
    await scene.outage();
    scene.expect(scene.ledger.keptIn('spool') > 0, 'nothing was spooled: was nothing denied?');
    await allowWrites(scene.servers, TOPIC);
    await scene.flow();
  },
};

export const partitionsMoved: Line = {
  name: 'partitions-moved',
  what: 'all partitions move to other brokers three times, then partitions are added',
  duplicatesAre: 'sent again after a connection was lost',
  run: async (scene) => {
    const { brokers } = await scene.startCluster();
    await scene.createTopic({ partitions: PARTITIONS, replicas: REPLICAS });
    // The proxy is to find the new partitions within the run.
    await scene.startProxy({ KAFKA__METADATA_MAX_AGE_MS: '2000' });
    scene.startLoad();
    const nodes = brokers.map(({ nodeId }) => nodeId);
    for (let turn = 1; turn <= 3; turn++) {
      await scene.flow();
      const replicas = new Map(
        Array.from({ length: PARTITIONS }, (_, partition) => [
          partition,
          Array.from(
            { length: REPLICAS },
            (_, index) => nodes[(partition + turn + index) % nodes.length] ?? 1,
          ),
        ]),
      );
      await movePartitions(scene.servers, TOPIC, replicas);
      await inSync(scene.servers, TOPIC, REPLICAS);
    }
    await scene.flow();
    await addPartitions(scene.servers, TOPIC, PARTITIONS + 3);
    await scene.flow();
  },
};
