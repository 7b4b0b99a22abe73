/** Faults of the proxy's process, its clock and its disk. */
import { Mark } from '../../../src/spool/marks.ts';
import {
  findFrames,
  FRAME_HEADER_SIZE,
  MARKS_HEADER_SIZE,
  parseName,
} from '../../../src/spool/segment-format.ts';
import type { ProxySettings } from '../proxy-process.ts';
import { GRACE_MS, type World } from '../world.ts';
import { inOutage, lasting, pick, type Fault, type FaultTimes, type Scene } from './fault.ts';

const diskFull = lasting(
  () => 'the disk is nearly full',
  ({ world }, { choice }) => (world.disk.capacity = world.disk.bytesUsed + (choice % 20_000)),
  ({ world }) => (world.disk.capacity = Infinity),
);

const diskFails = lasting(
  () => 'the disk fails now and then',
  ({ world }, { choice }) => {
    const often = 50 + (choice % 500);
    const faults = {
      write: often,
      sync: often,
      create: often,
      shortWrite: 300,
      remove: often,
      makeFolder: often,
      syncFolder: often,
    };
    world.disk.operations.faults = faults;
  },
  ({ world }) => (world.disk.operations.faults = {}),
);

const diskHangs: Fault = {
  what: () => 'the disk hangs',
  run: ({ forMs }, { world }) => world.hangDisk(forMs),
};

const diskSlow = lasting(
  ({ choice }) => `each operation of the disk takes up to ${slownessOf(choice)} ms`,
  ({ world }, { choice }) => world.slowDisk(slownessOf(choice)),
  ({ world }) => world.slowDisk(0),
);

const kill = crash('kill');
const powerCut = crash('power cut');

const restart: Fault = {
  what: () => 'the proxy is stopped, and started again with other settings',
  async run({ choice, forMs }, scene) {
    const { world } = scene;
    if (!world.proxy) return;
    await world.stop();
    await world.pass(Math.min(forMs, 5000));
    await scene.restart(changedSettings(scene.settings, choice));
  },
};

const damage = damaged('bytes of its events change on disk', damageEvents);
const damagedMarks = damaged('bytes of its marks change on disk', damageMarks);

const clockSteps: Fault = {
  what: ({ choice }) => `the proxy's clock steps by ${stepOf(choice) / 1000} s`,
  async run({ choice }, { world }) {
    world.wallOffsetMs += stepOf(choice);
    world.proxy?.time.stepWall(stepOf(choice));
    await world.pass(1);
  },
};

/** Milliseconds that the proxy has to write to its disk. */
const FIRST_WRITE_MS = 10_000;

/** Also before the first folder of a topic has survived. What the next process keeps there must survive a power cut. */
const crashAtDisk: Fault = {
  what: ({ choice }) =>
    `no broker is reached, ${isKilled(choice) ? 'the proxy is killed' : 'the power fails'} at change ${crashingChange(choice)} of the disk, and the power fails a little later`,
  run: (times, scene) =>
    crashAt(scene, times, crashingChange(times.choice), isKilled(times.choice) ? 'kill' : 'power cut'),
};

/** The first changes of the disk make the folder of a topic, and sync its name. */
const killAtFolder: Fault = {
  what: () =>
    'no broker is reached, the proxy is killed while it makes a folder, and the power fails a little later',
  run: (times, scene) => crashAt(scene, times, 1 + (times.choice % 2), 'kill'),
};

async function crashAt(
  scene: Scene,
  { choice, forMs }: FaultTimes,
  change: number,
  kind: 'kill' | 'power cut',
): Promise<void> {
  const { world } = scene;
  world.network.isCut = true;
  const { operations } = world.disk;
  operations.crashAt = operations.changes + change;
  operations.crashed = () => world.crash(kind);
  const until = world.time.monotonic.now() + FIRST_WRITE_MS;
  while (!operations.hasCrashed && world.time.monotonic.now() < until) await world.pass(5);
  operations.crashAt = Number.POSITIVE_INFINITY;
  await world.pass(Math.min(forMs, 1000));
  if (!world.proxy) await scene.restart(scene.settings);
  await world.pass(choice % 5000);
  // What the next process has kept survives it.
  await powerCut.run({ choice, forMs, atMs: 0 }, scene);
  world.network.isCut = false;
}

export const processFaults = {
  kill,
  'power-cut': powerCut,
  restart,
  'crash-at-disk': crashAtDisk,
  'kill-at-folder': killAtFolder,
  'process-stopped': {
    what: ({ forMs }) => `the proxy is stopped by SIGSTOP for ${forMs} ms`,
    run: ({ forMs }, { world }) => world.stopProcess(forMs),
  },
  'clock-steps': clockSteps,
  'kill-in-outage': inOutage(kill),
  'power-cut-in-outage': inOutage(powerCut),
  'restart-in-outage': inOutage(restart),
  'clock-steps-in-outage': inOutage(clockSteps),
  'spool-damaged': inOutage(damage),
  'marks-damaged': inOutage(damagedMarks),
} satisfies Record<string, Fault>;

