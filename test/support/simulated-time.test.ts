import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sleep } from '../../src/support/time.ts';
import { SimulatedTime } from './simulated-time.ts';

suite('simulated time', () => {
  test('runs timers in the order of their moments, each at its own', async () => {
    const time = new SimulatedTime();
    const start = time.monotonic.now();
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(`${name} ${time.monotonic.now() - start}`);
    time.setTimeout(note('late'), 300);
    time.setTimeout(note('first'), 100);
    time.setTimeout(note('second'), 100);
    time.setTimeout(note('never'), 301);
    await time.advance(300);
    assert.deepEqual(seen, ['first 100', 'second 100', 'late 300']);
    assert.equal(time.timers, 1);
  });

  test('lets promises settle before the next timer', async () => {
    const time = new SimulatedTime();
    const seen: number[] = [];
    const work = async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(time, 10);
        seen.push(time.monotonic.now());
      }
    };
    const done = work();
    await time.advance(30);
    assert.deepEqual(seen, [1010, 1020, 1030]);
    await done;
  });

  test('runs an immediate in the next turn, also one that an immediate sets', async () => {
    const time = new SimulatedTime();
    const seen: string[] = [];
    time.setImmediate(() => {
      seen.push('a');
      time.setImmediate(() => seen.push('c'));
    });
    time.setImmediate(() => seen.push('b'));
    assert.deepEqual(seen, []);
    await time.settle();
    assert.deepEqual(seen, ['a', 'b', 'c']);
  });

  test('repeats an interval until it is disposed of', async () => {
    const time = new SimulatedTime();
    let count = 0;
    const timer = time.setInterval(() => count++, 1000);
    await time.advance(3500);
    assert.equal(count, 3);
    timer[Symbol.dispose]();
    await time.advance(3500);
    assert.equal(count, 3);
    assert.equal(time.timers, 0);
  });

  test('has a wall clock that steps, and a monotonic one that does not', async () => {
    const time = new SimulatedTime(5000);
    let called = false;
    time.setTimeout(() => (called = true), 100);
    time.stepWall(-3000);
    assert.deepEqual([time.wall.now(), time.monotonic.now()], [2000, 1000]);
    await time.advance(100);
    assert.ok(called);
    assert.deepEqual([time.wall.now(), time.monotonic.now()], [2100, 1100]);
  });

  test('waits until something is so, or says that it is not', async () => {
    const time = new SimulatedTime();
    let isSo = false;
    time.setTimeout(() => (isSo = true), 250);
    assert.equal(await time.until(() => isSo), 250);
    await assert.rejects(
      time.until(() => false, 1000),
      /1000 ms/,
    );
  });

  test('refuses a delay that Node would take for another', () => {
    const time = new SimulatedTime();
    for (const delay of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      assert.throws(() => time.setTimeout(() => undefined, delay), RangeError);
    }
  });
});
