import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOidcServer, type OidcServer } from '../../../tools/oidc-server.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import { created, errorOf, get, post, type Answer } from '../../stage/posting.ts';
import { jobEvent } from '../../stage/sample-events.ts';
import { headerOf, Stage } from '../../stage/stage.ts';
import { AUDIENCE } from './oidc-stage.ts';

const client = { id: 'trino', secret: 'trino-secret' };

/** RFC 7515: a token, which must not be in an answer, a log line or a metric. */
const JWT = /eyJ[\w-]+\.[\w-]+/;

const settingsFor = ({ issuer }: OidcServer) => ({
  AUTH__OIDC__ISSUER: issuer,
  AUTH__OIDC__AUDIENCE: AUDIENCE,
});

function send(proxy: Proxy, token: string): Promise<Answer> {
  return post(proxy, jobEvent('job'), { headers: { authorization: `Bearer ${token}` } });
}

/** Posts until the answer is not 503. */
async function sendUntilDecided(proxy: Proxy, token: string): Promise<Answer> {
  for (;;) {
    const answer = await send(proxy, token);
    if (answer.status !== 503) return answer;
    await sleep(50);
  }
}

suite('access tokens of a real provider', { timeout: 120_000 }, () => {
  let stage: Stage;
  let provider: OidcServer;
  let proxy: Proxy;

  before(async () => {
    [stage, provider] = await Promise.all([
      Stage.start(),
      startOidcServer({ clients: [client], audience: AUDIENCE, scopes: ['events'] }),
    ]);
    proxy = await stage.proxy({ program: 'built', settings: settingsFor(provider) });
    await logged(proxy, 'the keys of the OpenID provider are read');
  });

  after(async () => {
    await stage.stop();
    await provider.stop();
  });

  test('the event of a known client is in Kafka, with its name', async () => {
    const token = await provider.token(client);
    for (let round = 0; round < 2; round += 1) {
      const { status, headers } = await send(proxy, token);
      assert.equal(status, 201);
      const [record] = await stage.recordsOf(headers['x-request-id']);
      assert.ok(record);
      assert.equal(headerOf(record, 'reported-by-user-name'), 'trino');
    }
  });

  test('after a key rotation, new tokens are accepted, and old ones as long as the provider has their key', async () => {
    const old = await provider.token(client);
    provider.rotateKeys('keep');
    created(await send(proxy, await provider.token(client)));
    created(await send(proxy, old));
  });

  test('an invalid token is answered 401 with the reason, and counted', async () => {
    const token = await provider.token(client);
    const elsewhere = await startOidcServer({ clients: [client], audience: AUDIENCE });
    const foreign = await elsewhere.token(client);
    await elsewhere.stop();
    const cases: [string, string][] = [
      [`${token.slice(0, -8)}AAAAAAAA`, 'Signature verification failed'],
      [foreign, 'Invalid issuer'],
      [
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`,
        'The specified alg value is not allowed',
      ],
    ];
    for (const [bad, details] of cases) {
      const { status, headers, text } = await send(proxy, bad);
      assert.equal(status, 401);
      assert.equal(headers['www-authenticate'], 'Bearer');
      assert.deepEqual(errorOf(text), { code: 'unauthorized', message: 'Invalid token', details });
    }
    const metrics = await readMetrics(proxy);
    for (const reason of ['signature', 'issuer', 'algorithm'])
      assert.equal(metrics.get(`http2kafka_authentication_failures_total{reason="${reason}"}`), 1);
    assert.equal(metrics.get('http2kafka_oidc_up'), 1);
    assert.doesNotMatch(proxy.log, JWT);
  });

  test('unavailable at the start: the proxy starts, reports it, answers 503, and accepts tokens later', async () => {
    const late = await startOidcServer({ clients: [client], audience: AUDIENCE });
    const token = await late.token(client);
    await late.goAway();
    const early = await stage.proxy({ program: 'built', settings: settingsFor(late) });
    await logged(early, 'the OpenID provider cannot be reached');
    const { status, headers, text } = await send(early, token);
    assert.deepEqual([status, headers['retry-after']], [503, '1']);
    assert.equal(errorOf(text).message, 'The OpenID provider cannot be asked for its keys now');
    assert.doesNotMatch(text, /127\.0\.0\.1/);
    const ready = await get(early, '/monitoring/ready');
    assert.equal(ready.status, 200);
    assert.match(ready.text, /"senders":\{"oidc":"the OpenID provider cannot be reached"\}/);
    assert.equal((await readMetrics(early)).get('http2kafka_oidc_up'), 0);
    await late.comeBack();
    created(await sendUntilDecided(early, token));
    // Unavailable again: its keys are known.
    await late.goAway();
    created(await send(early, token));
  });
});
