/** Routing rules with a real Kafka: which topic has which event, also while the rules change. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { causeOf } from '../../src/delivery/dead-letter-record.ts';
import { createTopic } from '../../tools/kafka/topics.ts';
import { ranProgram } from '../config/child.ts';
import { logged } from '../stage/log-lines.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { accepted, created, deadLettered, deliveryOf, spooled } from '../stage/posting.ts';
import { runEvent } from '../stage/sample-events.ts';
import { NOWHERE, useStage } from '../stage/stage.ts';
import { until } from '../stage/until.ts';

const event = (namespace: string, name: string) => runEvent('', { job: { namespace, name } });

suite('routing rules', { timeout: 180_000 }, () => {
  const stage = useStage();
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-routing-'));
  before(async () => {
    for (const name of ['team.a', 'team.b', 'team.c', 'input.runs', 'input.runs__malformed']) {
      await createTopic(stage.broker.bootstrapServers, { name, partitions: 1 });
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The names of the jobs of a topic's records. */
  const namesIn = async (topic: string) =>
    (await stage.records(topic)).map(
      ({ value }) => /"name":"([^"]*)"/.exec(value?.toString() ?? '')?.[1] ?? '',
    );

  test('write each event to the topics of the first rule that fits, and to no other', async () => {
    const rules = [
      { name: 'drop', when: { name: 'dropped' }, drop: true },
      { name: 'refuse', when: { name: 'refused' }, refuse: 'no' },
      { name: 'letters', when: { name: 'letter' }, dead_letter: 'why not' },
      { name: 'both', when: { namespace: 'both' }, topics: ['team.a', 'team.b'] },
      { name: 'one', when: { namespace: 'one' }, topics: 'team.b' },
    ];
    const proxy = await stage.proxy({ settings: { ROUTING__RULES: JSON.stringify(rules) } });
    created(await proxy.post(event('both', 'to-both')));
    created(await proxy.post(event('one', 'to-one')));
    created(await proxy.post(event('other', 'to-main')));
    assert.equal(deliveryOf(await proxy.post(event('both', 'dropped'))), 'dropped');
    assert.equal((await proxy.post(event('both', 'refused'))).status, 403);
    deadLettered(await proxy.post(event('both', 'letter'), { headers: { 'x-request-id': 'letter' } }));
    assert.deepEqual(await namesIn('team.a'), ['to-both']);
    assert.deepEqual(await namesIn('team.b'), ['to-both', 'to-one']);
    assert.deepEqual(await namesIn('input.runs'), ['to-main']);
    const [letter] = await until(
      () => stage.records('input.runs__malformed'),
      ({ length }) => length > 0,
    );
    const headers = new Map(letter?.headers.map(([name, value]) => [name, value.toString()]));
    assert.equal(headers.get('dead-letter-reason'), 'why not (routing rule letters)');
    const cause = causeOf(
      (letter?.headers ?? []).map(([name, value]) => ({ name: Buffer.from(name), value })),
    );
    assert.deepEqual([cause.kind, cause.codes], ['rule', ['routing_rule']]);
    assert.equal(letter?.value?.toString(), event('both', 'letter').toString());
    const [a, b] = [await stage.records('team.a'), await stage.records('team.b')];
    assert.deepEqual([a[0]?.key, a[0]?.value], [b[0]?.key, b[0]?.value]);
    const metrics = await readMetrics(proxy);
    for (const topic of ['input.runs', 'team.a', 'team.b']) {
      assert.equal(metrics.get(`http2kafka_kafka_up{topic="${topic}"}`), 1, topic);
    }
    await proxy.stop();
  });

  test('change under load: each event is in one of the topics that they named, once, in its order', async () => {
    const path = join(folder, 'rules.yaml');
    const write = (topic: string) => {
      writeFileSync(
        `${path}.new`,
        `rules: [{ name: load, when: { namespace: load }, topics: ${topic} }]\n...\n`,
      );
      renameSync(`${path}.new`, path);
    };
    const topics = ['team.a', 'team.b', 'team.c'] as const;
    write(topics[0]);
    const proxy = await stage.proxy({ settings: { ROUTING__FILE: path } });
    const state = { posting: true };
    let posted = 0;
    const post = async (sender: number) => {
      for (let index = 0; state.posting; index++) {
        created(await proxy.post(event('load', `${sender}-${index}`)));
        posted += 1;
      }
    };
    const senders = [0, 1, 2, 3].map(post);
    for (const [times, topic] of topics.slice(1).entries()) {
      write(topic);
      await logged(proxy, 'was read again', times + 1);
      await until(
        () => namesIn(topic),
        (names) => names.some((name) => name.startsWith('3-')),
      );
    }
    state.posting = false;
    await Promise.all(senders);
    const found = await Promise.all(topics.map(namesIn));
    const all = found.flat().filter((name) => /^\d-\d+$/.test(name));
    assert.equal(all.length, posted);
    assert.equal(new Set(all).size, posted);
    for (const sender of [0, 1, 2, 3]) {
      const numbers = all
        .filter((name) => name.startsWith(`${sender}-`))
        .map((name) => Number(name.slice(2)));
      // Topic by topic, because each was in use before the next.
      assert.deepEqual(
        numbers,
        numbers.toSorted((one, other) => one - other),
      );
    }
    await proxy.stop();
  });

  test('that name a topic no more leave its events in the spool, and the next start delivers them', async () => {
    const spool = join(folder, 'spool');
    const rules = (topic: string) =>
      JSON.stringify([{ name: 'kept', when: { namespace: 'kept' }, topics: [topic, 'team.c'] }]);
    const settings = { ...NOWHERE, SPOOL__PATH: spool };
    const lonely = await stage.launch({ settings: { ...settings, ROUTING__RULES: rules('team.a') } });
    spooled(await lonely.post(event('kept', 'from-the-spool')));
    await lonely.stop();
    const next = await stage.proxy({ settings: { SPOOL__PATH: spool, ROUTING__RULES: rules('team.b') } });
    for (const topic of ['team.a', 'team.c']) {
      await until(
        () => namesIn(topic),
        (names) => names.includes('from-the-spool'),
      );
    }
    accepted(await next.post(event('kept', 'new')));
    assert.ok(!(await namesIn('team.b')).includes('from-the-spool'));
    assert.ok(!(await namesIn('team.a')).includes('new'));
    await next.stop();
  });

  test('have their topics checked by check-config --connect', async () => {
    const rules = [
      { name: 'late', when: { kind: 'job' }, topics: ['team.a', 'absent.topic'] },
      { name: 'never', when: { kind: 'job', name: 'a' }, topics: 'team.b' },
    ];
    const { status, stdout } = await ranProgram(['check-config', '--connect'], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
      HTTP2KAFKA__SPOOL__PATH: folder,
      // Smaller than the topics take by default: no warning of that.
      HTTP2KAFKA__PRODUCER__MAX_REQUEST_SIZE: '1000000',
      HTTP2KAFKA__ROUTING__RULES: JSON.stringify(rules),
    });
    assert.equal(status, 0, stdout);
    const lines = stdout.split('\n').filter((line) => line.includes('routing.rules['));
    const [dead, there, absent, other] = lines;
    assert.match(
      dead ?? '',
      /^warning: routing\.rules\[1\] \(never\): the rule never fits: the rule late before it/,
    );
    assert.match(there ?? '', /^ok: routing\.rules\[0\] \(late\): the topic team\.a is there/);
    assert.match(
      absent ?? '',
      /^warning: routing\.rules\[0\] \(late\): the topic absent\.topic does not exist/,
    );
    assert.match(other ?? '', /^ok: routing\.rules\[1\] \(never\): the topic team\.b is there/);
  });
});
