import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BufferPool } from '../../../src/kafka/wire/record-batch.ts';
import { codecs } from '../../../src/kafka/wire/compression.ts';
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import { PartitionQueue } from '../../../src/kafka/producer/partition-queue.ts';
import { PendingRecord } from '../../../src/kafka/producer/pending-record.ts';
import type { Outcome } from '../../../src/kafka/producer/port.ts';
import { forOneRequest } from '../../../src/kafka/producer/request-sizes.ts';
import { TopicCodecs } from '../../../src/kafka/producer/topic-codecs.ts';
import { recordSize } from '../../../src/kafka/record.ts';
import { simulatedLog } from '../simulated-producer.ts';

const TOPIC = { leaders: [0], maxMessageBytes: 1_000_000, maxAheadMs: 3_600_000, maxBehindMs: Infinity };
const MAKING = {
  maxBatchBytes: 900_000,
  pool: new BufferPool(),
  wall: Date,
  monotonic: performance,
};
const INVALID = errorCodeOf(87);

function newQueue(partition: number): PartitionQueue {
  return new PartitionQueue('topic', partition, {
    codecs: new TopicCodecs('topic', 'none', codecs, performance, simulatedLog().log),
    refused: () => undefined,
    perhapsTwice: () => undefined,
    now: Date.now,
  });
}

/** The broker refuses these records of the queue's batch; all if none is named. */
function refuse(queue: PartitionQueue, culprits: readonly number[]): boolean {
  return queue.refused(INVALID, { culprits, message: null }, TOPIC, MAKING);
}

/** Makes a queue with one batch of `count` records in flight. Returns it with the outcome of each record. */
async function queueOf(count: number): Promise<{ queue: PartitionQueue; outcomes: (Outcome | undefined)[] }> {
  const queue = newQueue(0);
  queue.adopt({ id: 1n, epoch: 0 });
  const outcomes = Array.from({ length: count }, (): Outcome | undefined => undefined);
  for (const index of outcomes.keys()) {
    const now = Date.now();
    const record = {
      topic: 'topic',
      key: null,
      value: Buffer.from('{}'),
      headers: [],
      timestamp: now,
      arrivedAt: now,
    };
    const settled = (outcome: Outcome) => (outcomes[index] = outcome);
    queue.waiting.push(new PendingRecord(record, recordSize(record), { sent: () => undefined, settled }));
  }
  await queue.prepare(TOPIC, MAKING);
  return { queue, outcomes };
}

suite('a partition queue', () => {
  test('believes a refusal of the whole batch when it comes twice in a row', async () => {
    const { queue, outcomes } = await queueOf(1);
    assert.equal(refuse(queue, []), false);
    assert.deepEqual(outcomes, [undefined]);
    queue.failed(false);
    await queue.prepare(TOPIC, MAKING);
    assert.equal(refuse(queue, []), true);
    assert.deepEqual(outcomes, [{ kind: 'refused', reason: 'INVALID_RECORD' }]);
  });

  test('forgets a refusal after a batch is written', async () => {
    const { queue, outcomes } = await queueOf(1);
    assert.equal(refuse(queue, []), false);
    queue.failed(false);
    await queue.prepare(TOPIC, MAKING);
    queue.written(70);
    assert.deepEqual(outcomes, [{ kind: 'written', partition: 0, offset: 70 }]);
    assert.equal(refuse(queue, []), false);
  });

  test('believes a refusal of named records at once, and keeps the others', async () => {
    const { queue, outcomes } = await queueOf(3);
    assert.equal(refuse(queue, [1]), true);
    assert.deepEqual(outcomes, [undefined, { kind: 'refused', reason: 'INVALID_RECORD' }, undefined]);
    const batch = await queue.prepare(TOPIC, MAKING);
    assert.equal(batch?.records.length, 2);
  });
});

suite('one produce request', () => {
  const MIB = 1024 * 1024;

  function queuesOf(...bytes: readonly number[]): PartitionQueue[] {
    return bytes.map((size, partition) => {
      const queue = newQueue(partition);
      const value = Buffer.alloc(size);
      const record = { topic: 'topic', key: null, value, headers: [], timestamp: 0, arrivedAt: 0 };
      const owner = { sent: () => undefined, settled: () => undefined };
      queue.waiting.push(new PendingRecord(record, recordSize(record), owner));
      return queue;
    });
  }

  const partitions = (queues: readonly PartitionQueue[], turn: number): number[] =>
    forOneRequest(queues, turn, MIB, 8 * MIB).map(({ partition }) => partition);

  test('takes the batches of all partitions that fit into 8 MiB', () => {
    assert.deepEqual(partitions(queuesOf(10, 20, 30), 0), [0, 1, 2]);
    assert.equal(partitions(queuesOf(...new Array<number>(20).fill(2 * MIB)), 0).length, 3);
  });

  test('begins with another partition at each turn, so that no partition is always left out', () => {
    const queues = queuesOf(...new Array<number>(6).fill(3 * MIB));
    const turns = [0, 1, 2, 3, 4, 5].map((turn) => partitions(queues, turn));
    assert.deepEqual(turns, [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
      [5, 0],
    ]);
  });

  test('takes a single batch that is larger', () => {
    assert.deepEqual(partitions(queuesOf(9 * MIB, 10), 0), [0]);
  });
});
