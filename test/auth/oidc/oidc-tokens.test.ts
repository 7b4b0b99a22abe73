import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { forged, hmacSignature, newKey, rsaSignature, signed, type SigningKey } from './hand-signed.ts';
import { startKeyServer, type KeyServer } from './key-server.ts';
import { AUDIENCE, claimsFor, NEVER, OidcStage, oidcStage } from './oidc-stage.ts';

let server: KeyServer;
let stage: OidcStage;
let rsa: SigningKey;
let other: SigningKey;
let ec: SigningKey;
let ed: SigningKey;

before(async () => {
  [rsa, other, ec, ed] = [newKey('RS256'), newKey('RS256'), newKey('ES256'), newKey('EdDSA')];
  server = await startKeyServer('/realms/test');
  server.keys = [rsa.jwk, other.jwk, ec.jwk, ed.jwk];
  stage = new OidcStage(server.issuer, {}, { cooldown: NEVER });
});

after(async () => {
  stage.oidc.close();
  await server.stop();
});

const good = (others: object = {}) => claimsFor(server.issuer, others);
const header = (others: object = {}) => ({ alg: 'RS256', kid: rsa.kid, typ: 'at+jwt', ...others });
const ofClaims = async (others: object, head: object = {}) =>
  stage.verdict(await signed(rsa, good(others), head));

suite('a valid token', () => {
  test('is accepted with each kind of key, for five minutes at most', async () => {
    for (const key of [rsa, ec, ed]) {
      const finding = await stage.oidc.check(await signed(key, good({ exp: Date.now() / 1000 + 9999 })));
      assert.ok(finding.sender);
      assert.deepEqual(finding.sender, { way: 'oidc', name: 'subject' });
      assert.equal(finding.holdsForMs, 300_000);
    }
  });

  test('is accepted until it expires, plus the clock skew', async (t) => {
    const skewed = oidcStage(t, server.issuer, { clockSkewMs: 5000 });
    const exp = Math.floor(Date.now() / 1000) + 60;
    const finding = await skewed.oidc.check(await signed(rsa, good({ exp })));
    assert.ok(finding.sender);
    assert.equal(finding.holdsUntil, exp * 1000 + 5000);
  });

  test('is accepted without a kid, with any of the keys', async () => {
    for (const key of [rsa, other, ec])
      assert.equal(await stage.verdict(await signed(key, good(), { kid: undefined })), 'subject');
  });

  test('may name several audiences', async () => {
    assert.equal(await ofClaims({ aud: ['account', AUDIENCE] }), 'subject');
  });

  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt', undefined]) {
    test(`may have typ ${String(typ)}`, async () => {
      assert.equal(await ofClaims({}, { typ }), 'subject');
    });
  }

  test("may be Keycloak's: with the claims typ Bearer and nonce", async () => {
    assert.equal(await ofClaims({ typ: 'Bearer', nonce: 'n' }, { typ: 'JWT' }), 'subject');
  });
});

suite('a forged token', () => {
  test('changed claims, changed header, changed signature', async () => {
    const [head = '', claims = '', signature = ''] = (await signed(rsa, good())).split('.');
    const [, others = ''] = (await signed(newKey('RS256', rsa.kid), good({ sub: 'root' }))).split('.');
    const flipped = Buffer.from(signature, 'base64url');
    flipped.writeUInt8(flipped.readUInt8(7) ^ 1, 7);
    const shorter = Buffer.from(signature, 'base64url').subarray(1).toString('base64url');
    const bad = 'signature: Signature verification failed';
    assert.equal(await stage.verdict(`${head}.${others}.${signature}`), bad);
    assert.equal(await stage.verdict(`${head}.${claims}.${flipped.toString('base64url')}`), bad);
    assert.equal(await stage.verdict(`${head}.${claims}.${shorter}`), bad);
    assert.equal(await stage.verdict(`${head}.${claims}.`), bad);
    const renamed = Buffer.from(JSON.stringify(header({ typ: 'JWT' }))).toString('base64url');
    assert.equal(await stage.verdict(`${renamed}.${claims}.${signature}`), bad);
  });

  test("another key with the provider's key id", async () => {
    const thief = newKey('RS256', rsa.kid);
    assert.equal(
      await stage.verdict(await signed(thief, good())),
      'signature: Signature verification failed',
    );
  });

  test('an ES256 signature of zeros', async () => {
    const zeros = forged({ alg: 'ES256', kid: ec.kid }, good(), () => Buffer.alloc(64));
    assert.equal(await stage.verdict(zeros), 'signature: Signature verification failed');
  });

  test('keys in its header, or at an address in its header, are not used', async () => {
    const thief = newKey('RS256');
    for (const kid of [rsa.kid, thief.kid]) {
      const expected =
        kid === rsa.kid
          ? 'signature: Signature verification failed'
          : 'unknown-key: Unable to find a signing key that matches';
      for (const extra of [
        { jwk: { ...thief.jwk, kid } },
        { jku: `${server.origin}/thief` },
        { x5u: `${server.origin}/thief` },
        { x5c: ['MIIB'] },
      ]) {
        const token = forged(header({ kid, ...extra }), good(), rsaSignature(thief));
        assert.equal(await stage.verdict(token), expected, JSON.stringify(extra));
      }
    }
    assert.ok(!server.paths.includes('/thief'));
  });

  test("with such headers, signed by the provider: only the provider's keys are used", async () => {
    assert.equal(await ofClaims({}, { jku: `${server.origin}/thief`, jwk: newKey().jwk }), 'subject');
    assert.ok(!server.paths.includes('/thief'));
  });
});

