import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { contendersOf } from '../../benchmark/contenders/contenders.ts';
import { post } from '../../benchmark/contenders/program.ts';
import { startContender, type Running } from '../../benchmark/contenders/running.ts';
import { batches, mix, realEvents, sized } from '../../benchmark/loads/bodies.ts';
import { startBroker, type Broker } from '../../tools/kafka/broker.ts';
import { readRecords, type ReadRecord } from '../../tools/kafka/records.ts';
import { partitioners } from '../../src/kafka/producer/partitioner.ts';
import { checkEvent } from '../../src/openlineage/check.ts';

/** Events that are posted at once. */
const TOGETHER = 40;

suite('the floor of the benchmarks', () => {
  let broker: Broker;
  let floor: Running;

  before(async () => {
    broker = await startBroker();
    const started = await startContender(contendersOf(undefined).floor, broker);
    assert.ok(started);
    floor = started;
  });

  after(async () => {
    await floor.stop();
    await broker.stop();
  });

  test('writes what it takes, with the keys and to the partitions of http2kafka', async () => {
    const events = [...mix().bodies, ...realEvents().bodies, ...sized(1_200_000).bodies];
    const before = await written();
    const records = await recordsAfter(before, async () => {
      for (let at = 0; at < events.length; at += TOGETHER) {
        const answers = await Promise.all(events.slice(at, at + TOGETHER).map((body) => send('', body)));
        assert.deepEqual(new Set(answers), new Set([201]));
      }
    });
    assert.deepEqual(textsOf(records), events.map(String).sort());
    for (const { value, key, partition } of records) {
      const wanted = checkEvent(value ?? Buffer.alloc(0), 'core').event?.key;
      assert.deepEqual(key, wanted);
      assert.equal(partition, partitioners.murmur2(wanted ?? Buffer.alloc(0), 3));
    }
  });

  test('writes the elements of a batch', async () => {
    const [batch = Buffer.alloc(0)] = batches(100).bodies;
    const elements: unknown = JSON.parse(batch.toString());
    assert.ok(Array.isArray(elements));
    const records = await recordsAfter(await written(), async () => {
      assert.equal(await send('/batch', batch), 201);
    });
    assert.deepEqual(textsOf(records), elements.map((one) => JSON.stringify(one)).sort());
  });

  test('refuses what is no event', async () => {
    const before = await written();
    for (const text of ['', '{}', '[]', '{"eventTime": 1}']) {
      assert.equal(await send('', Buffer.from(text)), 422);
      assert.equal(await send('/batch', Buffer.from(text)), 422);
    }
    assert.equal(await written(), before);
  });

  async function send(path: string, body: Buffer): Promise<number> {
    return (await post(`${floor.url}/api/v1/lineage${path}`, body)).status;
  }

  async function written(): Promise<number> {
    return (await floor.written()) ?? 0;
  }

  /** The records that are new after a step. */
  async function recordsAfter(old: number, step: () => Promise<void>): Promise<ReadRecord[]> {
    const known = new Set((await readRecords(broker.bootstrapServers, floor.topic)).map(placeOf));
    assert.equal(known.size, old);
    await step();
    const all = await readRecords(broker.bootstrapServers, floor.topic);
    return all.filter((record) => !known.has(placeOf(record)));
  }
});

function placeOf({ partition, offset }: ReadRecord): string {
  return `${partition} ${offset}`;
}

function textsOf(records: readonly ReadRecord[]): string[] {
  return records.map(({ value }) => String(value)).sort();
}