export const diskFaults = {
  'disk-full': diskFull,
  'disk-fails': diskFails,
  'disk-hangs': diskHangs,
  'disk-slow': diskSlow,
  'disk-full-in-outage': inOutage(diskFull),
  'disk-fails-in-outage': inOutage(diskFails),
  'disk-hangs-in-outage': inOutage(diskHangs),
  'disk-slow-in-outage': inOutage(diskSlow),
} satisfies Record<string, Fault>;

function crash(kind: 'kill' | 'power cut'): Fault {
  return {
    what: () => (kind === 'kill' ? 'kill -9, and a restart' : 'the power fails, and comes back'),
    async run({ forMs }, scene) {
      const { world } = scene;
      world.crash(kind);
      await world.pass(Math.min(forMs, GRACE_MS));
      if (!world.proxy) await scene.restart(scene.settings);
    },
  };
}

function damaged(what: string, act: (world: World, choice: number) => void): Fault {
  return {
    what: ({ choice }) =>
      `the proxy is ${isKilled(choice) ? 'killed' : 'stopped'}, ${what}, and it is started again`,
    async run({ choice, forMs }, scene) {
      const { world } = scene;
      if (!world.proxy) return;
      if (isKilled(choice)) world.crash('kill');
      else await world.stop();
      act(world, choice);
      await world.pass(Math.min(forMs, 5000));
      await scene.restart(scene.settings);
    },
  };
}

/**
 * Changes a byte of a segment, or cuts off its tail. After a kill, the last frame is left alone: the next process cannot
 * tell it from one that was never synced.
 */
function damageEvents(world: World, choice: number): void {
  const files = [...world.disk.contents()].filter(([path]) => path.endsWith('.log'));
  if (files.length === 0) return;
  const [path, bytes] = pick(files, choice);
  const name = parseName(path.slice(path.lastIndexOf('/') + 1));
  if (!name) return;
  const frames = [...findFrames(bytes, name.seed)].map(({ payload, end }) => ({ payload, end }));
  if (isKilled(choice)) frames.pop();
  if (frames.length === 0) return;
  const { payload, end } = pick(frames, choice);
  const isCut = !isKilled(choice) && choice % 5 === 0;
  const gone = isCut ? frames.filter((frame) => frame.end >= end) : [{ payload, end }];
  for (const frame of gone) world.destroyed += `${frame.payload.toString('latin1')}\n`;
  world.tell(`${gone.length} events of ${path} are damaged`);
  if (isCut) {
    world.disk.place(path, bytes.subarray(0, end - 1 - (choice % payload.length)));
  } else {
    const at = end - 1 - (choice % (payload.length + FRAME_HEADER_SIZE));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (choice % 8));
    world.disk.place(path, bytes);
  }
}

/** Changes a bit of the marks of a segment, or of the header before them. */
function damageMarks(world: World, choice: number): void {
  const files = world.disk.contents();
  const marked = [...files].filter(([path]) => path.endsWith('.marks'));
  if (marked.length === 0) return;
  const [path, bytes] = pick(marked, choice);
  const log = path.replace(/marks$/, 'log');
  const name = parseName(log.slice(log.lastIndexOf('/') + 1));
  if (!name || bytes.length === 0) return;
  const at = choice % bytes.length;
  const before = bytes[at] ?? 0;
  const after = before ^ (1 << (choice % 8));
  bytes[at] = after;
  world.disk.place(path, bytes);
  world.tell(`byte ${at} of ${path} is ${after} instead of ${before}`);
  if (at < MARKS_HEADER_SIZE) return;
  const frames = [...findFrames(files.get(log) ?? Buffer.alloc(0), name.seed)];
  const event = frames.find(({ ordinal }) => ordinal === at - MARKS_HEADER_SIZE);
  if (!event) return;
  const text = `${event.payload.toString('latin1')}\n`;
  if (before === Mark.delivered || before === Mark.sent) world.remarked += text;
  if (after === Mark.delivered) world.destroyed += text;
}

function isKilled(choice: number): boolean {
  return choice % 2 === 0;
}

function crashingChange(choice: number): number {
  return pick([1, 1, 2, 2, 3, 4, 5, 6, 8, 11, 14], Math.floor(choice / 2));
}

/** Milliseconds. */
function slownessOf(choice: number): number {
  return pick([5, 60, 300], choice);
}

function stepOf(choice: number): number {
  return pick([-600_000, 600_000, -7_200_000, 7_200_000, 7_200_000, -86_400_000, 2000], choice);
}

function changedSettings(settings: ProxySettings, choice: number): ProxySettings {
  const changes: readonly Partial<ProxySettings>[] = [
    {},
    { compression: 'zstd' },
    { compression: 'gzip' },
    { compression: 'none' },
    { maxBatchBytes: 4000 },
    { spoolAfterMs: 300 },
    { partitioner: settings.partitioner === 'murmur2' ? 'crc32' : 'murmur2' },
    { mainTopic: settings.mainTopic === 'events' ? 'other-events' : 'events' },
    { segmentBytes: 5000 },
  ];
  return { ...settings, ...pick(changes, choice) };
}
