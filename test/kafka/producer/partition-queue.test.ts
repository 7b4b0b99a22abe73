import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BufferPool } from '../../../src/kafka/wire/buffer-pool.ts';
import { codecs } from '../../../src/kafka/wire/compression.ts';
import { PartitionQueue } from '../../../src/kafka/producer/partition-queue.ts';
import { PendingRecord } from '../../../src/kafka/producer/pending-record.ts';
import type { Outcome } from '../../../src/kafka/producer/port.ts';
import { recordSize } from '../../../src/kafka/record.ts';

const TOPIC = { leaders: [0], maxMessageBytes: 1_000_000, maxAheadMs: 3_600_000, maxBehindMs: Infinity };
const LIMITS = { maxBatchBytes: 900_000, codec: codecs.none, pool: new BufferPool() };

/** A lane with a batch of so many records on its way, and what becomes of each. */
async function laneOf(count: number): Promise<{ lane: PartitionQueue; outcomes: (Outcome | undefined)[] }> {
  const lane = new PartitionQueue('topic', 0);
  lane.adopt({ id: 1n, epoch: 0 });
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
    lane.queue.push(new PendingRecord(record, recordSize(record), { sent: () => undefined, settled }));
  }
  await lane.prepare(TOPIC, LIMITS);
  return { lane, outcomes };
}

suite('a lane', () => {
  test('believes a refusal of the whole batch when it is said twice in a row', async () => {
    const { lane, outcomes } = await laneOf(2);
    assert.equal(lane.refused([], 'INVALID_RECORD'), false);
    assert.deepEqual(outcomes, [undefined, undefined]);
    lane.failed(false);
    await lane.prepare(TOPIC, LIMITS);
    assert.equal(lane.refused([], 'INVALID_RECORD'), true);
    const refused = { kind: 'refused', reason: 'INVALID_RECORD' };
    assert.deepEqual(outcomes, [refused, refused]);
  });

  test('forgets a refusal once something was written', async () => {
    const { lane, outcomes } = await laneOf(1);
    assert.equal(lane.refused([], 'INVALID_RECORD'), false);
    lane.failed(false);
    await lane.prepare(TOPIC, LIMITS);
    lane.written();
    assert.deepEqual(outcomes, [{ kind: 'written' }]);
    assert.equal(lane.refused([], 'INVALID_RECORD'), false);
  });

  test('believes at once which records are refused, and keeps the others', async () => {
    const { lane, outcomes } = await laneOf(3);
    assert.equal(lane.refused([1], 'INVALID_RECORD'), true);
    assert.deepEqual(outcomes, [undefined, { kind: 'refused', reason: 'INVALID_RECORD' }, undefined]);
    const batch = await lane.prepare(TOPIC, LIMITS);
    assert.equal(batch?.records.length, 2);
  });
});
