/** A few days of work. Each runs again and again, with a crash at each change of the disk in turn. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Random } from '../../openlineage/random.ts';
import { Mark } from '../../../src/spool/marks.ts';
import { passTime } from '../simulation/clock.ts';
import type { CrashKind } from '../simulation/simulated-disk.ts';
import { SpoolWorld } from './spool-world.ts';

type Step = (world: SpoolWorld) => unknown;

/** Bytes of a segment: it takes three small events, or one large event. */
const SEGMENT = 400;
const SMALL = 90;
/** Larger than a sector, so that it can be torn. */
const LARGE = 1800;

/** How often each crash is tried. Chance decides what survives a power cut. */
const TRIES = { kill: 1, 'power cut': 4 };

const append =
  (...sizes: number[]): Step =>
  (world) =>
    sizes.forEach((size, index) => world.append('a', Buffer.alloc(size, index + 1)));
const appendToBoth =
  (...sizes: number[]): Step =>
  (world) =>
    sizes.forEach((size, index) => {
      world.appendToAll(index % 2 === 0 ? ['a', 'b'] : ['b', 'a'], Buffer.alloc(size, index + 1));
    });
const appendLate: Step = (world) => world.appendLate('c');
const readBoth: Step = async (world) => {
  await world.read('b');
  await world.read('a');
};
const deliverB: Step = (world) => world.deliver('b', Infinity);
const appendTaken: Step = (world) => world.append('a', Buffer.alloc(SMALL, 9), Mark.taken);
const settle: Step = (world) => world.settle();
const read: Step = (world) => world.read('a');
const send: Step = (world) => world.sent('a', 2);
const deliver: Step = (world) => world.deliver('a', 1);
const deliverAll: Step = (world) => world.deliver('a', Infinity);
const close: Step = (world) => world.reopen('close');
const fail =
  (operation: 'write' | 'sync' | 'create' | 'syncFolder' | 'remove', code = 'EIO'): Step =>
  (world) =>
    world.disk.operations.failNext(operation, code, '.log');
const wait: Step = () => passTime(1000);

const DAYS: Record<string, readonly Step[]> = {
  'events come and go': [
    append(SMALL, SMALL),
    settle,
    read,
    deliver,
    append(SMALL, LARGE, SMALL),
    settle,
    appendTaken,
    read,
    send,
    settle,
    deliverAll,
    settle,
    append(0, SMALL),
    settle,
  ],
  'the proxy is restarted in between': [
    append(SMALL, LARGE, SMALL, SMALL),
    settle,
    read,
    deliver,
    close,
    append(SMALL, SMALL, SMALL),
    read,
    deliver,
    close,
    append(LARGE),
    settle,
    read,
    read,
    deliverAll,
    close,
  ],
  'events are for several topics': [
    appendToBoth(SMALL, SMALL),
    append(SMALL),
    settle,
    readBoth,
    deliver,
    appendToBoth(LARGE, SMALL),
    appendLate,
    settle,
    deliverB,
    close,
    fail('sync'),
    appendToBoth(SMALL, SMALL),
    settle,
    wait,
    readBoth,
    deliverAll,
    settle,
  ],
  'the disk fails': [
    append(SMALL),
    settle,
    fail('sync'),
    append(SMALL, SMALL),
    settle,
    wait,
    append(LARGE),
    settle,
    fail('write', 'ENOSPC'),
    append(LARGE, SMALL),
    settle,
    wait,
    fail('create', 'ENOSPC'),
    append(SMALL),
    settle,
    wait,
    fail('remove'),
    append(SMALL),
    read,
    deliverAll,
    settle,
    append(SMALL),
    settle,
  ],
};

/** Resolves to the number of crashes; 0 if the day ends before the crash. */
async function crashDay(
  steps: readonly Step[],
  kind: CrashKind,
  crashAt: number,
  random: Random,
): Promise<number> {
  const world = new SpoolWorld({ random, segmentBytes: SEGMENT, maxBytes: Infinity });
  world.disk.operations.crashAt = crashAt;
  await world.open({}, kind);
  await runSteps(world, steps);
  if (world.disk.operations.hasCrashed) {
    await world.reopen(kind);
    // A second crash comes while the spool recovers from the first.
    world.disk.operations.crashAt = world.disk.operations.changes + random.below(8);
    await runSteps(world, [append(SMALL), read, deliver, settle]);
  }
  await world.finish();
  return world.crashes;
}

/** Runs the steps until a crash. */
async function runSteps(world: SpoolWorld, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (world.disk.operations.hasCrashed) break;
    await step(world);
    world.check();
  }
}

/** Tries one crash several times. Resolves to false if the day always ends before the crash. */
async function crashDays(steps: readonly Step[], kind: CrashKind, crashAt: number): Promise<boolean> {
  let crashes = 0;
  for (let seed = 0; seed < TRIES[kind]; seed++) {
    try {
      crashes += await crashDay(steps, kind, crashAt, new Random(seed));
    } catch (error) {
      throw new Error(`at change ${crashAt}, with seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  return crashes > 0;
}

describe('after a crash at any change of the disk, the spool holds what its model holds', () => {
  for (const [name, steps] of Object.entries(DAYS)) {
    for (const kind of ['kill', 'power cut'] as const) {
      test(`${kind}: ${name}`, async () => {
        let crashAt = 1;
        while (await crashDays(steps, kind, crashAt)) crashAt += 1;
        assert.ok(crashAt > 30, `only ${crashAt} changes`);
      });
    }
  }
});
