import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ClientGone, Turns, WORK_A_TURN } from '../../src/support/turns.ts';
import { SimulatedTime } from './simulated-time.ts';

/** Turns of simulated time, and the work done in each of them. */
function counted() {
  const time = new SimulatedTime();
  const work: number[] = [0];
  const setImmediate = (callback: () => void) => {
    time.setImmediate(() => {
      work.push(0);
      callback();
    });
  };
  const turns = new Turns({ setImmediate });
  const done = (amount: number) => {
    work[work.length - 1] = (work.at(-1) ?? 0) + amount;
  };
  return { time, turns, work, done };
}

suite('the turns of the event loop', () => {
  test('have a limited amount of work of all requests together', async () => {
    const { time, turns, work, done } = counted();
    const slice = WORK_A_TURN / 4;
    const task = async (slices: number) => {
      for (let i = 0; i < slices; i++) {
        if (!turns.take(slice)) await turns.wait(slice);
        done(slice);
      }
    };
    const tasks = Array.from({ length: 100 }, () => task(10));
    await time.settle();
    await Promise.all(tasks);
    assert.equal(
      work.reduce((sum, amount) => sum + amount, 0),
      1000 * slice,
    );
    assert.equal(Math.max(...work), WORK_A_TURN);
    assert.equal(work.filter((amount) => amount > 0).length, 250);
  });

  test('come in the order of arrival, so that a small request is not behind the rest of a large one', async () => {
    const { time, turns } = counted();
    const order: string[] = [];
    const task = async (name: string, slices: number) => {
      for (let i = 0; i < slices; i++) {
        await turns.wait(WORK_A_TURN);
        order.push(name);
      }
    };
    const tasks = [task('large', 4), task('other', 4), task('small', 1)];
    await time.settle();
    await Promise.all(tasks);
    assert.deepEqual(order.slice(0, 3), ['large', 'other', 'small']);
  });

  test('let no request overtake those that wait', async () => {
    const { time, turns } = counted();
    assert.equal(turns.take(WORK_A_TURN), true);
    assert.equal(turns.take(1), false);
    const waiting = turns.wait(WORK_A_TURN);
    assert.equal(turns.take(1), false);
    await time.settle();
    await waiting;
    assert.equal(turns.take(1), true);
  });

  test('have room for work of any size, alone', async () => {
    const { time, turns, work, done } = counted();
    const tasks = [1, 100 * WORK_A_TURN, 1].map((amount) => turns.wait(amount).then(() => done(amount)));
    await time.settle();
    await Promise.all(tasks);
    assert.deepEqual(
      work.filter((amount) => amount > 0),
      [1, 100 * WORK_A_TURN, 1],
    );
  });

  test('are not given to a client that has gone', async () => {
    const { time, turns } = counted();
    let isGone = false;
    const first = turns.wait(WORK_A_TURN, { isGone: () => isGone });
    const second = turns.wait(WORK_A_TURN, { isGone: () => isGone });
    const other = turns.wait(WORK_A_TURN, {});
    void first.then(() => (isGone = true));
    const outcome = assert.rejects(second, ClientGone);
    await time.settle();
    await outcome;
    await other;
  });
});
