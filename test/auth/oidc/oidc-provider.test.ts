import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { before, suite, test, type TestContext } from 'node:test';
import { PROVIDER_TIMES } from '../../../src/auth/oidc/oidc-provider.ts';
import { CertificateAuthority, type Certificate } from '../../../tools/certificates.ts';
import { temporaryFile } from '../../config/loading.ts';
import { newKey, signed } from './hand-signed.ts';
import { startKeyServer, type KeyServer } from './key-server.ts';
import { claimsFor, NEVER, oidcStage, until } from './oidc-stage.ts';

const UNDECIDED = 'unavailable unavailable: The OpenID provider cannot be asked for its keys now';
const UNREACHABLE = 'the OpenID provider cannot be reached';

const key = newKey('ES256');

/** Retries at once. */
const EAGER = { firstPause: 5, longestPause: 20 };

async function keyServer(test: TestContext, path?: string, certificate?: Certificate): Promise<KeyServer> {
  const server = await startKeyServer(path, certificate);
  server.keys = [key.jwk];
  test.after(() => server.stop());
  return server;
}

const tokenOf = ({ issuer }: KeyServer) => signed(key, claimsFor(issuer));

suite('a provider that is unavailable', () => {
  test('a request waits for it about a second at most', () => {
    assert.ok(PROVIDER_TIMES.patience <= 800);
    assert.ok(PROVIDER_TIMES.longestPause <= 30_000);
  });

  test('at the start: every token is undecided until it is available', async (t) => {
    const server = await keyServer(t);
    await server.stop();
    const stage = oidcStage(t, server.issuer, {}, EAGER);
    const token = await tokenOf(server);
    assert.equal(await stage.up(), 'http2kafka_oidc_up 0');
    assert.equal(await stage.verdict(token), UNDECIDED);
    await stage.untilProblem(UNREACHABLE);
    await server.start();
    await stage.untilProblem(undefined);
    assert.equal(await stage.verdict(token), 'subject');
    assert.equal(await stage.up(), 'http2kafka_oidc_up 1');
  });

  test('later: known keys stay valid, and tokens with unknown keys are undecided', async (t) => {
    const server = await keyServer(t);
    const stage = oidcStage(t, server.issuer, {}, { ...EAGER, refresh: 20 });
    await stage.untilProblem(undefined);
    await server.stop();
    await stage.untilProblem(UNREACHABLE);
    assert.equal(await stage.up(), 'http2kafka_oidc_up 0');
    assert.equal(await stage.verdict(await tokenOf(server)), 'subject');
    const fresh = newKey('ES256');
    const token = await signed(fresh, claimsFor(server.issuer));
    assert.equal(await stage.verdict(token), UNDECIDED);
    const forged = await signed(newKey('ES256', key.kid), claimsFor(server.issuer));
    assert.equal(await stage.verdict(forged), 'signature: Signature verification failed');
    server.keys.push(fresh.jwk);
    await server.start();
    await stage.untilVerdict(token, 'subject');
  });

  test('the log has one line for the outage and one for its end, and only the log has the address', async (t) => {
    const server = await keyServer(t);
    const stage = oidcStage(t, server.issuer, {}, { ...EAGER, refresh: 20 });
    await stage.untilProblem(undefined);
    for (let round = 0; round < 2; round += 1) {
      await server.stop();
      await stage.untilProblem(UNREACHABLE);
      const { length } = server.paths;
      await server.start();
      server.answer = (_, response) => response.writeHead(500).end();
      // Another failure in the same outage: no further line.
      await until(() => server.paths.length >= length + 5);
      server.answer = undefined;
      await stage.untilProblem(undefined);
    }
    const lines = stage.log.map((line) => line.replace(/.*"msg":"(.*)"}\n/, '$1'));
    const there = 'the keys of the OpenID provider are read';
    assert.deepEqual(lines, [there, UNREACHABLE, there, UNREACHABLE, there]);
    assert.ok(stage.log.some((line) => line.includes(server.origin)));
  });

  test('frozen: a request waits for a limited time, and keys may come late', async (t) => {
    const server = await keyServer(t);
    const held: ServerResponse[] = [];
    server.answer = (_, response) => held.push(response);
    const stage = oidcStage(t, server.issuer, {}, { patience: 30, answer: NEVER });
    const token = await tokenOf(server);
    // The provider never answers. The test is that both calls end.
    assert.equal(await stage.verdict(token), UNDECIDED);
    assert.equal(await stage.verdict(token), UNDECIDED);
    assert.equal(stage.oidc.problem, 'the OpenID provider has not been asked yet');
    server.answer = undefined;
    for (const response of held)
      response.end(JSON.stringify({ issuer: server.issuer, jwks_uri: server.jwksUri }));
    await stage.untilProblem(undefined);
    assert.equal(await stage.verdict(token), 'subject');
  });

  test('frozen forever: the reading ends at its limit, and the problem says so', async (t) => {
    const server = await keyServer(t);
    server.answer = () => undefined;
    const stage = oidcStage(t, server.issuer, {}, { ...EAGER, answer: 50 });
    await stage.untilProblem('the OpenID provider does not answer in time');
    server.answer = (_, response) => void response.write('{"issuer":');
    const { length } = server.paths;
    await until(() => server.paths.length >= length + 2);
    assert.equal(stage.oidc.problem, 'the OpenID provider does not answer in time');
    server.answer = undefined;
    await stage.untilProblem(undefined);
  });

  test('once it is known to be unavailable, no request waits for an attempt in flight', async (t) => {
    const server = await keyServer(t);
    server.answer = (_, response) => response.writeHead(503).end();
    const stage = oidcStage(t, server.issuer, {}, { ...EAGER, patience: NEVER, answer: NEVER });
    await stage.untilProblem('the OpenID provider answers with status 503');
    const { length } = server.paths;
    server.answer = () => undefined;
    const token = await tokenOf(server);
    await until(() => server.paths.length > length);
    // The attempt has no answer and no limit of time: a request that waited for it would never end.
    assert.equal(await stage.verdict(token), UNDECIDED);
  });

  test('after close there is no further attempt, and the one in flight is aborted', async (t) => {
    const server = await keyServer(t);
    let isAborted = false;
    server.answer = (_, response) => response.on('close', () => (isAborted = true));
    const stage = oidcStage(t, server.issuer, {}, { answer: NEVER, patience: 1 });
    await until(() => server.paths.length > 0);
    stage.oidc.close();
    await until(() => isAborted);
    assert.equal(await stage.verdict(await tokenOf(server)), UNDECIDED);
    assert.deepEqual(stage.log, []);
    assert.equal(server.paths.length, 1);
  });
});

