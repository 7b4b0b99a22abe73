import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { OauthToken, type OauthSettings } from '../../../src/kafka/login/oauth-token.ts';
import { startOidcServer } from '../../../tools/oidc-server.ts';
import { temporaryFile } from '../../config/loading.ts';
import { brokerErrorOf } from './broker-errors.ts';
import { cannedEndpoint, giveToken } from './canned-endpoint.ts';
import { AUDIENCE, CLIENT } from './secure-broker.ts';

function settings(more: Partial<OauthSettings>): OauthSettings {
  return {
    tokenEndpoint: undefined,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    scope: undefined,
    audience: undefined,
    caFile: undefined,
    tokenFile: undefined,
    ...more,
  };
}

void suite('the token for Kafka', { timeout: 60_000 }, () => {
  test('is requested once for many logins, and kept', async (t) => {
    const oidc = await startOidcServer({ clients: [CLIENT], audience: AUDIENCE, scopes: ['write'] });
    t.after(() => oidc.stop());
    const token = new OauthToken(settings({ tokenEndpoint: oidc.tokenEndpoint, scope: 'write' }));
    const tokens = await Promise.all([token.current(), token.current(), token.current()]);
    tokens.push(await token.current());
    assert.equal(new Set(tokens).size, 1);
    assert.equal(oidc.tokenRequests, 1);
    const claims: unknown = JSON.parse(Buffer.from(tokens[0].split('.')[1] ?? '', 'base64url').toString());
    assert.ok(typeof claims === 'object' && claims !== null && 'scope' in claims);
    assert.equal(claims.scope, 'write');
  });

  test('is renewed before it expires, and used until then while the endpoint is unavailable', async (t) => {
    const oidc = await startOidcServer({ clients: [CLIENT], audience: AUDIENCE, lifetimeS: 4 });
    t.after(() => oidc.stop());
    const token = new OauthToken(settings({ tokenEndpoint: oidc.tokenEndpoint }));
    const first = await token.current();
    // At 3 of 4 seconds, without a login.
    while (oidc.tokenRequests < 2) await sleep(20);
    while ((await token.current()) === first) await sleep(20);
    const second = await token.current();
    const issuedAt = Date.now();
    await oidc.goAway();
    while (Date.now() - issuedAt < 3100) await sleep(20);
    // It is due for renewal, and still valid.
    if (Date.now() - issuedAt < 3600) assert.equal(await token.current(), second);
    while (Date.now() - issuedAt < 4100) await sleep(20);
    assert.match((await brokerErrorOf(token.current())).problem ?? '', /does not answer/);
    await oidc.comeBack();
    assert.notEqual(await token.current(), second);
  });

  const bad: readonly (readonly [name: string, answer: RequestListener, problem: RegExp])[] = [
    [
      'a refusal that repeats the secret',
      (_request, response) => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ error: 'invalid_scope', error_description: `not with ${CLIENT.secret}` }),
        );
      },
      /gives no token: invalid_scope/,
    ],
    [
      'a page in place of a token',
      (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      /something that is no token/,
    ],
    [
      'an error without words',
      (_request, response) => response.writeHead(503).end(),
      /something that is no token/,
    ],
    [
      'an answer without end',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const write = (): void => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
          response.once('drain', write);
        };
        write();
      },
      /does not answer/,
    ],
    ['no answer', () => undefined, /does not answer/],
    [
      'a refusal that repeats what it was told, at the end of many words',
      (request, response) => {
        const told = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64').toString();
        const error_description = `${'x'.repeat(470)} ${told} ${request.headers.authorization ?? ''}`;
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: 'invalid_scope', error_description }));
      },
      /gives no token: invalid_scope/,
    ],
  ];
  for (const [name, answer, problem] of bad) {
    test(`is missing: ${name}`, async (t) => {
      const tokenEndpoint = await cannedEndpoint(t, answer);
      const error = await brokerErrorOf(new OauthToken(settings({ tokenEndpoint })).current());
      assert.match(error.problem ?? '', problem);
      assert.ok(error.login);
      for (const end of [CLIENT.secret, CLIENT.secret.slice(0, 5)]) {
        assert.ok(!`${error.message}${error.problem ?? ''}`.includes(end));
      }
    });
  }

  test('is renewed in the background while the current one is valid', async (t) => {
    let asked = 0;
    const tokenEndpoint = await cannedEndpoint(t, (_request, response) => {
      asked += 1;
      // It answers once.
      if (asked > 1) return;
      giveToken(response, 'first');
    });
    const token = new OauthToken(settings({ tokenEndpoint }));
    assert.equal(await token.current(), 'first');
    token.refused();
    assert.equal(await token.current(), 'first');
    while (asked < 2) await sleep(5);
    assert.equal(await token.current(), 'first');
  });

  test('is missing with the reason of the last attempt, when an attempt takes longer than a login waits', async (t) => {
    let asked = 0;
    const tokenEndpoint = await cannedEndpoint(t, (_request, response) => {
      asked += 1;
      // Only the first attempt has an answer.
      if (asked > 1) return;
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_scope"}');
    });
    const token = new OauthToken(settings({ tokenEndpoint }));
    assert.match((await brokerErrorOf(token.current())).problem ?? '', /gives no token: invalid_scope/);
    assert.match((await brokerErrorOf(token.current())).problem ?? '', /gives no token: invalid_scope/);
    assert.equal(asked, 2);
  });

  test('in a file is read each time, and refused when it is invalid', async (t) => {
    const tokenFile = temporaryFile(t, 'token', 'first\n');
    const token = new OauthToken(settings({ tokenFile }));
    assert.equal(await token.current(), 'first');
    writeFileSync(tokenFile, ' second ');
    assert.equal(await token.current(), 'second');
    writeFileSync(tokenFile, 'auth=\u0001x');
    assert.match((await brokerErrorOf(token.current())).problem ?? '', /no token in the file/);
    writeFileSync(tokenFile, '');
    assert.match((await brokerErrorOf(token.current())).problem ?? '', /no token in the file/);
  });
});
