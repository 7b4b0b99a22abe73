import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { newKey, signed, type SigningKey } from './hand-signed.ts';
import { startKeyServer, type KeyServer } from './key-server.ts';
import { AUDIENCE, claimsFor, OidcStage, oidcStage } from './oidc-stage.ts';

let server: KeyServer;
let stage: OidcStage;
let key: SigningKey;

before(async () => {
  key = newKey('ES256');
  server = await startKeyServer();
  server.keys = [key.jwk];
  stage = new OidcStage(server.issuer);
});

after(async () => {
  stage.oidc.close();
  await server.stop();
});

const token = (others: object, header?: object) => signed(key, claimsFor(server.issuer, others), header);
const ofClaims = async (others: object, header?: object) => stage.verdict(await token(others, header));

/** Stops the clock at a whole second, and returns that second. */
function heldClock(test: TestContext): number {
  const now = Math.floor(Date.now() / 1000);
  test.mock.timers.enable({ apis: ['Date'], now: now * 1000 });
  return now;
}

suite('issuer and audience', () => {
  test('another issuer is refused, also one that differs by a slash or by case', async () => {
    const { issuer } = server;
    for (const iss of [
      `${issuer}/`,
      issuer.toUpperCase(),
      'https://other.example',
      '',
      undefined,
      5,
      [issuer],
    ])
      assert.equal(await ofClaims({ iss }), 'issuer: Invalid issuer', String(iss));
  });

  test('another issuer is refused without asking for its keys', async () => {
    const before = server.keyRequests;
    const foreign = newKey('ES256');
    const foreignToken = await signed(foreign, claimsFor('https://other.example'));
    assert.equal(await stage.verdict(foreignToken), 'issuer: Invalid issuer');
    assert.equal(server.keyRequests, before);
  });

  test('another audience is refused', async () => {
    for (const aud of [
      'account',
      '',
      `${AUDIENCE} `,
      AUDIENCE.toUpperCase(),
      [],
      ['account'],
      [[AUDIENCE]],
      5,
      {},
    ])
      assert.equal(await ofClaims({ aud }), "audience: Audience doesn't match", JSON.stringify(aud));
    assert.equal(await ofClaims({ aud: undefined }), 'claims: Token is missing the "aud" claim');
  });

  test('one of several audiences is enough', async (t) => {
    const several = oidcStage(t, server.issuer, { audience: ['one', 'two'] });
    assert.equal(await several.verdict(await token({ aud: ['zero', 'two'] })), 'subject');
    assert.equal(await several.verdict(await token({ aud: 'one' })), 'subject');
    assert.equal(await several.verdict(await token({})), "audience: Audience doesn't match");
  });
});

suite('the lifetime of a token', () => {
  const skews = [0, 30_000];

  for (const clockSkewMs of skews) {
    const skew = clockSkewMs / 1000;
    test(`ends at exp, with ${skew} s of clock skew`, async (t) => {
      const { verdict } = edges(t, clockSkewMs);
      const now = heldClock(t);
      assert.equal(await verdict({ exp: now - skew + 1 }), 'subject');
      assert.equal(await verdict({ exp: now - skew }), 'expired: Token has expired');
      assert.equal(await verdict({ exp: now - skew - 1 }), 'expired: Token has expired');
    });

    test(`begins at nbf, with ${skew} s of clock skew`, async (t) => {
      const { verdict } = edges(t, clockSkewMs);
      const now = heldClock(t);
      assert.equal(await verdict({ nbf: now + skew }), 'subject');
      assert.equal(await verdict({ nbf: now + skew + 1 }), 'not-yet-valid: The token is not yet valid (nbf)');
    });

    test(`does not begin before it was issued, with ${skew} s of clock skew`, async (t) => {
      const { verdict } = edges(t, clockSkewMs);
      const now = heldClock(t);
      assert.equal(await verdict({ iat: now + skew }), 'subject');
      assert.equal(await verdict({ iat: now + skew + 1 }), 'not-yet-valid: The token is not yet valid (iat)');
    });
  }

  function edges(t: TestContext, clockSkewMs: number): { verdict: (others: object) => Promise<string> } {
    const skewed = oidcStage(t, server.issuer, { clockSkewMs });
    return { verdict: async (others) => skewed.verdict(await token(others)) };
  }

  test('needs exp', async () => {
    assert.equal(await ofClaims({ exp: undefined }), 'claims: Token is missing the "exp" claim');
  });

  test('is given in numbers', async () => {
    for (const name of ['exp', 'nbf', 'iat']) {
      for (const value of [String(Math.floor(Date.now() / 1000) + 60), null, [], true])
        assert.equal(await ofClaims({ [name]: value }), `claims: The "${name}" claim must be a number`);
    }
  });

  test('may have fractions of seconds, and no iat', async () => {
    const now = Date.now() / 1000;
    assert.equal(await ofClaims({ exp: now + 60.5, iat: undefined, nbf: now - 1.5 }), 'subject');
  });
});

