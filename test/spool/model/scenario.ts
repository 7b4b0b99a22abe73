/** A random day in the life of a spool. */
import { setImmediate as turn } from 'node:timers/promises';

import type { Random } from '../../openlineage/random.ts';
import { Mark } from '../../../src/spool/marks.ts';
import type { SpoolWorld } from './spool-world.ts';
import type { Faults } from '../simulation/simulated-operations.ts';
import type { Ending } from './topic-model.ts';

const TOPICS = ['a', 'b', 'c'];
const STEPS = 60;

/** Milliseconds after which the spool certainly tries a failed disk again. The real pause is a little shorter. */
export const PAUSE_MS = 1000;

/** Moves the simulated clocks forward, so that a test does not wait in real time. */
export type Wait = (ms: number) => void;

const BROKEN: Faults = {
  write: 100,
  sync: 100,
  create: 100,
  truncate: 300,
  remove: 100,
  syncFolder: 100,
  shortWrite: 300,
};

export async function runScenario(
  world: SpoolWorld,
  random: Random,
  segmentBytes: number,
  wait: Wait,
): Promise<void> {
  const steps: Record<string, (topic: string) => unknown> = {
    append: (topic) => {
      for (let left = 1 + random.below(6); left > 0; left--) append(topic);
    },
    'append to several': (topic) => {
      for (let left = 1 + random.below(6); left > 0; left--) {
        const some = random.of([[topic, 'b'], ['c', topic], TOPICS]);
        if (random.below(3) === 0) append(random.of(TOPICS));
        appendToAll([...new Set(some)]);
      }
    },
    'append late': (topic) => world.appendLate(topic),
    'append many': (topic) => {
      if (random.below(20) > 0) return;
      for (let left = 600 + random.below(600); left > 0; left--)
        world.append(topic, Buffer.alloc(random.below(3)));
    },
    read: (topic) => world.read(topic),
    'read beside': (topic) => void world.read(topic),
    deliver: (topic) => world.deliver(topic, 1 + random.below(8)),
    'deliver all': (topic) => world.deliver(topic, Infinity),
    'deliver early': (topic) => world.deliverEarly(topic),
    send: (topic) => world.sent(topic, 1 + random.below(4)),
    settle: () => world.settle(),
    tidy: (topic) => world.spool.log(topic).tidy(),
    turns: async () => {
      for (let left = random.below(12); left > 0; left--) await turn();
    },
    wait: () => wait(PAUSE_MS),
    break: () => {
      world.disk.operations.faults = random.below(2) === 0 ? { ...BROKEN, read: 100, open: 100 } : BROKEN;
    },
    repair: () => {
      world.disk.operations.faults = {};
    },
    fill: () => {
      world.disk.capacity = world.disk.bytesUsed + random.below(2 * segmentBytes);
    },
    free: () => {
      world.disk.capacity = Infinity;
    },
    'crash soon': crashSoon,
    close: () => reopen('close'),
    kill: () => reopen('kill'),
    'power cut': () => reopen('power cut'),
  };
  const names = Object.keys(steps);
  const often = [
    'append',
    'append to several',
    'append late',
    'read',
    'read beside',
    'deliver',
    'deliver',
    'turns',
    'turns',
    'settle',
  ];

  function append(topic: string): void {
    world.append(topic, randomPayload(someSize(), random), random.of([Mark.kept, Mark.kept, Mark.taken]));
  }

  function appendToAll(topics: readonly string[]): void {
    const mark = random.of([Mark.kept, Mark.kept, Mark.taken]);
    world.appendToAll(topics, randomPayload(someSize(), random), mark);
  }

  function someSize(): number {
    return random.of([0, random.below(40), random.below(segmentBytes / 4), random.below(segmentBytes * 1.3)]);
  }

  function crashSoon(): void {
    const { operations } = world.disk;
    operations.crashAt = operations.changes + 1 + random.below(20);
  }

  async function reopen(ending: Ending): Promise<void> {
    world.disk.operations.crashAt = Infinity;
    await world.reopen(
      ending,
      random.below(5) === 0 ? { open: 100, list: 50, size: 100, write: 100, sync: 100 } : {},
    );
    if (random.below(6) === 0) crashSoon();
  }

  await world.open();
  for (let step = 0; step < STEPS; step++) {
    const name = random.of(random.below(3) === 0 ? names : often);
    const topic = random.of(TOPICS);
    world.story.push(`${name} ${topic}`);
    await steps[name]?.(topic);
    if (world.disk.operations.hasCrashed) await reopen(random.of(['kill', 'power cut']));
    world.check();
  }
  wait(PAUSE_MS);
  await world.finish();
}

/** Random bytes. Some contain many sequences like the start of a frame. */
function randomPayload(size: number, random: Random): Buffer {
  const payload = Buffer.alloc(size);
  const fill = random.of(['noise', 'markers', 'zeros']);
  if (fill === 'markers') payload.fill(random.of(['H2KE\x00\x00\x00\x00', 'H2KR\x00\x00\x00\x00']));
  if (fill === 'noise') for (let at = 0; at < size; at++) payload[at] = random.below(256);
  return payload;
}
