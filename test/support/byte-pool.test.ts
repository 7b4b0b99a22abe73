import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { blockOf, BytePool, PADDING, POISON, type Block } from '../../src/support/memory/byte-pool.ts';
import { Random } from '../openlineage/random.ts';

const UNIT = 4096;
const UNITS = 64;

function poolOf(units = UNITS, poisons = false): BytePool {
  return new BytePool(new ArrayBuffer((units + 2) * UNIT), UNIT, (units + 1) * UNIT, poisons);
}

function taken(pool: BytePool, bytes: number): Block {
  const block = pool.take(bytes);
  assert.ok(block, `there is no room for ${bytes} bytes`);
  return block;
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  for (let round = 0; round < 3; round++) {
    runInNewContext('gc()');
    await turn();
  }
}

/** In a function of its own: a variable of the test would keep the block. */
function dropOne(pool: BytePool): void {
  taken(pool, 100).view(100);
}

suite('a pool of bytes', () => {
  test('lends all of its memory, and no more', () => {
    const pool = poolOf();
    for (let count = 0; count < UNITS; count++) taken(pool, UNIT - PADDING);
    assert.equal(pool.taken, UNITS * UNIT);
    assert.equal(pool.take(1), undefined);
  });

  test('lends no more than a limit', () => {
    const pool = poolOf();
    assert.equal(pool.take(UNIT, 2 * UNIT - 1), undefined);
    assert.ok(pool.take(UNIT, 2 * UNIT));
    assert.equal(pool.take(1, 2 * UNIT), undefined);
  });

  test('joins what is given back with its neighbours', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 0, 2],
    ]) {
      const pool = poolOf(3);
      const blocks = [1, 1, 1].map((bytes) => taken(pool, bytes));
      for (const index of order) blocks[index]?.unpin();
      assert.equal(pool.taken, 0);
      assert.ok(pool.take(3 * UNIT - PADDING), order.join());
    }
  });

  test('lends the memory at the front first, so that the rest stays untouched', () => {
    const pool = poolOf();
    const [first, second] = [taken(pool, 1), taken(pool, 1)];
    const at = first.view(1).byteOffset;
    first.unpin();
    second.unpin();
    assert.equal(taken(pool, UNIT).view(1).byteOffset, at);
  });

  test('never lends a byte twice', (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const pool = poolOf(UNITS, true);
    const lent: { block: Block; view: Buffer; content: number }[] = [];
    let refused = 0;
    for (let round = 0; round < 5000; round++) {
      if (random.below(2) === 0) {
        const bytes = random.below(8 * UNIT);
        const block = pool.take(bytes);
        if (!block) refused += 1;
        else lent.push({ block, view: block.view(bytes).fill(round % 200), content: round % 200 });
      } else if (lent.length > 0) {
        const [one] = lent.splice(random.below(lent.length), 1);
        assert.ok(one?.view.every((byte) => byte === one.content));
        one?.block.unpin();
      }
      const sizes = lent.reduce((sum, { block }) => sum + block.size, 0);
      assert.equal(pool.taken, sizes);
    }
    assert.ok(refused > 10);
    for (const { block } of lent) block.unpin();
    assert.ok(pool.take(UNITS * UNIT - PADDING), 'all is free again, in one piece');
  });
});

suite('a block', () => {
  test('has zeros after its view', () => {
    const pool = poolOf();
    const block = taken(pool, 1000);
    block.view(1000).fill(1);
    const shorter = block.view(500);
    const behind = Buffer.from(pool.memory, shorter.byteOffset + 500, PADDING);
    assert.deepEqual(behind, Buffer.alloc(PADDING));
    assert.throws(() => block.view(block.size - PADDING + 1), RangeError);
  });

  test('goes back with its last pin', () => {
    const pool = poolOf();
    const block = taken(pool, 1);
    block.pin();
    block.unpin();
    assert.equal(pool.taken, UNIT);
    block.unpin();
    assert.equal(pool.taken, 0);
  });

  test('cannot be used when it has gone back', () => {
    const block = taken(poolOf(), 1);
    block.unpin();
    assert.throws(() => block.pin());
    assert.throws(() => block.unpin());
  });

  test('is found by its views and their parts', () => {
    const block = taken(poolOf(), 100);
    const view = block.view(100);
    assert.equal(blockOf(view), block);
    assert.equal(blockOf(block.part(view, 10, 20)), block);
    assert.equal(blockOf(view.subarray(10, 20)), undefined);
    assert.equal(blockOf(Buffer.from('x')), undefined);
    view.write('abcdef', 10);
    assert.equal(block.part(view, 11, 14).toString(), 'bcd');
  });

  test('is poisoned when it goes back, if the pool poisons', () => {
    for (const poisons of [true, false]) {
      const block = taken(poolOf(UNITS, poisons), 100);
      const view = block.view(100).fill('x');
      block.unpin();
      assert.equal(
        view.every((byte) => byte === POISON),
        poisons,
      );
    }
  });

  test('goes back when nothing has it any more, although it is pinned', async () => {
    const pool = poolOf();
    dropOne(pool);
    assert.equal(pool.taken, UNIT);
    await collectGarbage();
    assert.equal(pool.taken, 0);
    assert.ok(pool.take(UNITS * UNIT - PADDING));
  });

  test('stays while a view or a part of it is there', async () => {
    const pool = poolOf();
    const whole = taken(pool, 1).view(1);
    const part = (() => {
      const block = taken(pool, 100);
      return block.part(block.view(100), 10, 20);
    })();
    await collectGarbage();
    assert.equal(pool.taken, 2 * UNIT);
    assert.equal(whole.length + part.length, 11);
  });

  test('goes back once, if it was given back before it was collected', async () => {
    const pool = poolOf();
    (() => taken(pool, 1).unpin())();
    const other = taken(pool, 1).view(1);
    await collectGarbage();
    assert.equal(pool.taken, UNIT);
    assert.equal(other.length, 1);
  });
});
