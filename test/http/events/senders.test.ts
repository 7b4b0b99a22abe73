import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { renameSync, rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { created, errorOf, get, isObject, parsed, post, type Answer } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';

const KEY = 'h2k_trino-hunter2';
const LIMITED = 'h2k_limited-hunter2';
const SLOW = 'h2k_slow-hunter2';

const hashOf = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

const SENDERS = `senders:
  - name: trino
    api_keys: ['${hashOf(KEY)}']
  - name: limited
    api_keys: ['${hashOf(LIMITED)}']
    namespaces: [test, 'prod-*']
  - name: slow
    api_keys: ['${hashOf(SLOW)}']
    events_per_second: 0.001
`;

void suite('senders', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-senders-'));
  const path = join(folder, 'senders.yaml');
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    writeFileSync(path, SENDERS);
    proxy = await stage.proxy({
      settings: { AUTH__SENDERS_FILE: path, SERVER__ACCESS_LOG: 'true' },
      args: ['--host', '0.0.0.0'],
    });
  });
  after(() => rmSync(folder, { recursive: true }));

  const send = (key: string | undefined, body: Buffer | string, more: object = {}): Promise<Answer> =>
    post(proxy, body, { ...more, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });

  async function metrics(): Promise<string> {
    return (await get(proxy, '/monitoring/metrics')).text;
  }

  test('with a known key may post, and are named in the record', async () => {
    const { status, headers } = await send(KEY, runEvent('known'), { path: '/v1/openlineage' });
    assert.equal(status, 201);
    const [record] = await stage.recordsOf(headers['x-request-id']);
    assert.ok(record);
    assert.deepEqual(
      record.headers.map(([name]) => name),
      ['content-type', 'correlation_id', 'reported-by-user-name'],
    );
    assert.equal(headerOf(record, 'reported-by-user-name'), 'trino');
    assert.match(
      await metrics(),
      /http2kafka_sender_events_total{sender="trino",way="api-key",outcome="acknowledged"} \d/,
    );
    assert.match(proxy.log, /127\.0\.0\.1:\d+ - trino "POST \/v1\/openlineage HTTP\/1\.1" 201/);
  });

  const unknown: Readonly<
    Record<string, readonly [authorization: string | undefined, message: string, details: string | null]>
  > = {
    'no credential': [undefined, 'Missing Authorization header', null],
    'an unknown key': ['Bearer hunter2', 'Invalid token', 'Unknown API key'],
    'a scheme in capitals and a mistyped key': [`BEARER ${KEY}x`, 'Invalid token', 'Unknown API key'],
    'another scheme': [
      `Basic ${Buffer.from(`a:${KEY}`).toString('base64')}`,
      'Invalid token',
      'The Authorization header must be: Bearer, a space, the token',
    ],
    'a scheme only': [
      'Bearer',
      'Invalid token',
      'The Authorization header must be: Bearer, a space, the token',
    ],
    'a personal token': [
      'Bearer personal_token_a.b.c',
      'Authentication using PersonalTokens is disabled',
      null,
    ],
    'a JWT': ['Bearer a.b.c', 'Invalid token', 'Unknown API key'],
    'the hash of a key': [`Bearer ${hashOf(KEY).slice(7)}`, 'Invalid token', 'Unknown API key'],
  };
  for (const [what, [authorization, message, details]] of Object.entries(unknown)) {
    test(`with ${what} may not post`, async () => {
      const before = (await stage.records()).length;
      const answer = await post(proxy, runEvent('unknown'), {
        headers: authorization === undefined ? {} : { authorization },
      });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
      assert.deepEqual(errorOf(answer.text), { code: 'unauthorized', message, details });
      assert.equal((await stage.records()).length, before);
    });
  }

  test('without a known key may not post batches, but may read the pages', async () => {
    assert.equal((await send('wrong', '[]', { path: '/api/v1/lineage/batch' })).status, 401);
    for (const page of ['/monitoring/ping', '/monitoring/ready', '/docs', '/openapi.json']) {
      assert.notEqual((await get(proxy, page)).status, 401);
    }
  });

  test('may write to their own namespaces only', async () => {
    for (const namespace of ['test', 'prod-', 'prod-a/b']) {
      created(await send(LIMITED, runEvent('own', { job: { namespace, name: 'a' } })));
    }
    for (const namespace of ['Test', 'tests', 'prod', 'dev', '', 'te\\nst"']) {
      const answer = await send(LIMITED, runEvent('foreign', { job: { namespace, name: 'a' } }));
      assert.equal(answer.status, 403);
      const { code, message } = errorOf(answer.text);
      assert.deepEqual([code, message], ['forbidden', `Your namespaces do not include "${namespace}"`]);
    }
  });

  test('may not write to a foreign namespace by JSON that parsers read differently', async () => {
    const parent = { parent: { job: { namespace: 'test', name: 'a' }, run: { runId: 'x' } } };
    const run = { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c', facets: parent };
    const foreign = runEvent('foreign', { run, job: { namespace: 'dev', name: 'a' } }).toString();
    for (const event of [
      foreign,
      foreign.replace('"dev"', '"\\u0064ev"'),
      foreign.replace('"namespace":"dev"', '"namespace":"test","namespace":"dev"'),
      foreign.replace(
        '"job":{"namespace":"dev"',
        '"job":{"namespace":"test","name":"b"},"job":{"namespace":"dev"',
      ),
      runEvent('foreign', { run: undefined, job: undefined, dataset: { namespace: 'dev', name: 'a' } }),
    ]) {
      assert.equal((await send(LIMITED, event)).status, 403, event.toString());
    }
    const own = foreign.replace('"namespace":"dev"', '"namespace":"dev","namespace":"\\u0074est"');
    created(await send(LIMITED, own));
  });

  test('may post the events of a batch in their namespaces, and no others', async () => {
    const events = ['test', 'dev', 'prod-x'].map((namespace) =>
      runEvent('batch', { job: { namespace, name: 'a' } }).toString(),
    );
    const answer = await send(LIMITED, `[${events.join()}]`, { path: '/api/v1/lineage/batch' });
    assert.equal(answer.status, 200);
    const { summary, failed_events } = parsed(answer.text);
    assert.deepEqual(summary, { received: 3, successful: 2, failed: 1, retriable: 0, non_retriable: 1 });
    assert.deepEqual(failed_events, [
      { index: 1, reason: 'Your namespaces do not include "dev"', retriable: false },
    ]);
  });

  test('over their rate get a 429', async () => {
    created(await send(SLOW, runEvent('slow')));
    const answer = await send(SLOW, runEvent('slow'));
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal(errorOf(answer.text).code, 'too_many_requests');
    const batch = await send(SLOW, `[${runEvent('slow').toString()}]`, { path: '/api/v1/lineage/batch' });
    assert.equal(batch.status, 429);
    created(await send(KEY, runEvent('others')));
    assert.match(await metrics(), /sender="slow",way="api-key",outcome="too_many_requests"} 2/);
  });

  test('in a flood of wrong keys are still served, and the log is not flooded', async () => {
    const wrong = Array.from({ length: 500 }, () => send('hunter2', runEvent('wrong')));
    const good = Array.from({ length: 20 }, () => send(KEY, runEvent('good')));
    for (const { status } of await Promise.all(wrong)) assert.equal(status, 401);
    for (const { status } of await Promise.all(good)) assert.equal(status, 201);
    assert.match(await metrics(), /authentication_failures_total{reason="unknown-key"} \d{3}/);
    assert.ok(proxy.log.split('sender not recognised').length < 300);
  });

  test('change with their file', async () => {
    const replace = (text: string) => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    replace(SENDERS.replace(hashOf(KEY), hashOf('h2k_new')));
    await logged(proxy, 'was read again');
    assert.equal((await send(KEY, runEvent('old key'))).status, 401);
    created(await send('h2k_new', runEvent('new key')));
    replace('senders: [{name: trino, api_keys: [hunter2]}]');
    await logged(proxy, 'the last valid version stays in use: senders[0].api_keys');
    created(await send('h2k_new', runEvent('new key')));
    const ready = parsed((await get(proxy, '/monitoring/ready')).text);
    assert.ok(isObject(ready['senders']));
    assert.match(String(ready['senders']['senders_file']), /^the senders file is invalid: .* see the log$/);
    assert.match(await metrics(), /http2kafka_senders_file_good 0/);
    replace('senders: [{name: trino}]');
    await logged(proxy, 'was read again', 2);
    for (const [key, message] of [
      ['h2k_new', 'Invalid token'],
      [undefined, 'Missing Authorization header'],
    ] as const) {
      assert.equal(errorOf((await send(key, runEvent('last key'))).text).message, message);
    }
    replace(SENDERS);
    await logged(proxy, 'was read again', 3);
    created(await send(KEY, runEvent('first key')));
    assert.equal(parsed((await get(proxy, '/monitoring/ready')).text)['senders'], 'ok');
  });

  test('have no credentials in the log, and there is no warning of unchecked senders', () => {
    assert.doesNotMatch(proxy.log, /hunter2|SENDERS ARE NOT CHECKED/);
  });

  test('are all refused when tokens are off and nothing else is on', async () => {
    const shut = await stage.launch({ settings: { AUTH__PERSONAL_TOKENS__ENABLED: 'false' } });
    for (const [authorization, message] of [
      [undefined, 'Missing Authorization header'],
      ['Bearer personal_token_a.b.c', 'Authentication using PersonalTokens is disabled'],
      [`Bearer ${KEY}`, 'Invalid token'],
    ] as const) {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await post(shut, runEvent('shut'), { headers });
      assert.deepEqual([answer.status, errorOf(answer.text).message], [401, message]);
    }
    assert.match(shut.log, /EVERY EVENT IS REJECTED/);
  });

  test('must include one with a credential, or the proxy does not start', async () => {
    for (const [text, message] of [
      [
        'senders: [{name: a, namespaces: [b]}]',
        /no sender has an API key in .*, and no other authentication/,
      ],
      ['senders: [{name: a, api_keys: [hunter2]}]', /senders\[0\]\.api_keys: a list of hashes/],
    ] as const) {
      const wrong = join(folder, 'wrong.yaml');
      writeFileSync(wrong, text);
      await assert.rejects(stage.launch({ settings: { AUTH__SENDERS_FILE: wrong } }), message);
    }
  });
});
