/** What senders and operators see of routing rules. No Kafka is needed: events wait on disk, for their topics. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { logged, logLines } from '../../stage/log-lines.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import { deadLettered, deliveryOf, errorOf, isObject, parsed, spooled } from '../../stage/posting.ts';
import { padded, runEvent } from '../../stage/sample-events.ts';
import { NOWHERE, Stage } from '../../stage/stage.ts';
import type { StagedProxy } from '../../stage/staged-proxy.ts';

const RULES = [
  { name: 'foreign', when: { namespace: 'foreign*' }, refuse: 'post it to the other proxy' },
  { name: 'noise', when: { name: 'tmp_*', event_type: ['RUNNING', 'OTHER'] }, drop: true },
  { name: 'orphans', when: { name: 'orphan' }, dead_letter: 'it has no owner' },
  { name: 'large', when: { min_bytes: 100_000, input_namespace: 's3://*' }, topics: 'team.large' },
  { name: 'finance', when: { namespace: ['finance', 'audit'] }, topics: ['team.finance'] },
];

const event = (namespace: string, name: string, more: object = {}) =>
  runEvent('a', { job: { namespace, name }, ...more });

const hash = createHash('sha256').update('h2k_key').digest('hex');
const SENDERS = `senders: [{ name: limited, api_keys: ['sha256:${hash}'], namespaces: [own] }]\n`;

suite('routing rules', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-routing-'));
  const stage = new Stage();
  let proxy: StagedProxy;
  before(async () => {
    proxy = await stage.launch({ settings: { ...NOWHERE, ROUTING__RULES: JSON.stringify(RULES) } });
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  const fitted = async (rule: string, action: string) =>
    (await readMetrics(proxy)).get(`http2kafka_routing_rule_events_total{rule="${rule}",action="${action}"}`);
  const waiting = async (topic: string, of = proxy) =>
    (await readMetrics(of)).get(`http2kafka_spool_events{topic="${topic}"}`);

  test('count from 0, and their topics are reported from the start', async () => {
    const metrics = await readMetrics(proxy);
    for (const [rule, action] of [
      ['foreign', 'refuse'],
      ['noise', 'drop'],
      ['orphans', 'dead-letter'],
      ['finance', 'topics'],
    ] as const) {
      assert.equal(metrics.get(`http2kafka_routing_rule_events_total{rule="${rule}",action="${action}"}`), 0);
    }
    assert.equal(metrics.get('http2kafka_events_total{kind="run",outcome="dropped"}'), 0);
    assert.equal(metrics.get('http2kafka_events_total{kind="run",outcome="refused_by_rule"}'), 0);
    assert.equal(metrics.get('http2kafka_routing_file_good'), 1);
    for (const topic of ['input.runs', 'team.finance', 'team.large']) {
      assert.equal(metrics.get(`http2kafka_spool_events{topic="${topic}"}`), 0, topic);
      assert.equal(metrics.get(`http2kafka_kafka_up{topic="${topic}"}`), 0, topic);
    }
    const { topics } = parsed((await proxy.get('/monitoring/ready')).text);
    assert.ok(isObject(topics));
    assert.deepEqual(Object.keys(topics), ['input.runs', 'team.large', 'team.finance']);
  });

  test('send an event to their topic, and all others to the main topic', async () => {
    spooled(await proxy.post(event('finance', 'a')));
    spooled(await proxy.post(event('other', 'a')));
    assert.equal(await waiting('team.finance'), 1);
    assert.equal(await waiting('input.runs'), 1);
    assert.equal(await fitted('finance', 'topics'), 1);
  });

  test('read a large event, too', async () => {
    const large = event('finance', 'a', { inputs: [{ namespace: 's3://a', name: 'b' }] });
    spooled(await proxy.post(padded(large, 150_000)));
    assert.equal(await waiting('team.large'), 1);
    assert.equal(await fitted('large', 'topics'), 1);
  });

  test('drop an event: 200, with the name of the rule, counted, and not kept', async () => {
    const before = (await readMetrics(proxy)).get('http2kafka_spooled_events_total');
    const answer = await proxy.post(event('finance', 'tmp_1', { eventType: 'RUNNING' }));
    assert.deepEqual([answer.status, answer.text, deliveryOf(answer)], [200, '', 'dropped']);
    assert.equal(answer.headers['x-routing-rule'], 'noise');
    assert.equal(await fitted('noise', 'drop'), 1);
    const metrics = await readMetrics(proxy);
    assert.equal(metrics.get('http2kafka_events_total{kind="run",outcome="dropped"}'), 1);
    assert.equal(metrics.get('http2kafka_spooled_events_total'), before);
    spooled(await proxy.post(event('other', 'tmp_1')), 'a start');
  });

  test('refuse an event: 403, with their reason and name, also in the log', async () => {
    const answer = await proxy.post(event('foreign-1', 'a'), { headers: { 'x-request-id': 'the-request' } });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers['retry-after'], undefined);
    assert.deepEqual(errorOf(answer.text), {
      code: 'refused_by_rule',
      message: 'Routing rule foreign refuses the event: post it to the other proxy',
      details: { rule: 'foreign' },
    });
    assert.equal(await fitted('foreign', 'refuse'), 1);
    const line = (await logLines(proxy)).find((one) => one.includes('the-request'));
    assert.match(line ?? '', /rule foreign refuses the event: post it to the other proxy .*refused_by_rule/);
  });

  test('keep an event for the dead-letter topic, with their reason', async () => {
    deadLettered(await proxy.post(event('own', 'orphan')));
    assert.equal(await fitted('orphans', 'dead-letter'), 1);
    assert.match((await logLines(proxy)).join('\n'), /it has no owner \(routing rule orphans\)/);
  });

  test('see valid events only', async () => {
    const answer = await proxy.post(event('foreign-1', 'a', { eventTime: 'now' }));
    assert.equal(errorOf(answer.text).code, 'invalid_request');
  });

  test('route the elements of a batch one by one', async () => {
    const finance = (await waiting('team.finance')) ?? 0;
    const elements = [
      event('finance', 'a'),
      event('finance', 'tmp_1', { eventType: 'OTHER' }),
      event('foreign', 'a'),
      event('audit', 'a'),
      // The full check reads it, because a member comes twice.
      Buffer.from(event('audit', 'a').toString().replace('"name"', '"name":"b","name"')),
    ];
    const answer = await proxy.post(`[${elements.join()}]`, { path: '/api/v1/lineage/batch' });
    assert.equal(answer.status, 200);
    const { summary, failed_events } = parsed(answer.text);
    assert.deepEqual(summary, { received: 5, successful: 4, failed: 1, retriable: 0, non_retriable: 1 });
    assert.deepEqual(failed_events, [
      {
        index: 2,
        reason: 'Routing rule foreign refuses the event: post it to the other proxy',
        retriable: false,
      },
    ]);
    assert.equal(await waiting('team.finance'), finance + 3);
  });

  test('come after the namespaces of the sender', async () => {
    const path = join(folder, 'senders.yaml');
    writeFileSync(path, SENDERS);
    const rules = JSON.stringify([{ name: 'all', when: { sender: 'lim*' }, drop: true }]);
    const strict = await stage.launch({
      settings: { ...NOWHERE, ROUTING__RULES: rules, AUTH__SENDERS_FILE: path },
    });
    const headers = { authorization: 'Bearer h2k_key' };
    assert.equal(errorOf((await strict.post(event('foreign', 'a'), { headers })).text).code, 'forbidden');
    assert.equal(deliveryOf(await strict.post(event('own', 'a'), { headers })), 'dropped');
    assert.match(
      [...(await readMetrics(strict)).keys()].join('\n'),
      /http2kafka_sender_events_total{sender="limited",way="api-key",outcome="dropped"}/,
    );
  });

  test('change with their file; a broken version changes nothing, and topics that are no longer named stay', async () => {
    const path = join(folder, 'rules.yaml');
    const write = (text: string) => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    const to = (topic: string) => `rules: [{ name: rule-${topic}, topics: ${topic} }]\n`;
    write(to('first'));
    const changing = await stage.launch({ settings: { ...NOWHERE, ROUTING__FILE: path } });
    spooled(await changing.post(event('a', 'a')));
    write(to('second'));
    await logged(changing, 'the file of routing rules has changed and was read again');
    assert.equal(await waiting('second', changing), 0, 'it is watched before its first event');
    spooled(await changing.post(event('a', 'a')));
    write('rules: [{ name: broken, topics: third, when: { kind: runs } }]\n');
    await logged(
      changing,
      'the file of routing rules is invalid: the last valid version stays in use: rules[0].when.kind',
    );
    spooled(await changing.post(event('a', 'a')));
    assert.deepEqual([await waiting('first', changing), await waiting('second', changing)], [1, 2]);
    assert.equal((await readMetrics(changing)).get('http2kafka_routing_file_good'), 0);
    assert.match(String(parsed((await changing.get('/monitoring/ready')).text)['routing']), /is invalid/);
    write(to('fourth'));
    await logged(changing, 'was read again', 2);
    assert.equal((await readMetrics(changing)).get('http2kafka_routing_file_good'), 1);
    assert.equal(parsed((await changing.get('/monitoring/ready')).text)['routing'], undefined);
  });

  test('that are wrong stop the start', async () => {
    const path = join(folder, 'wrong.yaml');
    writeFileSync(path, 'rules: [{ name: a }]\n');
    await assert.rejects(
      stage.launch({ settings: { ...NOWHERE, ROUTING__FILE: path } }),
      /cannot route events: .*rules\[0\] line 1: rule 'a'/,
    );
  });
});
