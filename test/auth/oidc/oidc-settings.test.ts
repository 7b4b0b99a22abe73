import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorsOf } from '../../config/loading.ts';

function errors(issuer: string, others: Readonly<Record<string, string>> = {}): readonly string[] {
  return errorsOf({
    environment: {
      HTTP2KAFKA__AUTH__OIDC__ISSUER: issuer,
      HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'http2kafka',
      ...others,
    },
  });
}

suite('the settings of an OpenID provider', () => {
  for (const issuer of [
    'https://sso.example.com',
    'https://sso.example.com/realms/lineage/',
    'http://localhost:8080/realms/lineage',
    'http://127.0.0.1:8080',
    'http://127.8.9.1',
    'http://[::1]:8080',
  ]) {
    test(`the issuer ${issuer} is fine`, () => {
      assert.deepEqual(errors(issuer), []);
    });
  }

  for (const issuer of [
    'http://sso.example.com',
    'http://10.0.0.1',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://localhost@sso.example.com',
  ]) {
    test(`the issuer ${issuer} is not: its keys could be changed on the way`, () => {
      assert.deepEqual(errors(issuer), [
        "HTTP2KAFKA__AUTH__OIDC__ISSUER in the environment: has to begin with https://: without TLS an attacker in the network can replace the provider's keys",
      ]);
    });
  }

  for (const issuer of [
    'https://sso.example.com?realm=x',
    'https://sso.example.com/#x',
    'https://u:p@sso.example.com',
  ]) {
    test(`the issuer ${issuer} is not: no issuer is written so`, () => {
      assert.match(errors(issuer).join('\n'), /must have no query, fragment or user/);
    });
  }

  test('a required scope is one', () => {
    assert.deepEqual(
      errors('https://sso.example.com', { HTTP2KAFKA__AUTH__OIDC__REQUIRED_SCOPE: 'one two' }),
      [
        'HTTP2KAFKA__AUTH__OIDC__REQUIRED_SCOPE in the environment: a single scope was expected, without white space',
      ],
    );
  });
});

suite('the settings of logins to the page', () => {
  const PAGE = 'HTTP2KAFKA__SERVER__PAGE__OIDC__';
  const right = {
    ISSUER: 'https://sso.example.com',
    CLIENT_ID: 'page',
    REDIRECT_URI: 'https://proxy.example.com/lineage/page/oidc/callback',
    USERS: 'ana',
  };

  function problems(change: Readonly<Record<string, string>>): string {
    const given = Object.entries({ ...right, ...change }).filter(([, value]) => value !== '');
    const environment = Object.fromEntries(given.map(([name, value]) => [`${PAGE}${name}`, value]));
    return errorsOf({ environment }).join('\n');
  }

  for (const [what, change, error] of [
    ['all that is needed', {}, /^$/],
    ['no users', { USERS: '' }, /ISSUER.* needs server\.page\.oidc\.users.*\* is every account/],
    ['no client', { CLIENT_ID: '' }, /needs server\.page\.oidc\.client_id/],
    ['no redirect URI', { REDIRECT_URI: '' }, /needs server\.page\.oidc\.redirect_uri/],
    ['no issuer', { ISSUER: '' }, /CLIENT_ID.* needs server\.page\.oidc\.issuer/],
    ['an issuer without TLS', { ISSUER: 'http://sso.example.com' }, /has to begin with https/],
    [
      'a redirect URI without TLS',
      { REDIRECT_URI: 'http://a.example/page/oidc/callback' },
      /begin with https/,
    ],
    ['a redirect URI to this machine', { REDIRECT_URI: 'http://localhost:8002/page/oidc/callback' }, /^$/],
    ['another redirect URI', { REDIRECT_URI: 'https://a.example/callback' }, /end in \/page\/oidc\/callback/],
    ['no ID token', { SCOPES: 'profile' }, /needs the scope openid/],
  ] as const) {
    test(`with ${what}`, () => {
      assert.match(problems(change), error);
    });
  }
});
