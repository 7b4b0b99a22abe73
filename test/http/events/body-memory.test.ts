import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BodyMemory, MemoryShare } from '../../../src/http/events/body-memory.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

/** A body that reserves memory, and what it was told. */
class Body {
  readonly share: MemoryShare;
  told: 'nothing' | 'granted' | 'refused' = 'nothing';

  constructor(memory: BodyMemory, bytes: number) {
    this.share = new MemoryShare(memory);
    this.share.reserve(
      bytes,
      () => {
        this.told = 'granted';
        this.share.arriving(() => (this.told = 'refused'));
      },
      () => (this.told = 'refused'),
    );
  }
}

suite('memory for bodies', () => {
  test('is lent up to its limit; further bodies wait in order, and none overtakes', async () => {
    const time = new SimulatedTime();
    const memory = new BodyMemory(100, time);
    const bodies = [60, 60, 30].map((bytes) => new Body(memory, bytes));
    // There is room for the third one, but it came after the second.
    assert.deepEqual(
      bodies.map(({ told }) => told),
      ['granted', 'nothing', 'nothing'],
    );
    assert.equal(memory.taken, 60);
    await time.advance(1999);
    bodies[0]?.share.giveBack();
    assert.deepEqual(
      bodies.map(({ told }) => told),
      ['granted', 'granted', 'granted'],
    );
    assert.equal(memory.taken, 90);
    await time.advance(60_000);
    assert.deepEqual(
      bodies.map(({ told }) => told),
      ['granted', 'granted', 'granted'],
    );
  });

  test('refuses a body that has waited two seconds, and lets those behind it go on', async () => {
    const time = new SimulatedTime();
    const memory = new BodyMemory(100, time);
    const first = new Body(memory, 60);
    first.share.arrived();
    const second = new Body(memory, 60);
    await time.advance(1000);
    const third = new Body(memory, 30);
    await time.advance(1000);
    assert.deepEqual([second.told, third.told], ['refused', 'nothing']);
    second.share.giveBack();
    first.share.resize(70);
    assert.equal(third.told, 'nothing');
    first.share.resize(50);
    assert.equal(third.told, 'granted');
  });

  test('takes a body that is alone, whatever its size', () => {
    const memory = new BodyMemory(100, new SimulatedTime());
    assert.equal(new Body(memory, 101).told, 'granted');
    assert.equal(new Body(memory, 1).told, 'nothing');
  });

  test('is taken from a sender that is slow, while others wait', async () => {
    const time = new SimulatedTime();
    const memory = new BodyMemory(100, time);
    const slow = new Body(memory, 100);
    await time.advance(60_000);
    assert.equal(slow.told, 'granted');
    const other = new Body(memory, 50);
    await time.advance(500);
    assert.equal(slow.told, 'refused');
    slow.share.giveBack();
    assert.equal(other.told, 'granted');
  });

  test('has a line of bounded length', () => {
    const memory = new BodyMemory(100, new SimulatedTime());
    const bodies = Array.from({ length: 70 }, () => new Body(memory, 100));
    const refused = bodies.filter(({ told }) => told === 'refused').length;
    assert.equal(refused, 70 - 1 - 64);
  });

  test('comes back whole from bodies that leave the line', async () => {
    const time = new SimulatedTime();
    const memory = new BodyMemory(100, time);
    const bodies = [100, 100, 100].map((bytes) => new Body(memory, bytes));
    bodies[1]?.share.giveBack();
    bodies[0]?.share.giveBack();
    assert.deepEqual(
      bodies.map(({ told }) => told),
      ['granted', 'nothing', 'granted'],
    );
    bodies[2]?.share.giveBack();
    assert.equal(memory.taken, 0);
    await time.advance(10_000);
    assert.equal(bodies[1]?.told, 'nothing');
  });
});