suite('a provider with a wrong answer', () => {
  const wrongAnswers: [string, (response: ServerResponse, server: KeyServer) => void, string][] = [
    ['with 500', (response) => response.writeHead(500).end('oops'), 'answers with status 500'],
    ['with 204', (response) => response.writeHead(204).end(), 'answers with status 204'],
    ['with 401', (response) => response.writeHead(401).end(), 'answers with status 401'],
    ['with a page', (response) => response.end('<html>'), 'answers with something that is not JSON'],
    ['with nothing', (response) => response.end(), 'answers with something that is not JSON'],
    [
      'with compressed bytes',
      (response) => response.end(Buffer.alloc(100, 0x1f)),
      'answers with something that is not JSON',
    ],
    [
      'with other JSON',
      (response) => response.end('[]'),
      'answers with something that is not its description',
    ],
    ['with no HTTP', (response) => response.socket?.end('SSH-2.0-x\r\n'), 'cannot be reached'],
    ['by hanging up', (response) => response.socket?.destroy(), 'cannot be reached'],
    [
      'by hanging up in the middle',
      (response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{');
        setImmediate(() => response.socket?.destroy());
      },
      'cannot be reached',
    ],
    [
      'with a redirect',
      (response, { origin }) => response.writeHead(302, { location: `${origin}/elsewhere` }).end(),
      'redirects elsewhere, which is not followed',
    ],
    ['without end', pourForEver, 'answers with more than 1048576 bytes'],
    [
      'in the name of another issuer',
      (response, { jwksUri }) =>
        response.end(JSON.stringify({ issuer: 'https://x.example', jwks_uri: jwksUri })),
      'gives another issuer than auth.oidc.issuer',
    ],
    [
      'in its own name with a slash',
      (response, { issuer, jwksUri }) =>
        response.end(JSON.stringify({ issuer: `${issuer}/`, jwks_uri: jwksUri })),
      'gives another issuer than auth.oidc.issuer',
    ],
    [
      'without keys',
      (response, { issuer }) => response.end(JSON.stringify({ issuer })),
      'answers with something that is not its description',
    ],
    ...[
      'http://keys.example/keys',
      'http://127.0.0.1:1/keys',
      'file:///etc/passwd',
      'data:,{}',
      'keys',
      '',
    ].map((uri): [string, (response: ServerResponse, server: KeyServer) => void, string] => [
      `with keys at "${uri}"`,
      (response, { issuer }) => response.end(JSON.stringify({ issuer, jwks_uri: uri })),
      'has its keys at an address that is not https',
    ]),
  ];

  for (const [how, answer, problem] of wrongAnswers) {
    test(`${how}: counts as unavailable, until its answer is right`, async (t) => {
      const server = await keyServer(t);
      server.answer = (_, response) => answer(response, server);
      const stage = oidcStage(t, server.issuer, {}, EAGER);
      await stage.untilProblem(`the OpenID provider ${problem}`);
      assert.equal(await stage.verdict(await tokenOf(server)), UNDECIDED);
      assert.ok(!server.paths.includes('/elsewhere'));
      server.answer = undefined;
      await stage.untilProblem(undefined);
    });
  }

  test('with no key set where its keys should be', async (t) => {
    const server = await keyServer(t);
    server.answer = (_, response) =>
      response.end(JSON.stringify({ issuer: server.issuer, jwks_uri: `${server.origin}/x`, keys: {} }));
    const stage = oidcStage(t, server.issuer, {}, EAGER);
    await stage.untilProblem('the OpenID provider answers with something that is not a key set');
  });

  test('after a right answer: its keys stay valid', async (t) => {
    const server = await keyServer(t);
    const stage = oidcStage(t, server.issuer, {}, { ...EAGER, refresh: 20 });
    await stage.untilProblem(undefined);
    server.answer = (_, response) => response.end('<html>');
    await stage.untilProblem('the OpenID provider answers with something that is not JSON');
    assert.equal(await stage.verdict(await tokenOf(server)), 'subject');
  });
});

suite('the description of a provider', () => {
  for (const path of ['', '/', '/realms/lineage', '/realms/lineage/', '/a%20b']) {
    test(`is below the issuer's path "${path}"`, async (t) => {
      const server = await keyServer(t, path);
      const stage = oidcStage(t, server.issuer);
      assert.equal(await stage.verdict(await tokenOf(server)), 'subject');
      assert.deepEqual(server.paths, [
        `${path.replace(/\/$/, '')}/.well-known/openid-configuration`,
        '/keys',
      ]);
    });
  }

  test('may be the metadata of OAuth (RFC 8414), without OpenID', async (t) => {
    const server = await keyServer(t, '/tenant');
    const metadata = '/.well-known/oauth-authorization-server/tenant';
    server.answer = ({ url }, response) => {
      const { issuer, jwksUri, keys } = server;
      if (url === metadata) response.end(JSON.stringify({ issuer, jwks_uri: jwksUri }));
      else if (url === '/keys') response.end(JSON.stringify({ keys }));
      else response.writeHead(404).end();
    };
    const stage = oidcStage(t, server.issuer);
    assert.equal(await stage.verdict(await tokenOf(server)), 'subject');
    assert.deepEqual(server.paths, ['/tenant/.well-known/openid-configuration', metadata, '/keys']);
  });
});

suite('a provider with a certificate', () => {
  let authority: CertificateAuthority;
  before(async () => {
    authority = await CertificateAuthority.create();
  });

  test('of a private authority: is trusted by auth.oidc.ca_file', async (t) => {
    const server = await keyServer(t, '', await authority.issue({ name: 'provider', hosts: ['127.0.0.1'] }));
    const caFile = temporaryFile(t, 'ca.pem', authority.pem);
    const stage = oidcStage(t, server.issuer, { caFile });
    assert.equal(await stage.verdict(await tokenOf(server)), 'subject');
  });

  const untrusted = 'the OpenID provider shows a certificate that is not trusted';

  test('of an unknown or a replaced authority: is not trusted until the file has the authority', async (t) => {
    const server = await keyServer(t, '', await authority.issue({ name: 'provider', hosts: ['127.0.0.1'] }));
    const unknown = oidcStage(t, server.issuer, {}, EAGER);
    await unknown.untilProblem(untrusted);
    assert.equal(server.paths.length, 0);
    const caFile = temporaryFile(t, 'ca.pem', (await CertificateAuthority.create()).pem);
    const stage = oidcStage(t, server.issuer, { caFile }, EAGER);
    await stage.untilProblem(untrusted);
    writeFileSync(caFile, authority.pem);
    await stage.untilProblem(undefined);
  });

  test('for another host, or expired: is not trusted', async (t) => {
    const caFile = temporaryFile(t, 'ca.pem', authority.pem);
    const wishes = [
      { name: '127.0.0.1', hosts: ['other.example'] },
      { name: 'provider', hosts: ['127.0.0.1'], until: new Date(Date.now() - 1000) },
    ];
    for (const wish of wishes) {
      const server = await keyServer(t, '', await authority.issue(wish));
      const stage = oidcStage(t, server.issuer, { caFile });
      await stage.untilProblem(untrusted);
      assert.equal(server.paths.length, 0);
    }
  });

  test('with a missing ca_file: is not asked', async (t) => {
    const server = await keyServer(t, '', await authority.issue({ name: 'provider', hosts: ['127.0.0.1'] }));
    const stage = oidcStage(t, server.issuer, { caFile: '/no/ca.pem' });
    await stage.untilProblem('the OpenID provider cannot be asked: auth.oidc.ca_file cannot be read');
  });
});

/** Writes without end, as fast as the client reads. */
function pourForEver(response: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, ' ');
  const pour = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
}
