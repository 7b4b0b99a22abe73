import { setTimeout as sleep } from 'node:timers/promises';
import { endOffsets } from '../../../tools/kafka/topics.ts';
import type { Line } from '../line.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import { residentMb, type Scene } from '../scene.ts';

const POSTERS = 64;
const STRAIGHT_MS = 10_000;
const LIMIT_MS = 30 * 60_000;

/** Measures how many events are spooled, the memory for them, and the speed of draining while new events arrive. */
export const longOutage: Line = {
  name: 'long-outage',
  what: 'Kafka is unavailable until very many events are spooled',
  duplicatesAre: 'sent again after a connection was lost',
  run: async (scene) => {
    const { ledger, pace } = scene;
    // The JVM flags of the benchmarks: the proxy is to limit the rates, not the broker.
    const broker = await scene.startBroker({ jvm: ['-XX:TieredStopAtLevel=4', '-Xmx1g'] });
    await scene.createTopic();
    await scene.startProxy({ SPOOL__MAX_BYTES: String(pace.spooled * pace.bytes * 2 + (1 << 30)) });
    scene.note(`RSS at the beginning ${residentMb(scene.proxy.pid).toFixed(0)} MB`);

    const load = scene.startLoad({ posters: POSTERS, paced: false });
    await sleep(3000);
    const straightMb = watchMemory(scene);
    const straight = await rate(
      () => Promise.resolve(ledger.kept),
      () => sleep(STRAIGHT_MS),
    );
    scene.note(`straight ${straight.toFixed(0)}/s, RSS at most ${straightMb().toFixed(0)} MB`);
    await broker.kill();

    const outageMb = watchMemory(scene);
    const before = ledger.keptIn('spool');
    const spooling = await rate(
      () => Promise.resolve(ledger.kept),
      () =>
        scene.until('enough events spooled', () => ledger.keptIn('spool') - before >= pace.spooled, LIMIT_MS),
    );
    await load.stop();
    scene.note(`spooled ${ledger.keptIn('spool') - before} at ${spooling.toFixed(0)}/s`);
    scene.note(`RSS during the outage at most ${outageMb().toFixed(0)} MB`);

    scene.startLoad();
    await broker.start();
    const drainMb = watchMemory(scene);
    const written = () => writtenTo(scene);
    const atReturn = await written();
    await scene.until('the first of them', async () => (await written()) > atReturn);
    const startedAt = performance.now();
    const first = await written();
    // A few hundred events are in flight at any moment.
    await scene.until(
      'all delivered',
      async () => (await written()) >= ledger.kept - pace.perSecond,
      LIMIT_MS,
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const drained = (await written()) - first;
    scene.note(
      `drained ${drained} in ${seconds.toFixed(0)} s: ${(drained / seconds).toFixed(0)}/s, ` +
        `${((100 * drained) / seconds / straight).toFixed(0)} % of straight`,
    );
    scene.note(`RSS during the drain at most ${drainMb().toFixed(0)} MB`);
    await scene.flow();
  },
};

/** The growth of a count per second while a task runs. */
async function rate(count: () => Promise<number>, task: () => Promise<unknown>): Promise<number> {
  const before = await count();
  const startedAt = performance.now();
  await task();
  return (((await count()) - before) / (performance.now() - startedAt)) * 1000;
}

async function writtenTo(scene: Scene): Promise<number> {
  let sum = 0;
  for (const offset of (await endOffsets(scene.servers, TOPIC)).values()) sum += Number(offset);
  return sum;
}

/** Samples the proxy's memory each second. The returned function ends that and gives the largest sample, in MB. */
function watchMemory(scene: Scene): () => number {
  let most = 0;
  const sample = () => (most = Math.max(most, residentMb(scene.proxy.pid)));
  const timer = setInterval(sample, 1000);
  scene.atEnd(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return sample();
  };
}
