import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createTopic, deleteTopic } from '../../tools/kafka/topics.ts';
import { inState, readiness } from '../stage/readiness.ts';
import { jobEvent } from '../openlineage/events.ts';
import { accepted, created, deliveryOf, spooled, type Answer } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

/** An event of the n-th job. `count` distinguishes the events of a job. Without `time` it is an old event. */
const event = (job: number | string, count = 0, time?: Date) =>
  JSON.stringify(
    jobEvent({
      job: { namespace: 'jobs', name: `${job}` },
      producer: `test:${count}`,
      ...(time && { eventTime: time.toISOString() }),
    }),
  );

async function valuesOf(proxy: StagedProxy): Promise<(string | undefined)[]> {
  return (await proxy.records()).map(({ value }) => value?.toString());
}

suite('a proxy', { timeout: 120_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });

  test('keeps events for a topic that does not exist, says so, and writes them once it exists', async () => {
    const proxy = await stage.launch({ topic: 'late' });
    spooled(await proxy.post(event(1)));
    const { problem, state, spool } = await until(
      () => readiness(proxy),
      ({ kafka }) => kafka.includes('UNKNOWN_TOPIC_OR_PARTITION'),
    );
    assert.deepEqual([problem, state, spool.events], [undefined, 'spooling', 1]);

    await createTopic(stage.broker.bootstrapServers, { name: 'late', partitions: 3 });
    await inState(proxy, 'straight');
    created(await proxy.post(event(2)));
    assert.deepEqual((await valuesOf(proxy)).sort(), [event(1), event(2)].sort());
  });

  test('goes on when its topic is created again with fewer partitions', async () => {
    const proxy = await stage.proxyWithTopic({ name: 'recreated', partitions: 6 });
    const before = Array.from({ length: 30 }, (_, job) => event(job));
    for (const answer of await proxy.postAll(before, 5)) created(answer);
    await deleteTopic(stage.broker.bootstrapServers, 'recreated');
    const posted: string[] = [];
    const post = async (text: string): Promise<Answer> => {
      const answer = await proxy.post(text);
      accepted(answer);
      // Acknowledged events were deleted with the topic.
      if (deliveryOf(answer) === 'spool') posted.push(text);
      return answer;
    };
    let count = 0;
    await until(
      () => post(event('in between', (count += 1))),
      (answer) => deliveryOf(answer) === 'spool',
    );
    for (let job = 0; job < 30; job++) await post(event(job, 1));
    assert.equal(posted.length, 31, 'all are kept while the topic does not exist');
    await createTopic(stage.broker.bootstrapServers, { name: 'recreated', partitions: 2 });
    await inState(proxy, 'straight');
    const after = Array.from({ length: 30 }, (_, job) => event(job, 2));
    for (const answer of await proxy.postAll(after, 5)) created(answer);
    assert.deepEqual((await valuesOf(proxy)).sort(), [...posted, ...after].sort());
  });

  test('keeps events while a frozen broker answers nothing, and writes each once', async () => {
    // Long enough that the limit of a request is not what marks Kafka as unavailable.
    const settings = { SPOOL__AFTER: '500ms', KAFKA__REQUEST_TIMEOUT_MS: '600000' };
    const proxy = await stage.proxyWithTopic({ name: 'frozen', partitions: 1 }, settings);
    await until(
      () => proxy.post(event('before')),
      (answer) => deliveryOf(answer) === 'kafka',
    );
    await inState(proxy, 'straight');
    const before = await valuesOf(proxy);
    stage.broker.freeze();
    try {
      spooled(await proxy.post(event(1)));
      spooled(await proxy.post(event(2)));
      const { problem, state, spool } = await readiness(proxy);
      assert.deepEqual([problem, state, spool.events], [undefined, 'spooling', 2]);
    } finally {
      stage.broker.thaw();
    }
    await inState(proxy, 'straight');
    accepted(await proxy.post(event(3)));
    await inState(proxy, 'straight');
    assert.deepEqual(await valuesOf(proxy), [...before, event(1), event(2), event(3)]);
    assert.equal((await readiness(proxy)).kafka, 'ok');
  });

  test('keeps events on disk while its only broker is down, in Kafka when it is back, and writes each event once and in order', async () => {
    const senders = 8;
    const proxy = await stage.proxyWithTopic({ name: 'load', partitions: 3 });
    const posted = new Map<string, string[]>();
    const counts = { kafka: 0, spool: 0 };
    let isBack = false;
    const sending = Array.from({ length: senders }, async (_, sender) => {
      const mine: string[] = [];
      posted.set(`job:jobs/${sender}`, mine);
      for (let count = 0, after = 0; after < 5; count++) {
        const text = event(sender, count, new Date());
        const answer = await proxy.post(text);
        accepted(answer);
        mine.push(text);
        const inKafka = deliveryOf(answer) === 'kafka';
        counts[inKafka ? 'kafka' : 'spool'] += 1;
        if (isBack && inKafka) after += 1;
      }
    });
    await until(
      () => Promise.resolve(counts.kafka),
      (count) => count > 50,
    );
    await stage.broker.kill();
    await until(
      () => Promise.resolve(counts.spool),
      (count) => count >= 8,
    );
    const { problem, state, kafka } = await readiness(proxy);
    assert.deepEqual([problem, state], [undefined, 'spooling']);
    assert.match(kafka, /does not answer|no broker answers/);

    await stage.broker.start();
    isBack = true;
    await Promise.all(sending);
    await inState(proxy, 'straight');
    assert.equal((await readiness(proxy)).kafka, 'ok');
    const records = await proxy.records();
    assert.equal(records.length, counts.kafka + counts.spool);
    for (const [key, texts] of posted) {
      assert.deepEqual(
        records.filter((record) => record.key?.toString() === key).map(({ value }) => value?.toString()),
        texts,
      );
    }
  });
});
