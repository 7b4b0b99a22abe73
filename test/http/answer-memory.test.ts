import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { suite, test } from 'node:test';
import { AnswerMemory } from '../../src/http/answer-memory.ts';

const KIB = 1024;

/** An exchange, as far as the memory for answers uses it. */
class FakeExchange {
  cut = false;
  readonly response = new EventEmitter();
  readonly request = { socket: { destroy: () => (this.cut = true) } };

  read(): void {
    this.response.emit('close');
  }
}

function answered(memory: AnswerMemory, bytes: number): FakeExchange {
  const exchange = new FakeExchange();
  memory.hold(exchange, bytes);
  return exchange;
}

suite('memory for answers', () => {
  test('counts answers until they are read', () => {
    const memory = new AnswerMemory(100 * KIB);
    const exchanges = [40, 50].map((kib) => answered(memory, kib * KIB));
    assert.equal(memory.taken, 90 * KIB);
    exchanges[0]?.read();
    assert.equal(memory.taken, 50 * KIB);
    answered(memory, 40 * KIB);
    assert.ok(exchanges.every(({ cut }) => !cut));
  });

  test('cuts the connections with the oldest answers above its limit, once', () => {
    const memory = new AnswerMemory(100 * KIB);
    const exchanges = [40, 50, 60].map((kib) => answered(memory, kib * KIB));
    assert.deepEqual(
      exchanges.map(({ cut }) => cut),
      [true, true, false],
    );
    assert.equal(memory.taken, 60 * KIB);
    for (const exchange of exchanges) exchange.read();
    assert.equal(memory.taken, 0);
  });

  test('takes one answer of any size, and does not count short ones', () => {
    const memory = new AnswerMemory(100 * KIB);
    assert.equal(answered(memory, 1000 * KIB).cut, false);
    const before = memory.taken;
    answered(memory, 300);
    assert.equal(memory.taken, before);
  });

  test('stays below its limit whatever 1000 clients leave unread', () => {
    const memory = new AnswerMemory(1000 * KIB);
    const exchanges = Array.from({ length: 1000 }, () => answered(memory, 64 * KIB));
    assert.ok(memory.taken <= 1000 * KIB);
    assert.equal(exchanges.filter(({ cut }) => cut).length, 1000 - Math.floor(1000 / 64));
  });
});
