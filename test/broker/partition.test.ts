import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { murmur2 } from '../../src/kafka/producer/partitioner.ts';
import { addPartitions } from '../../tools/kafka/topics.ts';
import { jobEvent } from '../openlineage/events.ts';
import { created } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

/** An event of the n-th job. `count` distinguishes the events of a job. */
const event = (job: number | string, count = 0) =>
  JSON.stringify(jobEvent({ job: { namespace: 'jobs', name: `${job}` }, producer: `test:${count}` }));

const asJava = (key: Buffer, partitions: number) => (murmur2(key) & 0x7fffffff) % partitions;

/** Posts an event of each of 200 jobs. Fails unless each is in the partition that `partitionOf` gives. */
async function placeAll(
  proxy: StagedProxy,
  partitions: number,
  partitionOf: (key: Buffer, partitions: number) => number,
): Promise<void> {
  const events = Array.from({ length: 200 }, (_, job) => event(job, -partitions));
  for (const answer of await proxy.postAll(events, 20)) created(answer);
  const records = (await proxy.records()).filter(({ value }) => events.includes(value?.toString() ?? ''));
  assert.equal(new Set(records.map(({ key }) => key?.toString())).size, 200);
  for (const { key, partition } of records) {
    assert.ok(key);
    assert.equal(partition, partitionOf(key, partitions), key.toString());
  }
  assert.equal(new Set(records.map(({ partition }) => partition)).size, partitions, 'all are used');
}

suite('the partition of a record', { timeout: 60_000 }, () => {
  const stage = useStage();
  let java: StagedProxy;
  let librdkafka: StagedProxy;
  before(async () => {
    [java, librdkafka] = await Promise.all([
      stage.proxyWithTopic({ name: 'java', partitions: 8 }, { KAFKA__METADATA_MAX_AGE_MS: '200' }),
      stage.proxyWithTopic({ name: 'librdkafka', partitions: 8 }, { KAFKA__PARTITIONER: 'crc32' }),
    ]);
  });

  test("is that of Java's default partitioner", () => placeAll(java, 8, asJava));

  test("is that of librdkafka's consistent_random with kafka.partitioner: crc32", () =>
    placeAll(librdkafka, 8, (key, partitions) => crc32(key) % partitions));

  test('keeps the order of each sender that posts one event after the other', async () => {
    const senders = 8;
    const each = 60;
    const posting = Array.from({ length: senders }, async (_, sender) => {
      for (let count = 0; count < each; count++) created(await java.post(event(`sender ${sender}`, count)));
    });
    // Other events at the same time, in all partitions.
    const others = java.postAll(
      Array.from({ length: 600 }, (_, count) => event(count % 50, 1000 + count)),
      24,
    );
    await Promise.all([...posting, others]);
    const records = await java.records();
    for (let sender = 0; sender < senders; sender++) {
      const mine = records.filter(({ key }) => key?.toString() === `job:jobs/sender ${sender}`);
      assert.deepEqual(
        mine.map(({ value }) => value?.toString()),
        Array.from({ length: each }, (_, count) => event(`sender ${sender}`, count)),
      );
    }
  });

  test('may be one that is added while the proxy runs', async () => {
    await addPartitions(stage.broker.bootstrapServers, 'java', 12);
    const added = Array.from({ length: 1000 }, (_, job) => job).find(
      (job) => asJava(Buffer.from(`job:jobs/${job}`), 12) === 11,
    );
    assert.ok(added !== undefined);
    await until(
      async () => {
        created(await java.post(event(added)));
        return new Set((await java.records()).map(({ partition }) => partition));
      },
      (partitions) => partitions.has(11),
    );
    await placeAll(java, 12, asJava);
  });
});
