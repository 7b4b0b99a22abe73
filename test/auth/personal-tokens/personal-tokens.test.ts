import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { suite, test } from 'node:test';
import { personalTokenCheck } from '../../../src/auth/personal-tokens/personal-tokens.ts';
import type { RevocationState, TokenId } from '../../../src/auth/personal-tokens/revocations.ts';
import type { Finding, Reason } from '../../../src/auth/sender.ts';
import {
  base64url,
  claims,
  EXPIRES_AT,
  PYJWT_TOKEN,
  PYJWT_TOKEN_HS512,
  SECRET_KEY,
  tokenOf,
} from './personal-token-samples.ts';

const settings = { secretKey: SECRET_KEY, algorithm: 'HS256' } as const;
const check = personalTokenCheck(settings, undefined);

/** The answer: reason, message and details. */
function answerOf(finding: Finding): readonly unknown[] {
  assert.ok(finding.rejection, 'it was taken');
  const { reason, refusal } = finding.rejection;
  return [reason, refusal.code, refusal.message, refusal.details];
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicPem = publicKey.export({ type: 'spki', format: 'pem' });

function signedWithRsa(): string {
  const signed = `${base64url({ alg: 'RS256', typ: 'JWT' })}.${base64url(claims)}`;
  return `${signed}.${createSign('sha256').update(signed).sign(privateKey, 'base64url')}`;
}

const [header = '', payload = '', signature = ''] = PYJWT_TOKEN.split('.');
const now = Math.floor(Date.now() / 1000);

const wrongAlgorithm = 'The specified alg value is not allowed';
const wrongSignature = 'Signature verification failed';
const expired = 'Token has expired';

/** Name, token, reason, details. The message is `Invalid token` for all. */
const refused: readonly (readonly [string, string, Reason, string | null])[] = [
  ['another key', tokenOf(claims, { key: 'another' }), 'signature', wrongSignature],
  [
    'other claims',
    `${header}.${base64url({ ...claims, sub_id: 1 })}.${signature}`,
    'signature',
    wrongSignature,
  ],
  ['another header', `${base64url({ alg: 'HS256' })}.${payload}.${signature}`, 'signature', wrongSignature],
  ['a signature changed', `${PYJWT_TOKEN.slice(0, -2)}AA`, 'signature', wrongSignature],
  ['a signature too long', `${PYJWT_TOKEN}invalid`, 'signature', wrongSignature],
  ['characters that are no base64', `${PYJWT_TOKEN}!`, 'signature', wrongSignature],
  ['no signature', `${header}.${payload}.`, 'signature', wrongSignature],
  ['cut short', PYJWT_TOKEN.slice(0, -20), 'signature', wrongSignature],
  ['cut in the claims', PYJWT_TOKEN.slice(0, 100), 'malformed', 'Not enough segments'],
  ['cut after the claims', `${header}.${payload}`, 'malformed', 'Not enough segments'],
  ['doubled', PYJWT_TOKEN + PYJWT_TOKEN, 'signature', wrongSignature],
  ['nothing', '', 'malformed', 'Not enough segments'],
  ['no JWT', 'abc', 'malformed', 'Not enough segments'],
  ['three words', 'a.b.c', 'malformed', 'Invalid header string'],
  [
    'a header that is no object',
    `${base64url('"HS256"')}.${payload}.${signature}`,
    'malformed',
    'Invalid header string',
  ],
  [
    'a header that is null',
    `${base64url('null')}.${payload}.${signature}`,
    'malformed',
    'Invalid header string',
  ],
  ['no ASCII', 'é.é.é', 'malformed', 'Invalid header string'],
  [
    'huge',
    `${header}.${'A'.repeat(10_000)}.${signature}`,
    'malformed',
    'The token is longer than 8192 characters',
  ],
  ['alg none', `${base64url({ alg: 'none' })}.${payload}.`, 'algorithm', wrongAlgorithm],
  ['alg None, signed', tokenOf(claims, { header: { alg: 'None' } }), 'algorithm', wrongAlgorithm],
  ['no alg', tokenOf(claims, { header: { typ: 'JWT' } }), 'algorithm', wrongAlgorithm],
  ['an alg that is a list', tokenOf(claims, { header: { alg: ['HS256'] } }), 'algorithm', wrongAlgorithm],
  ['HS384', tokenOf(claims, { header: { alg: 'HS384' } }), 'algorithm', wrongAlgorithm],
  ['HS512', PYJWT_TOKEN_HS512, 'algorithm', wrongAlgorithm],
  ['RS256', signedWithRsa(), 'algorithm', wrongAlgorithm],
  ['HS256 with a public key', tokenOf(claims, { key: publicPem }), 'signature', wrongSignature],
  ['an extension', tokenOf(claims, { header: { alg: 'HS256', crit: ['b64'], b64: false } }), 'claims', null],
  ['an unknown extension', tokenOf(claims, { header: { alg: 'HS256', crit: ['x'], x: 1 } }), 'claims', null],
  ['expired', tokenOf({ ...claims, exp: now - 1 }), 'expired', expired],
  ['expired, half a second', tokenOf({ ...claims, exp: now - 0.5 }), 'expired', expired],
  ['no exp', tokenOf({ ...claims, exp: undefined }), 'expired', expired],
  ['an exp that is text', tokenOf({ ...claims, exp: String(EXPIRES_AT) }), 'claims', null],
  [
    'an exp beyond all numbers',
    tokenOf(JSON.stringify(claims).replace(String(EXPIRES_AT), '1e999')),
    'claims',
    null,
  ],
  [
    'not yet valid',
    tokenOf({ ...claims, nbf: EXPIRES_AT - 86_400 }),
    'not-yet-valid',
    'The token is not yet valid (nbf)',
  ],
  ['no nbf', tokenOf({ ...claims, nbf: undefined }), 'claims', null],
  ['an nbf that is text', tokenOf({ ...claims, nbf: '1' }), 'claims', null],
  ['another issuer', tokenOf({ ...claims, iss: 'keycloak' }), 'issuer', null],
  ['no issuer', tokenOf({ ...claims, iss: undefined }), 'issuer', null],
  ['issuers', tokenOf({ ...claims, iss: ['data-rentgen'] }), 'issuer', null],
  ['for another audience', tokenOf({ ...claims, aud: 'keycloak' }), 'audience', null],
  ['no jti', tokenOf({ ...claims, jti: undefined }), 'claims', null],
  ['a jti that is no UUID', tokenOf({ ...claims, jti: '1' }), 'claims', null],
  ['a jti with more behind it', tokenOf({ ...claims, jti: `${claims.jti}'--` }), 'claims', null],
  ['no token_name', tokenOf({ ...claims, token_name: undefined }), 'claims', null],
  ['no sub_id', tokenOf({ ...claims, sub_id: undefined }), 'claims', null],
  ['a sub_id that is text', tokenOf({ ...claims, sub_id: '5' }), 'claims', null],
  ['a sub_id that is no integer', tokenOf({ ...claims, sub_id: 5.5 }), 'claims', null],
  ['a sub_id too large to be exact', tokenOf({ ...claims, sub_id: 2 ** 60 }), 'claims', null],
  ['no preferred_username', tokenOf({ ...claims, preferred_username: undefined }), 'claims', null],
  ['a preferred_username that is null', tokenOf({ ...claims, preferred_username: null }), 'claims', null],
  ['an empty preferred_username', tokenOf({ ...claims, preferred_username: '' }), 'claims', null],
  ...['ali\nce', 'ali\u009bce', 'ali\u202ece', 'ali\u200bce', 'ali\ud800', ' ', 'x'.repeat(257)].map(
    (name): readonly [string, string, Reason, string] => [
      `a preferred_username that is no name: ${JSON.stringify(name).slice(0, 20)}`,
      tokenOf({ ...claims, preferred_username: name }),
      'claims',
      'The "preferred_username" claim names no sender: 1 to 256 printable characters were expected',
    ],
  ),
  ['no scope', tokenOf({ ...claims, scope: undefined }), 'claims', null],
  ['a scope that is a list', tokenOf({ ...claims, scope: ['all:write'] }), 'claims', null],
  ['claims that are no object', tokenOf('[]'), 'claims', null],
  ['claims that are no JSON', tokenOf('{'), 'claims', null],
];

void suite('personal tokens', { timeout: 60_000 }, () => {
  test('accepts a token of PyJWT until it expires', async () => {
    assert.deepEqual(await check(PYJWT_TOKEN), {
      sender: { way: 'personal-token', name: 'alice' },
      holdsUntil: EXPIRES_AT * 1000,
      holdsForMs: undefined,
    });
  });

  for (const [name, token, reason, details] of refused) {
    test(`refuses: ${name}`, async () => {
      assert.deepEqual(answerOf(await check(token)), [reason, 'unauthorized', 'Invalid token', details]);
    });
  }

  test('accepts a name in any script, and no iat', async () => {
    const name = 'Ольга Ω';
    const finding = await check(tokenOf({ ...claims, preferred_username: name, iat: undefined }));
    assert.equal(finding.sender?.name, name);
  });

  test('accepts only the configured algorithm', async () => {
    const checkHs512 = personalTokenCheck({ secretKey: SECRET_KEY, algorithm: 'HS512' }, undefined);
    assert.equal((await checkHs512(PYJWT_TOKEN_HS512)).sender?.name, 'alice');
    assert.deepEqual(answerOf(await checkHs512(PYJWT_TOKEN)).at(-1), wrongAlgorithm);
  });

  test('accepts a key of any length, as PyJWT does', async () => {
    const short = personalTokenCheck({ secretKey: 'ключ', algorithm: 'HS256' }, undefined);
    assert.equal((await short(tokenOf(claims, { key: 'ключ' }))).sender?.name, 'alice');
  });

  suite('with a check of revocation', () => {
    function checkWith(state: RevocationState) {
      const asked: TokenId[] = [];
      const stateOf = (token: TokenId) => {
        asked.push(token);
        return Promise.resolve(state);
      };
      return { asked, check: personalTokenCheck(settings, { stateOf }) };
    }

    test('asks by user and id, and accepts the token for as long as the answer is valid', async () => {
      const alive = checkWith({ state: 'alive', forMs: 1000 });
      const token = tokenOf({ ...claims, jti: claims.jti.toUpperCase() });
      assert.equal((await alive.check(token)).sender?.name, 'alice');
      assert.deepEqual(alive.asked, [{ userId: 5, tokenId: claims.jti }]);
      assert.deepEqual(await alive.check(PYJWT_TOKEN), {
        sender: { way: 'personal-token', name: 'alice' },
        holdsUntil: EXPIRES_AT * 1000,
        holdsForMs: 1000,
      });
    });

    test('never accepts a token after it has expired', async () => {
      const exp = now + 10.5;
      const alive = checkWith({ state: 'alive', forMs: 300_000 });
      const finding = await alive.check(tokenOf({ ...claims, exp }));
      assert.ok(!finding.rejection);
      assert.equal(finding.holdsUntil, (now + 10) * 1000);
    });

    test('refuses a revoked token, by its name and id', async () => {
      const { check } = checkWith({ state: 'revoked' });
      assert.deepEqual(answerOf(await check(PYJWT_TOKEN)), [
        'revoked',
        'unauthorized',
        'Invalid token',
        `PersonalToken name='trino-prod', id=${claims.jti} is revoked`,
      ]);
    });

    test('answers that the state is unknown, without an address', async () => {
      const { check } = checkWith({ state: 'unknown' });
      const [reason, code, message] = answerOf(await check(PYJWT_TOKEN));
      assert.deepEqual(
        [reason, code, message],
        ['unavailable', 'unavailable', 'The proxy cannot check now whether the token is revoked'],
      );
    });

    test('does not ask about an invalid token', async () => {
      const { asked, check } = checkWith({ state: 'alive', forMs: 1000 });
      for (const [, token] of refused) await check(token);
      assert.deepEqual(asked, []);
    });
  });
});
