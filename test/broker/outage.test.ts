import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createTopic, deleteTopic } from '../../tools/kafka/topics.ts';
import { jobEvent } from '../openlineage/events.ts';
import { created, until, useBroker, type Answer, type TopicProxy } from './stage.ts';

/** An event of the n-th job. */
const event = (job: number | string) =>
  JSON.stringify(jobEvent({ job: { namespace: 'jobs', name: `${job}` } }));

/** Fails unless an event could not be kept, and the sender is told to try again soon. */
function unavailable({ status, headers, body }: Answer): void {
  assert.deepEqual([status, headers['retry-after']], [503, '1'], body);
  assert.match(body, /"code":"unavailable"/);
}

const ready = (proxy: TopicProxy) => proxy.get('/monitoring/ready');
const isReady = ({ status }: Answer) => status === 200;

suite('a proxy', { timeout: 90_000 }, () => {
  const stage = useBroker({ properties: { 'auto.create.topics.enable': 'false' } });

  test('waits for a topic that is not there, says so, and goes on when it is', async () => {
    const proxy = await stage.proxyTo('late');
    unavailable(await proxy.post(event(1)));
    const { status, body } = await ready(proxy);
    assert.equal(status, 503);
    assert.match(body, /late.*UNKNOWN_TOPIC_OR_PARTITION/);

    await createTopic(stage.broker.bootstrapServers, { name: 'late', partitions: 3 });
    await until(() => ready(proxy), isReady);
    created(await proxy.post(event(2)));
    assert.deepEqual(
      (await proxy.records()).map(({ value }) => value?.toString()),
      [event(2)],
      'what was refused does not come later',
    );
  });

  test('goes on when its topic was made anew with fewer partitions', async () => {
    const proxy = await stage.proxy({ name: 'anew', partitions: 6 });
    const events = Array.from({ length: 30 }, (_, job) => event(job));
    for (const answer of await proxy.postAll(events, 5)) created(answer);
    await deleteTopic(stage.broker.bootstrapServers, 'anew');
    await until(
      () => proxy.post(event(1)),
      ({ status }) => status === 503,
    );
    await createTopic(stage.broker.bootstrapServers, { name: 'anew', partitions: 2 });
    for (const text of events) {
      await until(
        () => proxy.post(text),
        ({ status }) => status === 201,
      );
    }
    const values = new Set((await proxy.records()).map(({ value }) => value?.toString()));
    for (const text of events) assert.ok(values.has(text));
  });

  test('is not ready while a broker takes its events and answers nothing', async () => {
    const proxy = await stage.proxy({ name: 'frozen', partitions: 1 });
    created(await proxy.post(event(1)));
    stage.broker.freeze();
    try {
      unavailable(await proxy.post(event(2)));
      const { status, body } = await ready(proxy);
      assert.equal(status, 503);
      assert.match(body, /does not acknowledge in time/);
    } finally {
      stage.broker.thaw();
    }
    await until(
      () => proxy.post(event(3)),
      ({ status }) => status === 201,
    );
    assert.equal((await ready(proxy)).status, 200);
  });

  test('answers 503 while its only broker is away, 201 when it is back, and has written each of these once', async () => {
    const proxy = await stage.proxy({ name: 'load', partitions: 3 });
    const acknowledged: string[] = [];
    const refused: string[] = [];
    let isBack = false;
    const senders = Array.from({ length: 8 }, async (_, sender) => {
      for (let count = 0, after = 0; after < 5; count++) {
        const text = event(`${sender}-${count}`);
        const answer = await proxy.post(text);
        if (answer.status === 201) acknowledged.push(text);
        else {
          unavailable(answer);
          refused.push(text);
        }
        if (isBack && answer.status === 201) after += 1;
      }
    });
    await until(
      () => Promise.resolve(acknowledged.length),
      (count) => count > 50,
    );
    await stage.broker.kill();
    await until(
      () => Promise.resolve(refused.length),
      (count) => count >= 8,
    );
    const away = await ready(proxy);
    assert.equal(away.status, 503);
    assert.match(away.body, /does not answer|no broker answers/);

    await stage.broker.start();
    isBack = true;
    await Promise.all(senders);
    assert.equal((await until(() => ready(proxy), isReady)).status, 200);

    const counts = new Map<string, number>();
    for (const { value } of await proxy.records()) {
      const text = value?.toString() ?? '';
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    for (const text of acknowledged) assert.equal(counts.get(text), 1, text);
    for (const text of refused) assert.ok((counts.get(text) ?? 0) <= 1, text);
  });
});
