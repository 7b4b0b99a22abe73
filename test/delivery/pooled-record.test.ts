/** When the memory of an event that lies in a pool may be used again: never while something may still read it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { recordHeader, recordSize, type KafkaRecord } from '../../src/kafka/record.ts';
import { heldBytes, ownRecord, RECORD_OVERHEAD_BYTES } from '../../src/delivery/held-record.ts';
import { BytePool, type Block } from '../../src/support/memory/byte-pool.ts';
import { DeliveryStage, TOPIC } from './delivery-stage.ts';

const BYTES = 1 << 20;
const EVENT = 20_000;

/** An event in a pool, and a delivery for it. */
class Pooled {
  readonly pool = new BytePool(new ArrayBuffer(BYTES), 0, BYTES, true);
  readonly block: Block;
  readonly value: Buffer;
  readonly stage: DeliveryStage;

  private constructor(stage: DeliveryStage) {
    this.stage = stage;
    const block = this.pool.take(EVENT);
    assert.ok(block);
    this.block = block;
    this.value = block.view(EVENT).fill('x');
  }

  static async start(): Promise<Pooled> {
    return new Pooled(await DeliveryStage.open());
  }

  /** Delivers it as a request does, which ends its own use when it has the outcome. Resolves to the outcome. */
  async deliver(value = this.value): Promise<string> {
    const delivered = await this.stage.delivery.deliver(recordOf(value));
    this.block.unpin();
    return delivered.kind;
  }

  get isFree(): boolean {
    return this.pool.taken === 0;
  }

  get isWhole(): boolean {
    return this.value.every((byte) => byte === 0x78);
  }
}

function recordOf(value: Buffer): KafkaRecord {
  const headers = [recordHeader('content-type', 'application/json')];
  return { topic: TOPIC, key: Buffer.from('key'), value, headers, timestamp: 0, arrivedAt: 0 };
}

suite('an event in a pool', () => {
  test('is not copied for a queue, and counts with its own bytes', async () => {
    const { block, value } = await Pooled.start();
    for (const bytes of [value, block.part(value, 100, 700)]) {
      const record = recordOf(bytes);
      assert.equal(ownRecord(record), record);
      const size = recordSize(record);
      assert.equal(heldBytes(record, size), RECORD_OVERHEAD_BYTES + size);
    }
  });

  test('is free when Kafka has acknowledged the only request that had it', async () => {
    const pooled = await Pooled.start();
    const outcome = pooled.deliver();
    await pooled.stage.time.advance(4);
    assert.ok(!pooled.isFree && pooled.isWhole);
    await pooled.stage.time.advance(1000);
    assert.equal(await outcome, 'acknowledged');
    assert.ok(pooled.isFree);
  });

  test('keeps its bytes when Kafka never takes it, but a request has had it', async () => {
    const pooled = await Pooled.start();
    pooled.stage.producer.limit(TOPIC, 1000);
    const outcome = pooled.deliver();
    await pooled.stage.time.advance(1000);
    assert.equal(await outcome, 'too-large');
    assert.ok(!pooled.isFree && pooled.isWhole);
  });

  test('keeps its bytes when a request before may not have been answered', async () => {
    const pooled = await Pooled.start();
    pooled.stage.producer.set(TOPIC, 'silent');
    const outcome = pooled.deliver();
    await pooled.stage.time.advance(100);
    pooled.stage.producer.putBack(TOPIC);
    pooled.stage.producer.set(TOPIC, 'up');
    await pooled.stage.time.advance(1000);
    assert.equal(await outcome, 'acknowledged');
    assert.ok(!pooled.isFree && pooled.isWhole);
  });

  for (const state of ['silent', 'unavailable'] as const) {
    test(`keeps its bytes when the disk has had it: Kafka is ${state}`, async () => {
      const pooled = await Pooled.start();
      pooled.stage.producer.set(TOPIC, state);
      const outcome = pooled.deliver();
      await pooled.stage.time.advance(2000);
      assert.equal(await outcome, 'spooled');
      pooled.stage.producer.set(TOPIC, 'up');
      await pooled.stage.time.advance(5000);
      assert.ok(pooled.stage.producer.written.every(({ value }) => value.equals(pooled.value)));
      assert.ok(!pooled.isFree && pooled.isWhole);
    });
  }

  test('keeps its bytes when the proxy stops', async () => {
    const pooled = await Pooled.start();
    pooled.stage.producer.set(TOPIC, 'silent');
    const outcome = pooled.deliver();
    await pooled.stage.time.advance(10);
    await pooled.stage.stop();
    assert.equal(await outcome, 'spooled');
    assert.ok(!pooled.isFree && pooled.isWhole);
  });

  test('of a batch is free with the last event of it', async () => {
    const { block, value, stage, pool } = await Pooled.start();
    const all = [0, 1, 2].map((index) =>
      stage.delivery.deliver(recordOf(block.part(value, index * 5000, index * 5000 + 4000))),
    );
    block.unpin();
    assert.ok(pool.taken > 0);
    await stage.time.advance(1000);
    for (const outcome of all) assert.equal((await outcome).kind, 'acknowledged');
    assert.equal(pool.taken, 0);
  });
});
