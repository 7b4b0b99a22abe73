import type { Line } from '../line.ts';

const REPLAYED = 'sent again, as the proxy ended before it had noted that they were delivered';

export const proxyKilled: Line = {
  name: 'proxy-killed',
  what: 'the proxy is killed three times while Kafka is there',
  duplicatesAre: REPLAYED,
  run: async (scene) => {
    await scene.underLoad();
    for (let time = 0; time < 3; time++) {
      await scene.flow();
      await scene.proxy.stop('SIGKILL');
      await scene.startProxy();
    }
    await scene.flow();
  },
};

export const proxyKilledWhileAway = endedWhileAway('SIGKILL', 'proxy-killed-while-away');

export const proxyStoppedWhileAway = endedWhileAway('SIGTERM', 'proxy-stopped-while-away');

/** The hardest moment: what was spooled is on its way, and partly there. */
export const proxyKilledWhileDraining: Line = {
  name: 'proxy-killed-while-draining',
  what: 'the proxy is killed three times while it delivers what it has spooled',
  duplicatesAre: REPLAYED,
  run: async (scene) => {
    const broker = await scene.underLoad();
    await scene.flow();
    await broker.kill();
    await scene.outage();
    await broker.start();
    for (let time = 0; time < 3; time++) {
      await new Promise((resolve) => setTimeout(resolve, 300 + 200 * time));
      await scene.proxy.stop('SIGKILL');
      await scene.startProxy();
    }
    await scene.flow();
  },
};

export const noKafkaConfigured: Line = {
  name: 'no-kafka-configured',
  what: 'the proxy has no Kafka configured; then it is restarted with one',
  duplicatesAre: REPLAYED,
  run: async (scene) => {
    await scene.underLoad({ KAFKA__BOOTSTRAP_SERVERS: '' });
    await scene.outage();
    scene.expect(scene.ledger.count(202) > 0, 'nothing was answered 202 without a Kafka');
    scene.expect(scene.ledger.count(201) === 0, 'something was answered 201 without a Kafka');
    await scene.proxy.stop('SIGTERM');
    await scene.startProxy({ KAFKA__BOOTSTRAP_SERVERS: scene.servers });
    await scene.flow();
  },
};

function endedWhileAway(signal: 'SIGKILL' | 'SIGTERM', name: string): Line {
  return {
    name,
    what: `Kafka goes, the proxy is ended by ${signal} and restarted, Kafka comes back`,
    duplicatesAre: REPLAYED,
    run: async (scene) => {
      const broker = await scene.underLoad();
      await scene.flow();
      await broker.kill();
      await scene.outage();
      await scene.proxy.stop(signal);
      await scene.startProxy();
      await scene.outage();
      scene.expect(scene.ledger.count(202) > 0, 'nothing was answered 202');
      await broker.start();
      await scene.flow();
    },
  };
}
