import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createTopic } from '../../tools/kafka/topics.ts';
import { ranProgram } from '../config/child.ts';
import { jobEvent, runEvent } from '../openlineage/events.ts';
import { logged } from '../stage/log-lines.ts';
import { created, spooled } from '../stage/posting.ts';
import { inState, readiness } from '../stage/readiness.ts';
import { useStage } from '../stage/stage.ts';
import { until } from '../stage/until.ts';

const TOO_OLD =
  'the broker is too old: it seems to be Kafka 2.4. Upgrade it: the proxy needs Kafka 2.8 or later';

const event = (count: number) =>
  JSON.stringify(jobEvent({ job: { namespace: 'jobs', name: 'one' }, producer: `test:${count}` }));

suite('a broker of an old release', { timeout: 120_000 }, () => {
  const stage = useStage({ release: '2.4.1' });

  test('is named when it is too old; its events are kept, and written in order once it is upgraded to 2.8', async () => {
    const { broker } = stage;
    const proxy = await stage.launch({ topic: 'upgraded' });
    const events = Array.from({ length: 20 }, (_, count) => event(count));
    for (const one of events.slice(0, 10)) spooled(await proxy.post(one));
    const { kafka, problem, state } = await until(
      () => readiness(proxy),
      (ready) => ready.kafka !== 'no broker answers',
    );
    assert.deepEqual([kafka, problem, state], [TOO_OLD, undefined, 'spooling']);
    await logged(proxy, TOO_OLD);
    const { status, stdout } = await ranProgram(['check-config', '--connect'], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
    });
    assert.notEqual(status, 0);
    assert.ok(stdout.includes(TOO_OLD), stdout);

    await broker.upgrade('2.8.2');
    await inState(proxy, 'straight');
    for (const one of events.slice(10)) created(await proxy.post(one));
    assert.deepEqual(
      (await proxy.records()).map(({ value }) => value?.toString()),
      events,
    );
    assert.equal((await readiness(proxy)).kafka, 'ok');
  });

  test('is written to from 2.8 on, with the limits by their older names', async () => {
    await createTopic(stage.broker.bootstrapServers, {
      name: 'limited',
      partitions: 1,
      configs: { 'message.timestamp.difference.max.ms': '3600000', 'max.message.bytes': '2000000' },
    });
    const proxy = await stage.proxy({ topic: 'limited', settings: { LOGGING__LEVEL: 'debug' } });
    const start = Date.now();
    for (const eventTime of ['2020-01-01T00:00:00Z', new Date(start - 60_000).toISOString()]) {
      created(await proxy.post(JSON.stringify(runEvent({ eventTime }))));
    }
    const [old, recent] = (await proxy.records()).map(({ timestamp }) => Number(timestamp));
    assert.ok(old !== undefined && old >= start && old <= Date.now(), 'it has the time of its arrival');
    assert.equal(recent, start - 60_000);
    // The limit was known: no batch was refused for it.
    assert.ok(!proxy.log.includes('Kafka does not take a batch as it is'), proxy.log);
  });

  test('is found to be good by check-config --connect, which makes the topics', async () => {
    const { status, stdout } = await ranProgram(['check-config', '--connect', '--create'], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
      HTTP2KAFKA__PRODUCER__MAIN_TOPIC: 'made',
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /the topic made was made now, with 3 partitions/);
  });
});
