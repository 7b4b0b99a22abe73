/** How much of the batches that arrive together is handled at the same time. Without HTTP. */
import assert from 'node:assert/strict';
import { ServerResponse, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { BatchRoom } from '../../../src/http/events/batch-room.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const MAX = 50_000;
const MIB = 1024 ** 2;

/** Batches that enter a room together, and what became of each. */
class Batches {
  readonly time = new SimulatedTime();
  readonly told: ('in' | 'refused' | 'waits')[] = [];
  readonly responses: ServerResponse[] = [];
  readonly #leaving: (() => void)[] = [];

  constructor(maxBytes: number, bodies: readonly string[]) {
    const room = new BatchRoom(maxBytes, MAX, this.time);
    for (const [index, body] of bodies.entries()) {
      const response = new ServerResponse(new IncomingMessage(new Socket()));
      this.responses.push(response);
      this.told.push('waits');
      void room.enter({ response }, Buffer.from(body)).then((leave) => {
        this.told[index] = leave ? 'in' : 'refused';
        if (leave) this.#leaving.push(leave);
      });
    }
  }

  count(of: 'in' | 'refused' | 'waits'): number {
    return this.told.filter((told) => told === of).length;
  }

  async leave(): Promise<void> {
    this.#leaving.shift()?.();
    await this.time.settle();
  }
}

const dense = `[${Array(31_000).fill('0').join()}]`;

suite('the room for batches', () => {
  test('takes a few batches of very many elements at a time, and the others in their order', async () => {
    const batches = new Batches(4 * MIB, Array<string>(20).fill(dense));
    await batches.time.settle();
    assert.deepEqual([batches.count('in'), batches.count('waits')], [3, 17]);
    await batches.leave();
    assert.deepEqual(batches.told.slice(0, 5), ['in', 'in', 'in', 'in', 'waits']);
  });

  test('refuses those that wait for two seconds, and those above the length of the line', async () => {
    const batches = new Batches(4 * MIB, Array<string>(200).fill(dense));
    await batches.time.settle();
    assert.deepEqual([batches.count('in'), batches.count('waits')], [3, 64]);
    await batches.time.advance(2000);
    assert.deepEqual([batches.count('in'), batches.count('waits')], [3, 0]);
  });

  test('takes a batch that is alone, however large it is', async () => {
    const batches = new Batches(1024, [`[${Array(MAX).fill('0').join()}]`]);
    await batches.time.settle();
    assert.deepEqual(batches.told, ['in']);
  });

  test('takes many batches of a few events', async () => {
    const event = JSON.stringify({ job: { namespace: 'n', name: 'j' }, text: 'x'.repeat(2000) });
    const batches = new Batches(4 * MIB, Array<string>(150).fill(`[${Array(10).fill(event).join()}]`));
    await batches.time.settle();
    assert.equal(batches.count('in'), 150);
  });

  test('has the room of a batch whose client has gone', async () => {
    const batches = new Batches(4 * MIB, Array<string>(10).fill(dense));
    await batches.time.settle();
    for (const response of batches.responses.slice(0, 5)) response.emit('close');
    await batches.time.settle();
    assert.deepEqual(batches.told.slice(3), ['in', 'in', 'in', 'in', 'in', 'waits', 'waits']);
  });
});
