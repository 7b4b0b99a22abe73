import type { Line } from '../line.ts';

const REPLAYED = 'sent again: the proxy ended before it wrote their marks';

export const proxyKilled: Line = {
  name: 'proxy-killed',
  what: 'the proxy is killed three times while Kafka is available',
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

export const proxyKilledInOutage = endedInOutage('SIGKILL', 'proxy-killed-in-outage');

export const proxyStoppedInOutage = endedInOutage('SIGTERM', 'proxy-stopped-in-outage');

/** The hardest moment: spooled events are in flight, and some are written. */
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
    scene.expect(scene.ledger.keptIn('spool') > 0, 'nothing was spooled without a Kafka');
    scene.expect(scene.ledger.keptIn('kafka') === 0, 'something was in Kafka without a Kafka');
    await scene.proxy.stop('SIGTERM');
    await scene.startProxy({ KAFKA__BOOTSTRAP_SERVERS: scene.servers });
    await scene.flow();
  },
};

function endedInOutage(signal: 'SIGKILL' | 'SIGTERM', name: string): Line {
  return {
    name,
    what: `Kafka stops, the proxy is ended by ${signal} and restarted, Kafka comes back`,
    duplicatesAre: REPLAYED,
    run: async (scene) => {
      const broker = await scene.underLoad();
      await scene.flow();
      await broker.kill();
      await scene.outage();
      await scene.proxy.stop(signal);
      await scene.startProxy();
      await scene.outage();
      scene.expect(scene.ledger.keptIn('spool') > 0, 'nothing was spooled');
      await broker.start();
      await scene.flow();
    },
  };
}