suite('an algorithm', () => {
  const refused = 'algorithm: The specified alg value is not allowed';

  for (const alg of [
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'RS256 ',
    'rs256',
    'RS1',
    '__proto__',
    'constructor',
  ]) {
    test(`"${alg}" is refused, with a signature and without`, async () => {
      for (const signature of [rsaSignature(rsa), () => Buffer.alloc(0)]) {
        assert.equal(await stage.verdict(forged(header({ alg }), good(), signature)), refused);
      }
    });
  }

  test('HS256 with the public key for a secret is refused, in each form of the key', async () => {
    const { publicKey, jwk } = rsa;
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'pem' }).trim(),
      publicKey.export({ type: 'pkcs1', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      publicKey.export({ type: 'pkcs1', format: 'der' }),
      JSON.stringify(jwk),
      String(jwk.n),
      Buffer.from(String(jwk.n), 'base64url'),
    ];
    for (const secret of secrets) {
      const token = forged(header({ alg: 'HS256' }), good(), hmacSignature(secret));
      assert.equal(await stage.verdict(token), refused);
    }
  });

  test('that the settings do not name is refused, although the key fits', async () => {
    for (const bits of [384, 512]) {
      const token = forged(header({ alg: `RS${bits}` }), good(), rsaSignature(rsa, bits));
      assert.equal(await stage.verdict(token), refused);
    }
    assert.equal(await stage.verdict(await signed(rsa, good(), { alg: 'PS384' })), refused);
  });

  test('that the settings name is accepted: only the list counts', async (t) => {
    const only = oidcStage(t, server.issuer, { algorithms: ['RS512'] });
    server.keys[0] = { ...rsa.jwk, alg: undefined };
    const token = forged(header({ alg: 'RS512' }), good(), rsaSignature(rsa, 512));
    assert.equal(await only.verdict(token), 'subject');
    server.keys[0] = rsa.jwk;
    assert.equal(await only.verdict(await signed(rsa, good())), refused);
  });

  test('that does not fit the key of that id finds no key', async () => {
    const none = 'unknown-key: Unable to find a signing key that matches';
    const asPss = await signed({ ...rsa, alg: 'PS256' }, good());
    assert.equal(await stage.verdict(asPss), none, 'the key is for RS256 only');
    const ecKeyAsRsa = forged(header({ kid: ec.kid }), good(), rsaSignature(rsa));
    assert.equal(await stage.verdict(ecKeyAsRsa), none);
    const rsaKeyAsEc = await signed(newKey('ES256', rsa.kid), good());
    assert.equal(await stage.verdict(rsaKeyAsEc), none);
    const rsaKeyAsEd = await signed(newKey('EdDSA', rsa.kid), good());
    assert.equal(await stage.verdict(rsaKeyAsEd), none);
  });
});

suite('the form of a token', () => {
  const shape = 'malformed: Not a signed JWT';
  const head = 'malformed: Invalid header string';

  test('is checked before any cryptography', async () => {
    const [first = '', second = '', third = ''] = (await signed(rsa, good())).split('.');
    const before = server.paths.length;
    for (const bad of ['', '.', '..', 'a', 'a.b', 'a.b.c.d', `${first}..${third}`, `.${second}.${third}`])
      assert.equal(await stage.verdict(bad), shape, bad);
    for (const bad of [
      `${first}.${second}.${third}=`,
      `${first}.${second}.${third} `,
      `${first}.${second}.+/`,
    ])
      assert.equal(await stage.verdict(bad), shape);
    assert.equal(await stage.verdict('a.b.c.d.e'), shape, 'an encrypted one (RFC 7516)');
    assert.equal(server.paths.length, before);
  });

  test('may have 16 KiB of any content', async () => {
    const large = await ofClaims({ groups: Array.from({ length: 900 }, () => 'group-abcd') });
    assert.equal(large, 'subject');
    const huge = await ofClaims({ groups: randomBytes(8192).toString('hex') });
    assert.equal(huge, 'malformed: The token is too long');
  });

  for (const bad of ['', 'text', '[]', '"RS256"', 'null', '{', '\ud800', '{"alg":5}', '{"alg":["RS256"]}']) {
    test(`header ${JSON.stringify(bad)}`, async () => {
      const token = forged(bad === '' ? ' ' : bad, good(), rsaSignature(rsa));
      assert.equal(await stage.verdict(token), head);
    });
  }

  test('a kid or typ that is not a string', async () => {
    for (const others of [{ kid: 5 }, { kid: null }, { kid: [rsa.kid] }, { typ: 1 }, { typ: null }])
      assert.equal(await stage.verdict(forged(header(others), good(), rsaSignature(rsa))), head);
  });

  for (const bad of ['text', '[]', '"text"', 'null', '5', '{', '['.repeat(9000)]) {
    test(`claims ${JSON.stringify(bad.slice(0, 20))}`, async () => {
      const token = forged(header(), bad, rsaSignature(rsa));
      const expected = 'malformed: Invalid payload string: must be a json object';
      assert.equal(await stage.verdict(token), expected);
    });
  }

  test('a critical header is refused, also one that other software knows', async () => {
    for (const others of [
      { crit: ['exp'], exp: 1 },
      { crit: ['b64'], b64: false },
      { crit: ['b64'], b64: true },
      { crit: [] },
      { crit: null },
    ]) {
      const token = forged(header(others), good(), rsaSignature(rsa));
      assert.equal(await stage.verdict(token), 'malformed: Unsupported critical extension');
    }
  });
});
