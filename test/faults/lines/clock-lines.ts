/** The machine's clock steps while the proxy runs. libfaketime gives the proxy, and only it, another wall clock. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeClock } from '../../stage/fake-clock.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import type { Line } from '../line.ts';
import { SkippedError, type Scene } from '../scene.ts';

const DUPLICATES = 'sent again after a connection was lost';

const MINUTE_S = 60;

/** Far less than the step, and more than the longest pause between two attempts. */
const BACK_MS = 15_000;

/** A proxy under load, whose clock the line steps. */
async function startUnderClock(scene: Scene) {
  const clock = steppedClock(scene);
  const broker = await scene.startBroker();
  await scene.createTopic();
  await scene.startProxy({}, clock.environment);
  scene.startLoad();
  await scene.flow();
  return { clock, broker };
}

export const clockSetBack: Line = {
  name: 'clock-set-back',
  what: "the proxy's clock is set back by 10 minutes while the broker is down",
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { clock, broker } = await startUnderClock(scene);
    await broker.kill();
    await scene.outage();
    clock.step(-10 * MINUTE_S);
    await scene.flow();
    await broker.start();
    await straightAgain(scene);
    await scene.flow();
  },
};

export const clockSetForward: Line = {
  name: 'clock-set-forward',
  what: "the proxy's clock is set forward by an hour, and then the broker restarts",
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { clock, broker } = await startUnderClock(scene);
    clock.step(60 * MINUTE_S);
    await scene.flow();
    await broker.restart();
    await straightAgain(scene);
    await scene.flow();
  },
};

interface SteppedClock {
  readonly environment: Readonly<Record<string, string>>;
  /** Sets the wall clock of the running proxy, in seconds from the machine's own. */
  step(seconds: number): void;
}

function steppedClock(scene: Scene): SteppedClock {
  const clock = fakeClock();
  if (!clock) throw new SkippedError('libfaketime is not installed (Debian: libfaketime)');
  return {
    environment: clock.environment,
    step: (seconds) => {
      clock.set(seconds);
      scene.note(`clock ${seconds < 0 ? 'back' : 'forward'} ${Math.abs(seconds)} s`);
    },
  };
}

/** The spool is drained soon after the broker is back, and new events go straight to Kafka. */
async function straightAgain(scene: Scene): Promise<void> {
  const { ledger } = scene;
  const from = performance.now();
  const isStraight = async (): Promise<boolean> => {
    const before = ledger.keptIn('spool');
    const straight = ledger.keptIn('kafka');
    await sleep(1000);
    return ledger.keptIn('spool') === before && ledger.keptIn('kafka') > straight;
  };
  await scene.until(`events of ${TOPIC} go straight to Kafka`, isStraight, BACK_MS);
  scene.note(`straight again after ${((performance.now() - from) / 1000).toFixed(0)} s`);
}
