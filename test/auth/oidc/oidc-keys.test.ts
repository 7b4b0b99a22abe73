import assert from 'node:assert/strict';
import { createHash, createSecretKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { suite, test, type TestContext } from 'node:test';
import { OidcKeys } from '../../../src/auth/oidc/oidc-keys.ts';
import { forged, hmacSignature, newKey, rsaSignature, signed } from './hand-signed.ts';
import { startKeyServer, type KeyServer } from './key-server.ts';
import { claimsFor, NEVER, oidcStage } from './oidc-stage.ts';

const UNKNOWN = 'unknown-key: Unable to find a signing key that matches';
const SIGNATURE = 'signature: Signature verification failed';
const UNDECIDED = 'unavailable unavailable: The OpenID provider cannot be asked for its keys now';

async function keyServer(test: TestContext, ...keys: unknown[]): Promise<KeyServer> {
  const server = await startKeyServer();
  server.keys = keys;
  test.after(() => server.stop());
  return server;
}

suite('unusable keys', () => {
  const good = newKey('ES256');
  const broken: [string, unknown][] = [
    ['text', 'key'],
    ['null', null],
    ['a number', 5],
    ['a list', []],
    ['an object without anything', {}],
    ['a kty that is no text', { kty: 5, kid: 'k' }],
    ['a kid that is no text', { ...newKey('RS256').jwk, kid: 5 }],
    ['an unknown kty', { kty: 'XYZ', kid: 'k' }],
    ['an unknown curve', { ...newKey('ES256').jwk, crv: 'P-999' }],
    ['another curve', { ...newKey('ES512').jwk, alg: undefined }],
    ['a point that is not on the curve', { ...newKey('ES256').jwk, x: newKey('ES256').jwk.x }],
    ['no modulus', { kty: 'RSA', kid: 'k', alg: 'RS256', e: 'AQAB' }],
    ['a modulus that is not base64url', { kty: 'RSA', kid: 'k', e: 'AQAB', n: '!!' }],
    ['RSA of 1024 bits', newKey('RS256', 'k', 1024).jwk],
    ['RSA of 2047 bits', newKey('RS256', 'k', 2040).jwk],
    ['RSA with the exponent 1', { ...newKey('RS256').jwk, e: 'AQ' }],
    ['RSA with the exponent 1 and zeros before it', { ...newKey('RS256').jwk, e: 'AAAB' }],
    ['RSA with the exponent 0', { ...newKey('RS256').jwk, e: 'AA' }],
    ['RSA with the exponent 2', { ...newKey('RS256').jwk, e: 'Ag' }],
    ['RSA with an even exponent', { ...newKey('RS256').jwk, e: 'AQAA' }],
    [
      'RSA with a huge exponent',
      { ...newKey('RS256').jwk, e: Buffer.alloc(200, 0xff).toString('base64url') },
    ],
    [
      'RSA with an even modulus',
      { ...newKey('RS256').jwk, n: Buffer.alloc(256, 0xfe).toString('base64url') },
    ],
    [
      'RSA of 1024 bits and zeros before them',
      {
        ...newKey('RS256').jwk,
        n: Buffer.concat([Buffer.alloc(128), Buffer.alloc(128, 0xff)]).toString('base64url'),
      },
    ],
    ['a modulus of 3 MB', { ...newKey('RS256').jwk, n: Buffer.alloc(3e6, 0xff).toString('base64url') }],
    ['the curve of another algorithm', { ...newKey('ES384').jwk, alg: 'ES256' }],
    ['a curve that no algorithm has', { ...newKey('ES256').jwk, crv: 'secp256k1', alg: undefined }],
    ['an EC key for RSA', { ...newKey('ES256').jwk, alg: 'RS256' }],
    ['an RSA key for EC', { ...newKey('RS256').jwk, alg: 'ES256' }],
    ['Ed25519 as EC', { ...newKey('EdDSA').jwk, kty: 'EC', alg: undefined }],
    ['a key for encryption', { ...newKey('RS256').jwk, use: 'enc' }],
    ['a key for signing only', { ...newKey('RS256').jwk, key_ops: ['sign'] }],
    ['a key for another algorithm', { ...newKey('RS256').jwk, alg: 'RSA-OAEP' }],
    ['a symmetric key', createSecretKey(Buffer.alloc(32)).export({ format: 'jwk' })],
    ['X25519', generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })],
    ['a private RSA key', newKey('RS256').privateKey.export({ format: 'jwk' })],
    ['a private EC key', newKey('ES256').privateKey.export({ format: 'jwk' })],
    ['a private Ed25519 key', newKey('EdDSA').privateKey.export({ format: 'jwk' })],
  ];
  for (const [what, jwk] of broken) {
    test(`${what}: is not used, and the others are`, async () => {
      const keys = await OidcKeys.of({ keys: [jwk, good.jwk, jwk] }, ['RS256', 'PS256', 'ES256', 'EdDSA']);
      assert.deepEqual([keys?.used, keys?.unused], [1, 2]);
      assert.equal(keys?.matching('ES256', good.kid).length, 1);
      assert.equal(keys.matching('ES256', undefined).length, 1);
      assert.equal(keys.matching('RS256', undefined).length, 0);
    });
  }

  test('a document that is not a key set gives none', async () => {
    for (const document of [null, 5, 'keys', [], {}, { keys: {} }, { keys: null }, good.jwk])
      assert.equal(await OidcKeys.of(document, ['ES256']), undefined);
  });

  test('a huge set costs no more than a hundred keys', async () => {
    const { jwk } = newKey('ES256');
    const keys = await OidcKeys.of({ keys: Array.from({ length: 5000 }, () => jwk) }, ['ES256']);
    assert.deepEqual([keys?.used, keys?.unused], [100, 4900]);
  });

  test('a key without an algorithm is used for those of the settings', async () => {
    const jwk = { ...newKey('RS256').jwk, alg: undefined, kid: undefined };
    const keys = await OidcKeys.of({ keys: [jwk] }, ['RS256', 'PS256', 'ES256']);
    const counts = ['RS256', 'PS256', 'RS512', 'ES256'].map((alg) => keys?.matching(alg, undefined).length);
    assert.deepEqual(counts, [1, 1, 0, 0]);
  });

  test('an oct key is never used, whatever it and a token say', async (t) => {
    const secret = Buffer.alloc(32, 7);
    const k = secret.toString('base64url');
    const oct = { kty: 'oct', kid: 'oct', k };
    const server = await keyServer(t, good.jwk, oct, { ...oct, alg: 'RS256' }, { ...oct, alg: 'HS256' });
    const stage = oidcStage(t, server.issuer);
    const claims = claimsFor(server.issuer);
    assert.equal(
      await stage.verdict(forged({ alg: 'HS256', kid: 'oct' }, claims, hmacSignature(secret))),
      'algorithm: The specified alg value is not allowed',
    );
    assert.equal(
      await stage.verdict(forged({ alg: 'RS256', kid: 'oct' }, claims, hmacSignature(secret))),
      UNKNOWN,
    );
    assert.equal(await stage.verdict(await signed(good, claims)), 'subject');
    assert.match(
      stage.log.join(''),
      /"keys_used":1,"keys_unused":3,"msg":"some keys of the OpenID provider are not used/,
    );
  });

  test('a token signed by an RSA key that is too short is refused', async (t) => {
    const short = newKey('RS256', randomUUID(), 1024);
    const server = await keyServer(t, good.jwk, short.jwk);
    const stage = oidcStage(t, server.issuer);
    const token = forged({ alg: 'RS256', kid: short.kid }, claimsFor(server.issuer), rsaSignature(short));
    assert.equal(await stage.verdict(token), UNKNOWN);
  });
});

