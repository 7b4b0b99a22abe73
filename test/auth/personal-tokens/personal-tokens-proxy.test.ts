import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type Postgres } from '../../../tools/postgres.ts';
import { startProxy, type Proxy } from '../../../tools/proxy.ts';
import { ranProgram } from '../../config/child.ts';
import { deliveryOf, errorOf, get, isObject, parsed, post, spooled } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { claims, PYJWT_TOKEN, SECRET_KEY, tokenOf } from './personal-token-samples.ts';

const PREFIX = 'personal_token_';
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const good = bearer(PREFIX + PYJWT_TOKEN);
const revokedId = '01989d2c-7a5e-7b3c-9f10-2a4b6c8d0e20';
const strangersId = '01989d2c-7a5e-7b3c-9f10-2a4b6c8d0e21';
const FLOOD = 3000;

/** The proxy is started from Data.Rentgen's own `.env`, without Kafka: events stay in the spool, headers and all. */
void suite('personal tokens in the proxy', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-personal-tokens-'));
  const spool = join(folder, 'spool');
  let postgres: Postgres;
  let proxy: Proxy;

  const start = (port?: number) =>
    startProxy({
      settings: { SPOOL__PATH: spool },
      args: ['--env-file', join(folder, '.env')],
      program: 'built',
      ...(port === undefined ? {} : { port }),
    });

  const valueOf = async (metric: string) => {
    const { text } = await get(proxy, '/monitoring/metrics');
    return Number(new RegExp(`^${metric.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
  };

  async function sendersState(): Promise<unknown> {
    return parsed((await get(proxy, '/monitoring/ready')).text)['senders'];
  }

  before(async () => {
    postgres = await startPostgres();
    await postgres.query(`insert into "user" (id, name) values (5, 'alice')`);
    for (const [id, revokedAt] of [
      [claims.jti, null],
      [revokedId, '2026-01-01'],
      [strangersId, null],
    ]) {
      await postgres.query(
        `insert into personal_token (id, user_id, name, scopes, since, until, revoked_at)
         values ($1, 5, 'name of ' || $1::uuid, '["all:write"]', '2026-01-01', '2100-01-01', $2)`,
        [id, revokedAt],
      );
    }
    const lines = [
      `DATA_RENTGEN__DATABASE__URL=${postgres.url}`,
      `DATA_RENTGEN__AUTH__PERSONAL_TOKENS__ENABLED=True`,
      `DATA_RENTGEN__AUTH__PERSONAL_TOKENS__SECRET_KEY=${SECRET_KEY}`,
      'DATA_RENTGEN__AUTH__PERSONAL_TOKENS__CACHE_TTL_SECONDS=1',
      'DATA_RENTGEN__UI__API_BROWSER_URL=http://localhost:8000',
    ];
    writeFileSync(join(folder, '.env'), lines.join('\n'));
    proxy = await start();
  });
  after(async () => {
    await proxy.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  test('accepts an event with a token of PyJWT, and writes the name of its user', async () => {
    const answer = await post(proxy, runEvent('good'), good);
    spooled(answer);
    const { stdout } = await ranProgram(['spool', 'export'], { HTTP2KAFKA__SPOOL__PATH: spool });
    const { headers } = parsed(stdout.split('\n')[0] ?? '');
    assert.ok(isObject(headers));
    assert.deepEqual(Object.keys(headers), ['content-type', 'correlation_id', 'reported-by-user-name']);
    assert.equal(headers['reported-by-user-name'], 'alice');
  });

  const invalid = 'Invalid token';
  const refused: readonly (readonly [string, string | undefined, string, string | null])[] = [
    ['no header', undefined, 'Missing Authorization header', null],
    ['another token', PYJWT_TOKEN, invalid, 'Access token was passed but PersonalToken was expected'],
    ['an empty one', PREFIX, invalid, 'Not enough segments'],
    ['a bad signature', `${PREFIX}${PYJWT_TOKEN}invalid`, invalid, 'Signature verification failed'],
    ['an expired one', PREFIX + tokenOf({ ...claims, exp: 1 }), invalid, 'Token has expired'],
    ['one without exp', PREFIX + tokenOf({ ...claims, exp: undefined }), invalid, 'Token has expired'],
    ['one without scope', PREFIX + tokenOf({ ...claims, scope: undefined }), invalid, null],
    [
      'a revoked one',
      PREFIX + tokenOf({ ...claims, jti: revokedId }),
      invalid,
      `PersonalToken name='trino-prod', id=${revokedId} is revoked`,
    ],
  ];
  for (const [name, token, message, details] of refused) {
    test(`refuses ${name}, in Data.Rentgen's words`, async () => {
      const answer = await post(proxy, runEvent('bad'), token === undefined ? {} : bearer(token));
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
      assert.deepEqual(errorOf(answer.text), { code: 'unauthorized', message, details });
    });
  }

  test('begins no new log line for a name with a line end', async () => {
    const token_name = 'a\nforged\u001b[2J';
    const answer = await post(
      proxy,
      runEvent('bad'),
      bearer(PREFIX + tokenOf({ ...claims, jti: revokedId, token_name })),
    );
    assert.equal(answer.status, 401);
    while (!proxy.log.includes('forged')) await sleep(10);
    assert.doesNotMatch(proxy.log, /^forged|\u001b\[2J/m);
  });

  test('serves other senders during a flood of wrong tokens, and stores none of the tokens', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    const before = await valueOf('http2kafka_authentication_failures_total{reason="signature"}');
    const padding = 'x'.repeat(1000);
    let sent = 0;
    const flood = async () => {
      while (sent < FLOOD) {
        sent += 1;
        const token = PREFIX + tokenOf({ ...claims, token_name: `${padding}${sent}` }, { key: 'wrong' });
        const { status } = await post(proxy, runEvent('flood'), { ...bearer(token), agent });
        assert.equal(status, 401);
      }
    };
    const floods = Array.from({ length: 32 }, flood);
    let served = 0;
    while (sent < FLOOD) {
      spooled(await post(proxy, runEvent('among'), good));
      served += 1;
    }
    await Promise.all(floods);
    agent.destroy();
    assert.ok(served > 0);
    const after = await valueOf('http2kafka_authentication_failures_total{reason="signature"}');
    assert.equal(after - before, FLOOD);
    assert.ok((await valueOf('nodejs_heap_size_used_bytes')) < 150e6);
    assert.ok(!proxy.log.includes(padding) && !proxy.log.includes(SECRET_KEY));
  });

  test('accepts known tokens while the database is unavailable, answers 503 to others, and reports it', async () => {
    assert.equal(await valueOf('http2kafka_database_up'), 1);
    assert.equal(await sendersState(), 'ok');
    await postgres.kill();
    const stranger = bearer(PREFIX + tokenOf({ ...claims, jti: strangersId }));
    const unknown = await post(proxy, runEvent('stranger'), stranger);
    assert.equal(unknown.status, 503);
    assert.equal(unknown.headers['retry-after'], '1');
    assert.deepEqual(errorOf(unknown.text), {
      code: 'unavailable',
      message: 'The proxy cannot check now whether the token is revoked',
      details: null,
    });
    // After the time for which the cached state is used.
    await sleep(1100);
    spooled(await post(proxy, runEvent('known'), good));
    const ready = await get(proxy, '/monitoring/ready');
    assert.equal(ready.status, 200);
    assert.match(JSON.stringify(parsed(ready.text)['senders']), /^\{"database":"it does not answer; since 2/);
    assert.ok(!ready.text.includes(String(postgres.port)));
    assert.equal(await valueOf('http2kafka_database_up'), 0);
    await proxy.stop();

    proxy = await start(proxy.port);
    assert.equal((await post(proxy, runEvent('known'), good)).status, 503);
    await postgres.start();
    while ((await sendersState()) !== 'ok') await sleep(50);
    spooled(await post(proxy, runEvent('known'), good));
    spooled(await post(proxy, runEvent('stranger'), stranger));
  });

  test('rejects a token after it was revoked', async () => {
    spooled(await post(proxy, runEvent('before'), good));
    await postgres.query('update personal_token set revoked_at = now() where id = $1', [claims.jti]);
    let answer = await post(proxy, runEvent('after'), good);
    while (deliveryOf(answer) === 'spool') {
      await sleep(100);
      answer = await post(proxy, runEvent('after'), good);
    }
    assert.equal(answer.status, 401);
    assert.match(answer.text, /is revoked/);
  });
});
