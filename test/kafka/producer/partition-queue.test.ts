import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BufferPool } from '../../../src/kafka/wire/record-batch.ts';
import { codecs } from '../../../src/kafka/wire/compression.ts';
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import { PartitionQueue } from '../../../src/kafka/producer/partition-queue.ts';
import { PendingRecord } from '../../../src/kafka/producer/pending-record.ts';
import type { Outcome } from '../../../src/kafka/producer/port.ts';
import { recordSize } from '../../../src/kafka/record.ts';

const TOPIC = { leaders: [0], maxMessageBytes: 1_000_000, maxAheadMs: 3_600_000, maxBehindMs: Infinity };
const MAKING = {
  maxBatchBytes: 900_000,
  codec: undefined,
  gzip: codecs.gzip,
  pool: new BufferPool(),
  wall: Date,
};
const INVALID = errorCodeOf(87);

/** A queue with a batch of so many records on its way, and what becomes of each. */
async function queueOf(count: number): Promise<{ queue: PartitionQueue; outcomes: (Outcome | undefined)[] }> {
  const queue = new PartitionQueue('topic', 0);
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
  test('believes a refusal of the whole batch when it is said twice in a row', async () => {
    const { queue, outcomes } = await queueOf(2);
    assert.equal(queue.refused(INVALID, []), false);
    assert.deepEqual(outcomes, [undefined, undefined]);
    queue.failed(false);
    await queue.prepare(TOPIC, MAKING);
    assert.equal(queue.refused(INVALID, []), true);
    const refused = { kind: 'refused', reason: 'INVALID_RECORD' };
    assert.deepEqual(outcomes, [refused, refused]);
  });

  test('forgets a refusal once something was written', async () => {
    const { queue, outcomes } = await queueOf(1);
    assert.equal(queue.refused(INVALID, []), false);
    queue.failed(false);
    await queue.prepare(TOPIC, MAKING);
    queue.written();
    assert.deepEqual(outcomes, [{ kind: 'written' }]);
    assert.equal(queue.refused(INVALID, []), false);
  });

  test('believes at once which records are refused, and keeps the others', async () => {
    const { queue, outcomes } = await queueOf(3);
    assert.equal(queue.refused(INVALID, [1]), true);
    assert.deepEqual(outcomes, [undefined, { kind: 'refused', reason: 'INVALID_RECORD' }, undefined]);
    const batch = await queue.prepare(TOPIC, MAKING);
    assert.equal(batch?.records.length, 2);
  });
});
