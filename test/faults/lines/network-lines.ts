import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../../../tools/kafka/broker.ts';
import type { Line } from '../line.ts';
import { relayed, type Relay } from '../../stage/relay.ts';
import type { Scene } from '../scene.ts';

const DUPLICATES = 'sent again after a connection was lost';
// Few senders would wait for slow answers and post no more than the network carries.
const MANY = 16;

export const slowNetwork: Line = {
  name: 'slow-network',
  what: 'the network takes 200 ms each way',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { relay } = await relayedLoad(scene, MANY * scene.pace.posters);
    await scene.flow();
    relay.weather = { delayMs: 200 };
    await scene.outage();
    relay.weather = {};
    await scene.flow();
  },
};

export const narrowNetwork: Line = {
  name: 'narrow-network',
  what: 'the network carries less than the senders post',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { relay } = await relayedLoad(scene, MANY * scene.pace.posters);
    await scene.flow();
    relay.weather = { delayMs: 20, bytesPerSecond: (scene.pace.perSecond * scene.pace.bytes) / 8 };
    await scene.outage();
    relay.weather = {};
    await scene.flow();
  },
};

export const lossyNetwork: Line = {
  name: 'lossy-network',
  what: 'connections stall for up to 3 s now and then, as with lost packets',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { relay } = await relayedLoad(scene);
    await scene.flow();
    relay.weather = { delayMs: 20 };
    const end = performance.now() + scene.pace.outageMs;
    // The time of a retransmission, which TCP doubles with each loss.
    for (let turn = 0; performance.now() < end; turn++) {
      relay.stall([200, 400, 800, 3000][turn % 4]);
      await sleep(1500);
    }
    relay.weather = {};
    await scene.flow();
  },
};

export const halfOpen: Line = {
  name: 'half-open',
  what: 'open connections carry no bytes any more and stay open, new ones work; twice',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { relay } = await relayedLoad(scene);
    for (let time = 0; time < 2; time++) {
      await scene.flow();
      relay.stall();
      await scene.outage();
    }
    await scene.flow();
  },
};

export const corruptBatch: Line = {
  name: 'corrupt-batch',
  what: 'a byte changes on the way to Kafka, thirty times',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { relay } = await relayedLoad(scene);
    for (let time = 0; time < 10; time++) {
      await sleep(scene.pace.flowMs / 5);
      relay.corrupt(3);
      await scene.until('changed bytes', () => relay.toCorrupt === 0);
    }
    await scene.flow();
  },
};

/** A broker behind a relay, a topic and a load. */
async function relayedLoad(
  scene: Scene,
  posters = scene.pace.posters,
): Promise<{ broker: Broker; relay: Relay }> {
  const { broker, relay, bootstrapServers } = await relayed((options) => scene.startBroker(options));
  scene.atEnd(() => relay.close());
  await scene.createTopic();
  await scene.startProxy({ KAFKA__BOOTSTRAP_SERVERS: bootstrapServers });
  scene.startLoad({ posters });
  return { broker, relay };
}
