/** The machine's clock steps while the proxy runs. libfaketime gives the proxy, and only it, another wall clock. */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { removeTemporaryFolder, temporaryFolder } from '../../../tools/kafka/folders.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import type { Line } from '../line.ts';
import { SkippedError, type Scene } from '../scene.ts';

const DUPLICATES = 'sent again after a connection was lost';

/** Where Debian and Ubuntu have the library (package `libfaketime`). It must suit programs with several threads. */
const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`,
);

const MINUTE_S = 60;

/** Far less than the step, and more than the longest pause between two attempts. */
const BACK_MS = 15_000;

/** A proxy under load, whose clock the line steps. */
async function startUnderClock(scene: Scene) {
  const clock = await steppedClock(scene);
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

/** A clock that can be stepped while the proxy runs. The monotonic clock is not faked: no operator can set it. */
async function steppedClock(scene: Scene): Promise<SteppedClock> {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined) throw new SkippedError('libfaketime is not installed (Debian: libfaketime)');
  const folder = temporaryFolder('http2kafka-clock-');
  scene.atEnd(() => removeTemporaryFolder(folder));
  const file = join(folder, 'offset');
  const step = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  step(0);
  return Promise.resolve({
    step: (seconds) => {
      step(seconds);
      scene.note(`clock ${seconds < 0 ? 'back' : 'forward'} ${Math.abs(seconds)} s`);
    },
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  });
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
