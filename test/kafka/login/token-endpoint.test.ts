/** How the proxy shows to a token endpoint who it is: in the header, in the body, and by a JWT. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { suite, test, type TestContext } from 'node:test';
import type { AssertionSettings } from '../../../src/kafka/login/assertion.ts';
import { requestToken, type TokenEndpointSettings } from '../../../src/kafka/login/token-endpoint.ts';
import { startOidcServer, type OidcClient } from '../../../tools/oidc-server.ts';
import { temporaryFile } from '../../config/loading.ts';
import { brokerErrorOf } from './broker-errors.ts';
import { cannedEndpoint, giveToken } from './canned-endpoint.ts';
import { AUDIENCE } from './secure-broker.ts';

const ID = 'lineage:proxy';
const SECRET = 'a+b c/d%';

const NO_ASSERTION: AssertionSettings = {
  file: undefined,
  privateKeyFile: undefined,
  privateKeyPassword: undefined,
  keyId: undefined,
  issuer: undefined,
  subject: undefined,
  audience: undefined,
};

const nothing = {
  clientSecret: undefined,
  scope: undefined,
  audience: undefined,
  caFile: undefined,
} as const;

/** Key pairs, with the algorithm that a JWT signed with them names. */
const pairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const;

function keyFile(test: TestContext, key: KeyObject): string {
  return temporaryFile(test, 'key.pem', key.export({ type: 'pkcs8', format: 'pem' }));
}

/** A token from a real identity provider, which checks who asks. */
async function tokenFrom(t: TestContext, client: OidcClient, settings: Partial<TokenEndpointSettings>) {
  const oidc = await startOidcServer({ clients: [client], audience: AUDIENCE });
  t.after(() => oidc.stop());
  const { tokenEndpoint } = oidc;
  return requestToken({ ...nothing, tokenEndpoint, clientId: client.id, ...settings }, Date.now());
}

/** The fields of a form, and the header `Authorization`. */
async function formOf(request: IncomingMessage) {
  return { fields: new URLSearchParams(await text(request)), header: request.headers.authorization };
}

function claimsOf(jwt: string): Record<string, unknown> {
  const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
  return typeof claims === 'object' && claims !== null ? { ...claims } : assert.fail(jwt);
}

