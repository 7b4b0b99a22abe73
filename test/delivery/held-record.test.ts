import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { heldBytes, ownBytes, ownRecord, RECORD_OVERHEAD_BYTES } from '../../src/delivery/held-record.ts';
import { recordHeader, recordSize, type KafkaRecord } from '../../src/kafka/record.ts';
import { DeliveryStage, heldOf, TOPIC } from './delivery-stage.ts';

const MIB = 1024 ** 2;

function recordOf(value: Buffer): KafkaRecord {
  const headers = [recordHeader('content-type', 'application/json')];
  return { topic: TOPIC, key: Buffer.from('key'), value, headers, timestamp: 0, arrivedAt: 0 };
}

suite('a record in a queue', () => {
  test('pins no bytes but its own: not the batch, not the pool, not what was decoded or read with it', () => {
    const batch = Buffer.allocUnsafeSlow(5 * MIB).fill('x');
    const values = [
      batch.subarray(1, 601),
      batch.subarray(0, 2 * MIB),
      Buffer.from('a small text in the pool'),
      gunzipSync(gzipSync('x'.repeat(600))),
    ];
    for (const value of values) {
      const own = ownRecord(recordOf(value)).value;
      assert.ok(own.equals(value));
      assert.ok(own.buffer.byteLength <= 1.25 * own.length, `${own.buffer.byteLength} for ${own.length}`);
    }
  });

  test('is not copied when it has its buffer for itself, or nearly', () => {
    const whole = Buffer.allocUnsafeSlow(2000);
    assert.equal(ownBytes(whole), whole);
    const most = whole.subarray(100);
    assert.equal(ownBytes(most), most);
  });

  test('counts with the buffer that it pins, and with its objects', () => {
    const record = recordOf(Buffer.allocUnsafeSlow(100_000).subarray(10_000));
    assert.equal(ownRecord(record), record);
    assert.equal(heldBytes(record, recordSize(record)), RECORD_OVERHEAD_BYTES + 100_000);
  });

  test('is a copy when it was a small part of a batch or of a read of the spool', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(TOPIC, 'unavailable');
    const body = Buffer.allocUnsafeSlow(MIB).fill('x');
    void stage.delivery.deliver({ ...recordOf(body.subarray(0, 100)) });
    await stage.time.advance(100);
    assert.ok((await stage.sample('queueBytes')) <= heldOf(100) + 100);
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(1000);
    assert.deepEqual(
      stage.producer.written.map(({ value }) => value.buffer.byteLength),
      [100],
    );
  });

  test('that is alone is taken, also when it is larger than the memory for events', async () => {
    const stage = await DeliveryStage.open({ maxBytes: 1000 });
    const [first, second] = [stage.delivery, stage.delivery].map((delivery) =>
      delivery.deliver(recordOf(Buffer.allocUnsafeSlow(5000).fill('1 '))),
    );
    await stage.time.advance(100);
    assert.equal((await first)?.kind, 'acknowledged');
    assert.equal((await second)?.kind, 'retriable');
  });
});