suite('tokens that are not access tokens', () => {
  const refused = 'claims: Not an access token';

  for (const typ of [
    'id+jwt',
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'rt+jwt',
    'JOSE',
    '',
    'at+jwt ',
    'xjwt',
  ]) {
    test(`typ "${typ}"`, async () => {
      assert.equal(await ofClaims({}, { typ }), 'claims: Not an access token (typ)');
    });
  }

  test("Keycloak's other tokens, by the claim typ", async () => {
    for (const typ of ['ID', 'Refresh', 'Offline', 'Logout', 'bearer', '', 5, null])
      assert.equal(await ofClaims({ typ }, { typ: 'JWT' }), refused, String(typ));
  });

  test('ID tokens, by the claims that only they have', async () => {
    for (const others of [
      { at_hash: 'h' },
      { c_hash: 'h' },
      { s_hash: 'h' },
      { nonce: 'n' },
      { events: {} },
    ]) {
      assert.equal(await ofClaims(others, { typ: 'JWT' }), refused, JSON.stringify(others));
      assert.equal(await ofClaims(others, { typ: undefined }), refused);
      assert.equal(await ofClaims(others), 'subject', 'at+jwt says what it is');
    }
  });

  test("Cognito's, by token_use", async () => {
    assert.equal(await ofClaims({ token_use: 'id' }, { typ: undefined }), refused);
    assert.equal(await ofClaims({ token_use: 'access' }, { typ: undefined }), 'subject');
  });

  test('tokens that are bound to a key', async () => {
    assert.equal(
      await ofClaims({ cnf: { jkt: 'thumbprint' } }),
      'claims: The token is bound to a key of its holder (cnf)',
    );
  });
});

suite('the required scope', () => {
  let scoped: OidcStage;
  before(() => {
    scoped = new OidcStage(server.issuer, { requiredScope: 'events:write' });
  });
  after(() => scoped.oidc.close());

  const has = [
    { scope: 'events:write' },
    { scope: 'openid events:write email' },
    { scp: ['openid', 'events:write'] },
    { scp: 'openid events:write' },
    { scope: ['events:write'] },
  ];
  for (const others of has) {
    test(`is present: ${JSON.stringify(others)}`, async () => {
      assert.equal(await scoped.verdict(await token(others)), 'subject');
    });
  }

  const lacks = [
    {},
    { scope: '' },
    { scope: 'events:write2' },
    { scope: 'xevents:write' },
    { scope: 'events:write,email' },
    { scp: ['openid events:write'] },
    { scope: { 'events:write': true } },
    { scope: 5 },
    { scope: null, scp: [['events:write']] },
  ];
  for (const others of lacks) {
    test(`is missing: ${JSON.stringify(others)}`, async () => {
      assert.equal(await scoped.verdict(await token(others)), 'claims: The token lacks the required scope');
    });
  }
});

suite('the name of a sender', () => {
  const unnamed = 'claims: The token does not name its sender';
  const all = { preferred_username: 'login', client_id: 'client', azp: 'party', sub: 'subject' };

  test('is the login, or else the client, the authorized party, the subject', async () => {
    assert.equal(await ofClaims(all), 'login');
    assert.equal(await ofClaims({ ...all, preferred_username: undefined }), 'client');
    assert.equal(await ofClaims({ azp: 'party' }), 'party');
    assert.equal(await ofClaims({}), 'subject');
    assert.equal(await ofClaims({ sub: undefined }), unnamed);
  });

  const insane: [string, unknown][] = [
    ['empty', ''],
    ['blank', ' \u3000'],
    ['a number', 5],
    ['a list', ['login']],
    ['an object', { name: 'login' }],
    ['null', null],
    ['a line end', 'log\nin'],
    ['a carriage return at the end', 'login\r'],
    ['NUL', 'login\0'],
    ['a terminal escape', '\u001b[31mlogin'],
    ['a C1 control', 'log\u0085in'],
    ['a line separator', 'log\u2028in'],
    ['text turned around', 'log\u202ein'],
    ['half a character', 'login\ud800'],
    ['a zero-width space', 'log\u200bin'],
    ['a joiner between Latin letters', 'log\u200din'],
    ['a soft hyphen', 'log\u00adin'],
    ['true', true],
    ['257 characters', 'x'.repeat(257)],
    ['10 KB', 'x'.repeat(10_000)],
  ];
  for (const [what, name] of insane) {
    test(`${what}: the token is refused, and no other claim names the sender`, async (t) => {
      for (const claim of ['preferred_username', 'client_id', 'azp', 'sub']) {
        // The claims after it in the order are fit names.
        const later = Object.entries(all).slice(Object.keys(all).indexOf(claim));
        const claims = { ...Object.fromEntries(later), [claim]: name };
        const unfit = `claims: The "${claim}" claim names no sender: 1 to 256 printable characters were expected`;
        assert.equal(await ofClaims(claims), unfit);
        const only = oidcStage(t, server.issuer, { nameClaim: claim });
        assert.equal(await only.verdict(await token(claims)), unfit);
      }
    });
  }

  test('may be in any script, of 256 characters', async () => {
    for (const name of ['Ольга', '数据', 'José Nuñez', 'a@b.example', '👩‍🚀', 'x'.repeat(256)])
      assert.equal(await ofClaims({ preferred_username: name }), name);
  });

  test('is the claim of the settings, and no other', async (t) => {
    const email = oidcStage(t, server.issuer, { nameClaim: 'https://example.com/e-mail' });
    assert.equal(await email.verdict(await token({ 'https://example.com/e-mail': 'a@b' })), 'a@b');
    assert.equal(await email.verdict(await token(all)), unnamed);
    for (const nameClaim of ['constructor', '__proto__', 'toString']) {
      const odd = oidcStage(t, server.issuer, { nameClaim });
      assert.equal(await odd.verdict(await token(all)), unnamed);
    }
  });
});