void suite('a token endpoint', { timeout: 60_000 }, () => {
  test('takes the client secret in the body', async (t) => {
    const client = { id: ID, secret: SECRET, authentication: 'client_secret_post' } as const;
    const given = { clientSecret: SECRET, clientAuthentication: 'client_secret_post' } as const;
    assert.match((await tokenFrom(t, client, given)).token, /^eyJ/);
    const error = await brokerErrorOf(tokenFrom(t, client, { ...given, clientSecret: 'wrong' }));
    assert.match(error.problem ?? '', /refuses the proxy \(kafka\.security\.oauth\.client_id/);
  });

  for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) {
    test(`takes a JWT that is signed with the key of the proxy: ${alg}`, async (t) => {
      const { privateKey, publicKey } = pairs[alg]();
      const known = publicKey.export({ format: 'jwk' });
      const client: OidcClient = {
        id: ID,
        secret: SECRET,
        authentication: 'private_key_jwt',
        publicKey: { ...known, kty: known.kty ?? '', kid: 'one', alg, use: 'sig' },
      };
      const assertion = { ...NO_ASSERTION, privateKeyFile: keyFile(t, privateKey), keyId: 'one' };
      const given = { clientAuthentication: 'private_key_jwt', assertion } as const;
      assert.match((await tokenFrom(t, client, given)).token, /^eyJ/);
      const wrong = { ...assertion, audience: 'https://elsewhere.example' };
      const error = await brokerErrorOf(tokenFrom(t, client, { ...given, assertion: wrong }));
      assert.match(error.problem ?? '', /refuses the proxy.*oauth\.assertion/);
    });
  }

  test('gives a token for an assertion, which says who the proxy is', async (t) => {
    const { privateKey, publicKey } = pairs.ES384();
    const now = Date.now();
    const asked: Awaited<ReturnType<typeof formOf>>[] = [];
    const tokenEndpoint = await cannedEndpoint(t, (request, response) => {
      void formOf(request).then((form) => {
        asked.push(form);
        giveToken(response, 'token');
      });
    });
    const assertion = {
      ...NO_ASSERTION,
      privateKeyFile: keyFile(t, privateKey),
      issuer: 'proxy@project.example',
      subject: 'lineage@project.example',
      audience: 'https://audience.example',
    };
    const settings = {
      ...nothing,
      tokenEndpoint,
      clientId: undefined,
      grant: 'jwt_bearer',
      assertion,
    } as const;
    assert.deepEqual(await requestToken({ ...settings, scope: 'kafka' }, now), {
      token: 'token',
      lifetimeMs: 3_600_000,
    });
    const [{ fields, header } = assert.fail()] = asked;
    assert.equal(header, undefined);
    const { assertion: jwt = '', ...others } = Object.fromEntries(fields);
    assert.deepEqual(others, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', scope: 'kafka' });
    // Node's own verification, not that of the library which signs.
    const [head = '', body = '', signature = ''] = jwt.split('.');
    const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    assert.ok(verify('sha384', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')));
    const { jti, ...claims } = claimsOf(jwt);
    assert.match(String(jti), /^[\da-f-]{36}$/);
    const second = Math.floor(now / 1000);
    assert.deepEqual(claims, {
      iss: 'proxy@project.example',
      sub: 'lineage@project.example',
      aud: 'https://audience.example',
      iat: second,
      exp: second + 300,
    });
  });

  test('gets the assertion that is in a file now, and the secret of a client that has one', async (t) => {
    const jwt = (name: string) => `${Buffer.from(name).toString('base64url')}.e30.c2ln`;
    const file = temporaryFile(t, 'assertion', `${jwt('first')}\n`);
    const asked: Awaited<ReturnType<typeof formOf>>[] = [];
    const tokenEndpoint = await cannedEndpoint(t, (request, response) => {
      void formOf(request).then((form) => {
        asked.push(form);
        giveToken(response, 'token');
      });
    });
    const settings = { ...nothing, tokenEndpoint, clientId: ID, assertion: { ...NO_ASSERTION, file } };
    await requestToken({ ...settings, clientAuthentication: 'private_key_jwt' }, 0);
    writeFileSync(file, jwt('second'));
    await requestToken({ ...settings, grant: 'jwt_bearer', clientSecret: SECRET }, 0);
    const [first, second] = asked.map(({ fields, header }) => ({ ...Object.fromEntries(fields), header }));
    assert.deepEqual(first, {
      grant_type: 'client_credentials',
      client_id: ID,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt('first'),
      header: undefined,
    });
    assert.equal(Reflect.get(second ?? {}, 'assertion'), jwt('second'));
    assert.match(String(second?.header), /^Basic /);
  });

  test('is not asked where there is no usable assertion, and the error names the setting', async (t) => {
    const cases = [
      [{ file: '/nowhere' }, /cannot be read \(kafka\.security\.oauth\.assertion\.file\)/],
      [{ file: temporaryFile(t, 'empty', 'secret words') }, /no assertion in the file/],
      [{ privateKeyFile: temporaryFile(t, 'no-key', 'secret words') }, /private key .* cannot be read/],
      [{ privateKeyFile: keyFile(t, generateKeyPairSync('x25519').privateKey) }, /no JWT can be signed/],
    ] as const;
    for (const [given, problem] of cases) {
      const assertion = { ...NO_ASSERTION, ...given };
      const asked = { ...nothing, tokenEndpoint: 'http://127.0.0.1:1/token', clientId: ID, assertion };
      const error = await brokerErrorOf(
        requestToken({ ...asked, clientAuthentication: 'private_key_jwt' }, 0),
      );
      assert.match(error.problem ?? '', problem);
      assert.doesNotMatch(JSON.stringify(error) + error.message, /secret words/);
    }
  });
});
