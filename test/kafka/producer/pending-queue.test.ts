import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { PendingQueue, PendingRecord } from '../../../src/kafka/producer/pending-record.ts';

const OWNER = { sent: () => undefined, settled: () => undefined };

function recordOf(size: number): PendingRecord {
  const record = { topic: 't', key: null, value: Buffer.alloc(0), headers: [], timestamp: 0, arrivedAt: 0 };
  return new PendingRecord(record, size, OWNER);
}

function withdraw(queue: PendingQueue, record: PendingRecord): void {
  record.withdrawn = true;
  queue.forget(record);
}

suite('a queue of pending records', () => {
  test('keeps no withdrawn records behind an old one that waits', () => {
    const queue = new PendingQueue();
    const old = recordOf(7);
    queue.push(old);
    for (let i = 0; i < 10_000; i++) {
      const record = recordOf(100);
      queue.push(record);
      withdraw(queue, record);
    }
    assert.ok(queue.bytes <= 7 + 200, `${queue.bytes} bytes`);
    assert.equal(queue.peek(), old);
  });

  test('keeps the order of the other records, also of those that are put back', () => {
    const queue = new PendingQueue();
    const records = Array.from({ length: 10 }, (_, i) => recordOf(i));
    for (const record of records) queue.push(record);
    const batch = [queue.shift(), queue.shift(), queue.shift()].filter((record) => record !== undefined);
    for (const record of batch) record.batched = true;
    const [, second] = batch;
    assert.ok(second);
    withdraw(queue, second);
    queue.putBack(batch.filter(({ withdrawn }) => !withdrawn));
    for (const i of [4, 5, 6, 7, 8]) withdraw(queue, records[i] ?? assert.fail());
    const left: (number | undefined)[] = [];
    for (let next = queue.shift(); next; next = queue.shift()) left.push(next.size);
    assert.deepEqual(left, [0, 2, 3, 9]);
    assert.equal(queue.bytes, 0);
  });
});
