/** Events that neither their topic nor the dead-letter topic of a real Kafka takes, and what an operator does about them. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { createTopic, setTopicConfig } from '../../tools/kafka/topics.ts';
import { ranProgram } from '../config/child.ts';
import { logged } from '../stage/log-lines.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { created, spooled } from '../stage/posting.ts';
import { inState, readiness } from '../stage/readiness.ts';
import { incompressible, runEvent } from '../stage/sample-events.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

const SMALL = { 'max.message.bytes': '20000' };
const LARGE = { 'max.message.bytes': '200000' };
const PARKED = 'it is parked on disk';

async function sampleOf(proxy: StagedProxy, name: string): Promise<number> {
  return (await readMetrics(proxy)).get(`http2kafka_${name}`) ?? Number.NaN;
}

suite('an event that no topic takes', { timeout: 240_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });

  const folders = new Map<StagedProxy, string>();

  /** A proxy with these large events parked. Its main topic and its dead-letter topic have a low limit. */
  async function withParked(topic: string, events: readonly Buffer[], settings = {}): Promise<StagedProxy> {
    const { bootstrapServers } = stage.broker;
    const SPOOL__PATH = temporaryFolder('http2kafka-parked-');
    const first = await stage.proxyWithoutKafka({ topic, settings: { SPOOL__PATH } });
    for (const event of events) spooled(await first.post(event));
    await first.kill();
    const aside = `${topic}-aside`;
    for (const name of [aside, topic]) {
      await createTopic(bootstrapServers, { name, partitions: 1, configs: SMALL });
    }
    // Not a proxy that is ready: Kafka refuses every record of the topic so far.
    const proxy = await stage.launch({
      topic,
      settings: { SPOOL__PATH, PRODUCER__MALFORMED_TOPIC: aside, ...settings },
    });
    await until(
      () => sampleOf(proxy, `parked_events{topic="${topic}"}`),
      (count) => count === events.length,
    );
    await inState(proxy, 'straight');
    folders.set(proxy, SPOOL__PATH);
    return proxy;
  }

  const spoolOf = (proxy: StagedProxy) => ({ HTTP2KAFKA__SPOOL__PATH: folders.get(proxy) ?? '' });

  test('is retried and dropped by commands beside the running proxy', async () => {
    const topic = 'refusing';
    const aside = `${topic}-aside`;
    const [one, two, three] = ['one', 'two', 'three'].map((name) => incompressible(name, 60_000));
    assert.ok(one && two && three);
    const proxy = await withParked(topic, [one, two, three]);
    const command = (...args: readonly string[]) => ranProgram(['spool', ...args, '--yes'], spoolOf(proxy));
    const before = await command('retry', '--all');
    assert.equal(before.status, 1);
    assert.match(before.stderr, /^3 events still parked\n$/);
    const ids = [...before.stdout.matchAll(/^[0-9a-f]{16}(?= )/gm)].map(([id]) => id);
    assert.equal(ids.length, 3);

    // The proxy does not know of the new limit yet: it asks for limits every five minutes.
    const { bootstrapServers } = stage.broker;
    await setTopicConfig(bootstrapServers, topic, LARGE);
    const retried = await command('retry', ids[0] ?? '');
    assert.deepEqual([retried.status, retried.stderr], [0, '1 event in Kafka\n']);
    const own = await proxy.records();
    assert.deepEqual(
      own.map(({ value }) => value?.equals(one)),
      [true],
    );

    assert.equal((await command('drop', ids[1] ?? '')).status, 0);
    assert.match(proxy.log, /an operator has dropped parked events/);
    assert.equal(await sampleOf(proxy, `parked_events{topic="${topic}"}`), 1);

    await setTopicConfig(bootstrapServers, topic, SMALL);
    await setTopicConfig(bootstrapServers, aside, LARGE);
    // The proxy may be the first to retry it.
    const last = await command('retry', ids[2] ?? '');
    assert.match(last.stderr, /^(1 event in the dead-letter topic|No parked event has the id .*)\n$/);
    assert.deepEqual(
      (await proxy.records(aside)).map(({ value }) => value?.equals(three)),
      [true],
    );
    assert.equal(await sampleOf(proxy, `parked_events{topic="${topic}"}`), 0);
  });

  test('does not refuse the events of the next outage, however old it is', async () => {
    const topic = 'aging';
    const proxy = await withParked(topic, [incompressible('large', 60_000)], {
      SPOOL__MAX_AGE: '2s',
      SPOOL__AFTER: '1s',
    });
    await logged(proxy, PARKED);
    created(await proxy.post(runEvent('before')));
    await sleep(3000);
    await stage.broker.kill();
    await until(
      () => readiness(proxy),
      ({ state }) => state === 'spooling',
    );
    spooled(await proxy.post(runEvent('during')));
    const { problem } = await readiness(proxy);
    assert.equal(problem, undefined);
    await stage.broker.start();
    await inState(proxy, 'straight');
    assert.equal((await proxy.records()).length, 2);
    assert.equal(await sampleOf(proxy, `parked_events{topic="${topic}"}`), 1);
  });
});