suite('an RSA key with the exponent 1', () => {
  test('takes no token that its text alone signs', async (t) => {
    const rsa = newKey('RS256');
    const jwk = { ...rsa.jwk, e: 'AQ' };
    const server = await keyServer(t, newKey('ES256').jwk, jwk);
    const stage = oidcStage(t, server.issuer);
    // RFC 8017 §9.2: the padded hash itself is the signature.
    const padded = (input: Buffer) => {
      const hash = Buffer.from('3031300d060960864801650304020105000420', 'hex');
      const digest = Buffer.concat([hash, createHash('sha256').update(input).digest()]);
      return Buffer.concat([
        Buffer.from([0, 1]),
        Buffer.alloc(256 - 3 - digest.length, 0xff),
        Buffer.from([0]),
        digest,
      ]);
    };
    const token = forged({ alg: 'RS256', kid: rsa.kid, typ: 'at+jwt' }, claimsFor(server.issuer), padded);
    assert.equal(await stage.verdict(token), UNKNOWN);
  });
});

suite('keys that change', () => {
  test('a new key is used at once: the keys are read again', async (t) => {
    const [old, fresh] = [newKey('ES256'), newKey('ES256')];
    const server = await keyServer(t, old.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER });
    assert.equal(await stage.verdict(await signed(old, claimsFor(server.issuer))), 'subject');
    server.keys.push(fresh.jwk);
    const token = await signed(fresh, claimsFor(server.issuer));
    assert.deepEqual(await Promise.all([stage.verdict(token), stage.verdict(token)]), ['subject', 'subject']);
    assert.equal(await stage.verdict(token), 'subject');
    assert.equal(server.keyRequests, 2);
  });

  test('a new key is used also where neither it nor the token has an id', async (t) => {
    const [old, fresh] = [newKey('ES256'), newKey('ES256')];
    const server = await keyServer(t, { ...old.jwk, kid: undefined });
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER });
    await stage.untilProblem(undefined);
    server.keys = [{ ...fresh.jwk, kid: undefined }];
    const token = await signed(fresh, claimsFor(server.issuer), { kid: undefined });
    assert.equal(await stage.verdict(token), 'subject');
  });

  test('invented key ids do not flood the provider, and valid ones still work', async (t) => {
    const key = newKey('ES256');
    const server = await keyServer(t, key.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER, cooldown: NEVER });
    await stage.untilProblem(undefined);
    assert.equal(server.keyRequests, 1);
    for (let round = 0; round < 5; round += 1) {
      const tokens = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          signed(key, claimsFor(server.issuer), { kid: index % 2 ? randomUUID() : undefined, alg: 'ES256' }),
        ),
      );
      const verdicts = await Promise.all(tokens.map((token) => stage.verdict(token)));
      assert.equal(verdicts.filter((verdict) => verdict === UNKNOWN).length, 25);
      assert.equal(verdicts.filter((verdict) => verdict === 'subject').length, 25);
    }
    assert.equal(server.keyRequests, 2);
  });

  test('after the cooldown, the next unknown id is asked for', async (t) => {
    const [key, fresh] = [newKey('ES256'), newKey('ES256')];
    const server = await keyServer(t, key.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER, cooldown: 20 });
    const token = await signed(fresh, claimsFor(server.issuer));
    assert.equal(await stage.verdict(token), UNKNOWN);
    server.keys = [fresh.jwk];
    await stage.untilVerdict(token, 'subject');
  });

  test('a withdrawn key is not accepted after the next reading', async (t) => {
    const [old, fresh] = [newKey('ES256'), newKey('ES256')];
    const server = await keyServer(t, old.jwk, fresh.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: 20, cooldown: NEVER });
    const token = await signed(old, claimsFor(server.issuer));
    assert.equal(await stage.verdict(token), 'subject');
    server.keys = [fresh.jwk];
    await stage.untilVerdict(token, UNKNOWN);
    assert.equal(await stage.verdict(await signed(fresh, claimsFor(server.issuer))), 'subject');
  });

  test('a key that changes under the same id is used at once: the keys are read again', async (t) => {
    const [old, fresh] = [newKey('ES256', 'same'), newKey('ES256', 'same')];
    const server = await keyServer(t, old.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER });
    assert.equal(await stage.verdict(await signed(old, claimsFor(server.issuer))), 'subject');
    server.keys = [fresh.jwk];
    assert.equal(await stage.verdict(await signed(fresh, claimsFor(server.issuer))), 'subject');
    assert.equal(await stage.verdict(await signed(old, claimsFor(server.issuer, { n: 1 }))), SIGNATURE);
    assert.equal(server.keyRequests, 2);
  });

  test('wrong signatures under a known id do not flood the provider, and valid ones still work', async (t) => {
    const [key, forger] = [newKey('ES256', 'same'), newKey('ES256', 'same')];
    const server = await keyServer(t, key.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER, cooldown: NEVER });
    await stage.untilProblem(undefined);
    for (let n = 0; n < 50; n += 1) {
      assert.equal(await stage.verdict(await signed(forger, claimsFor(server.issuer, { n }))), SIGNATURE);
      assert.equal(await stage.verdict(await signed(key, claimsFor(server.issuer, { n }))), 'subject');
    }
    assert.equal(server.keyRequests, 2);
  });

  test('a wrong signature under a known id is refused while the provider is unavailable', async (t) => {
    const [key, forger] = [newKey('ES256', 'same'), newKey('ES256', 'same')];
    const server = await keyServer(t, key.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: NEVER });
    await stage.untilProblem(undefined);
    await server.stop();
    const forgedToken = () => signed(forger, claimsFor(server.issuer));
    assert.equal(await stage.verdict(await forgedToken()), SIGNATURE);
    assert.equal(await stage.verdict(await forgedToken()), SIGNATURE);
    assert.equal(await stage.verdict(await signed(key, claimsFor(server.issuer))), 'subject');
  });

  test('a key that changes under the same id is read with the next reading', async (t) => {
    const [old, fresh] = [newKey('ES256', 'same'), newKey('ES256', 'same')];
    const server = await keyServer(t, old.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: 20 });
    const token = await signed(fresh, claimsFor(server.issuer));
    assert.equal(await stage.verdict(token), 'signature: Signature verification failed');
    server.keys = [fresh.jwk];
    await stage.untilVerdict(token, 'subject');
  });

  test('after all keys are withdrawn, none is accepted, and the problem says so', async (t) => {
    const key = newKey('ES256');
    const server = await keyServer(t, key.jwk);
    const stage = oidcStage(t, server.issuer, {}, { refresh: 20 });
    const token = await signed(key, claimsFor(server.issuer));
    assert.equal(await stage.verdict(token), 'subject');
    server.keys = [];
    await stage.untilProblem('the OpenID provider has no key that could be used');
    assert.equal(await stage.verdict(token), UNDECIDED);
  });
});
