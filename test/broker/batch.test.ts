import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, suite, test } from 'node:test';
import { Producer } from '@platformatic/kafka';
import type { ReadBatch } from '../../tools/kafka/records.ts';
import { setTopicConfig } from '../../tools/kafka/topics.ts';
import { jobEvent } from '../openlineage/events.ts';
import { examples } from '../openlineage/samples.ts';
import { created, deliveryOf, type Answer } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

const MAX = 'max.message.bytes';
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** An event of about `size` bytes that compresses as well as a real one. */
function large(size: number, id = 0): string {
  const column = { name: 'column', type: 'decimal(38, 10)', description: 'as in the order, rounded' };
  const fields = Array.from({ length: Math.ceil(size / 88) }, (_, i) => ({
    ...column,
    name: `column ${i}`,
  }));
  return event({ schema: { fields } }, id);
}

/** An event of about `size` bytes. Compression makes it a quarter smaller at most. */
function random(size: number, id = 0): string {
  return event({ random: { text: randomBytes((size * 3) / 4).toString('base64') } }, id);
}

function event(facets: object, id: number): string {
  return JSON.stringify(
    jobEvent({ job: { namespace: 'jobs', name: 'own', facets }, producer: `test:${id}` }),
  );
}

/** Fails unless each of the events is in the topic exactly once. */
async function allThere(proxy: StagedProxy, events: readonly string[]): Promise<void> {
  const counts = new Map<string, number>();
  for (const { value } of await proxy.records()) {
    const text = value?.toString() ?? '';
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  for (const text of events) assert.equal(counts.get(text), 1, text.slice(0, 300));
}

/** Fails unless an event was refused as too large, and says both sizes. */
function refusedAsTooLarge({ status, text }: Answer, topic: string, limit: number): void {
  assert.equal(status, 413);
  const parsed =
    /^{"error":{"code":"payload_too_large","message":"(.*?)","details":{"size":(\d+),"limit":(\d+),/.exec(
      text,
    );
  assert.ok(parsed, text);
  const [, message, size, said] = parsed;
  assert.equal(Number(said), limit);
  assert.ok(Number(size) > limit);
  assert.equal(
    message,
    `Even compressed, the event needs ${size} bytes; topic ${topic} takes at most ${limit}`,
  );
}

suite('the batches of a proxy', { timeout: 90_000 }, () => {
  const stage = useStage();
  const proxies = new Map<string, StagedProxy>();
  before(async () => {
    const started = CODECS.map(async (codec) => {
      const proxy = await stage.proxyWithTopic(
        { name: codec, partitions: 2 },
        // These two read the metadata often and find a changed limit. The others learn of it when a broker refuses a batch.
        {
          KAFKA__COMPRESSION: codec,
          ...(/none|lz4/.test(codec) ? { KAFKA__METADATA_MAX_AGE_MS: '300' } : {}),
        },
      );
      proxies.set(codec, proxy);
    });
    await Promise.all(started);
  });

  for (const codec of CODECS) {
    test(`are compressed as the settings say: ${codec}`, async () => {
      const proxy = proxies.get(codec) ?? assert.fail();
      const events = examples.map(({ bytes }) => bytes.toString());
      for (const answer of await proxy.postAll(events, 6)) created(answer);
      await allThere(proxy, events);
      assert.deepEqual(
        new Set((await proxy.batches()).map(({ compression }) => compression)),
        new Set([codec]),
      );
    });
  }

  test('are idempotent: one producer, and its sequence has no gaps', async () => {
    const proxy = proxies.get('lz4') ?? assert.fail();
    const events = Array.from({ length: 500 }, (_, i) =>
      JSON.stringify(jobEvent({ job: { namespace: 'idempotence', name: `${i}` } })),
    );
    for (const answer of await proxy.postAll(events, 50)) created(answer);
    await allThere(proxy, events);
    const batches = await proxy.batches();
    assert.equal(new Set(batches.map(({ producerId }) => producerId)).size, 1);
    assert.ok(batches.every(({ producerId, producerEpoch }) => producerId >= 0n && producerEpoch >= 0));
    assert.ok(
      batches.some(({ records }) => records > 1),
      'many senders share a batch',
    );
    for (const [, inOne] of Map.groupBy(batches, ({ partition }) => partition)) {
      let next = 0;
      for (const { baseSequence, records, firstOffset } of inOne) {
        assert.deepEqual([baseSequence, firstOffset], [next, BigInt(next)]);
        next += records;
      }
    }
  });

  for (const codec of ['none', 'lz4'] as const) {
    test(`take an event of 1.2 MB into a topic of 1 MiB, with compression ${codec}`, async () => {
      const proxy = proxies.get(codec) ?? assert.fail();
      const before = new Set((await proxy.batches()).map(placeOf));
      const [big, next] = [large(1_250_000), event({}, 1)];
      assert.ok(big.length > 1_200_000);
      for (const answer of await proxy.postAll([big, next], 2)) created(answer);
      await allThere(proxy, [big, next]);
      const batches = (await proxy.batches()).filter((batch) => !before.has(placeOf(batch)));
      const compressed = batches.filter(({ compression }) => compression !== 'none');
      assert.ok(compressed.length > 0);
      for (const { bytes } of batches) assert.ok(bytes <= 1_048_588, String(bytes));
    });
  }

  for (const codec of CODECS) {
    test(`keep under a small limit of the topic, with compression ${codec}`, async () => {
      const proxy = proxies.get(codec) ?? assert.fail();
      const limit = 20_000;
      await setTopicConfig(stage.broker.bootstrapServers, codec, { [MAX]: String(limit) });
      // The limit takes effect a moment later. Another producer waits for it, so that some proxies do not know it yet.
      await until(
        () => isTaken(stage.broker.bootstrapServers, codec, 60_000),
        (taken) => !taken,
      );
      const before = new Set((await proxy.batches()).map(placeOf));
      const events = Array.from({ length: 150 }, (_, i) =>
        i % 3 === 0 ? large(30_000, i) : random(4000, i),
      );
      for (const answer of await proxy.postAll(events, 50)) created(answer);
      await allThere(proxy, events);
      const batches = (await proxy.batches()).filter((batch) => !before.has(placeOf(batch)));
      assert.ok(batches.length > 0);
      for (const { bytes } of batches) assert.ok(bytes <= limit, String(bytes));
    });
  }

  test('leave out an event that is too large for the topic, and take the events after it', async () => {
    const proxy = proxies.get('lz4') ?? assert.fail();
    const events = Array.from({ length: 60 }, (_, i) => (i % 10 === 5 ? random(60_000, i) : random(2000, i)));
    const answers = await proxy.postAll(events, events.length);
    for (const [i, answer] of answers.entries()) {
      if (i % 10 === 5) refusedAsTooLarge(answer, 'lz4', 20_000);
      else created(answer);
    }
    await allThere(
      proxy,
      events.filter((_, i) => i % 10 !== 5),
    );
  });

  test('are larger again when the limit is raised', async () => {
    const proxy = proxies.get('lz4') ?? assert.fail();
    await setTopicConfig(stage.broker.bootstrapServers, 'lz4', { [MAX]: null });
    await until(
      () => proxy.post(random(60_000)),
      (answer) => deliveryOf(answer) === 'kafka',
    );
  });
});

/** Whether the topic takes a record of `size` bytes from another producer. */
async function isTaken(bootstrapServers: string, topic: string, size: number): Promise<boolean> {
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [bootstrapServers], retries: false });
  try {
    await producer.send({ acks: -1, messages: [{ topic, value: randomBytes(size) }] });
    return true;
  } catch {
    return false;
  } finally {
    await producer.close();
  }
}

function placeOf({ partition, firstOffset }: ReadBatch): string {
  return `${partition}/${firstOffset}`;
}
