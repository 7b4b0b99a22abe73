import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { BegunLogin, CodeFlow } from '../../../src/auth/oidc/code-flow.ts';
import { PageAccess } from '../../../src/http/pages/overview/page-access.ts';
import { MAX_BEGUN, PageOidc } from '../../../src/http/pages/overview/page-oidc.ts';
import { rejected, undecided, type Finding, type Sender } from '../../../src/auth/sender.ts';
import { PageSenders } from '../../../src/http/pages/overview/page-senders.ts';
import {
  MAX_OF_SENDER,
  MAX_OF_SENDERS,
  MAX_SESSIONS,
  MAX_TRIES,
  PageSessions,
} from '../../../src/http/pages/overview/page-sessions.ts';

type Asked = Pick<IncomingMessage, 'headers' | 'method'>;

/** Only what the access reads. */
function requestOf(headers: IncomingHttpHeaders, method = 'GET'): IncomingMessage {
  const request: Asked = { headers: { host: 'localhost:8002', ...headers }, method };
  // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion
  return request as IncomingMessage;
}

function kindOf(
  headers: IncomingHttpHeaders,
  { address = '127.0.0.1', open = false, method = 'GET' } = {},
): string {
  const parts = {
    sessions: undefined,
    senders: undefined,
    clientOf: () => ({ client: address, address }),
    hostsOf: () => [headers.host ?? 'localhost:8002'],
  };
  const access = new PageAccess({ open, https: false }, parts).accessOf(requestOf(headers, method));
  assert.ok(!(access instanceof Promise));
  return access.kind;
}

suite('who may see the page', () => {
  test('is the machine of the proxy, by a name of this machine', () => {
    for (const address of ['127.0.0.1', '127.8.0.1', '::1']) assert.equal(kindOf({}, { address }), 'seen');
    for (const host of ['localhost', '127.0.0.1:8002', '[::1]:8002', 'a.localhost'])
      assert.equal(kindOf({ host }), 'seen');
    for (const address of ['192.0.2.7', '10.0.0.1', '2001:db8::1', 'unix', '']) {
      assert.equal(kindOf({}, { address }), 'hidden', address);
      assert.equal(kindOf({}, { address, open: true }), 'seen', address);
    }
    for (const host of [
      'evil.example',
      '127.0.0.1.evil.example',
      '192.0.2.1:8002',
      'localhost.evil.example',
      '',
    ]) {
      assert.equal(kindOf({ host }), 'hidden', host);
    }
  });

  test('is no client of a server on this machine that forwards', () => {
    const headers = [
      'forwarded',
      'via',
      'x-real-ip',
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-forwarded-anything',
    ];
    for (const header of headers) assert.equal(kindOf({ [header]: '127.0.0.1' }), 'hidden', header);
  });

  test('is no page of another origin, whatever the settings allow', () => {
    for (const open of [false, true]) {
      assert.equal(kindOf({ origin: 'http://evil.example' }, { open }), 'hidden');
      assert.equal(
        kindOf({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, { open }),
        'hidden',
      );
      assert.equal(kindOf({ origin: 'http://localhost:8002' }, { open }), 'seen');
      // Someone follows a link.
      assert.equal(
        kindOf({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, { open }),
        'seen',
      );
      const posted = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
      assert.equal(kindOf(posted, { open, method: 'POST' }), 'hidden');
    }
  });
});

/** Cheap: the tests make many attempts. */
const COST = 2;

class Scene {
  now = 1000;
  readonly sessions: PageSessions;

  constructor(https = true) {
    const salt = Buffer.from('salt salt salt s');
    const hash = scryptSync('right', salt, 32, { N: COST, r: 8, p: 1 });
    const user = { name: 'ana', cost: COST, salt, hash };
    this.sessions = new PageSessions([user], '/base/', https, { now: () => this.now });
  }

  async cookie(): Promise<string> {
    const login = await this.sessions.login('ana', 'right', '192.0.2.1');
    assert.ok(typeof login === 'object');
    return login.cookie;
  }

  userOf(cookie: string): string | undefined {
    return this.sessions.sessionOf(requestOf({ cookie: `other=1; ${cookie.split(';')[0] ?? ''}` }))?.user;
  }
}

suite('the sessions of the page', () => {
  test('begin with the right password, and end', async () => {
    const scene = new Scene();
    const cookie = await scene.cookie();
    assert.match(
      cookie,
      /^http2kafka_page=[\w-]{43}; Max-Age=43200; Path=\/base\/; HttpOnly; SameSite=Strict; Secure$/,
    );
    assert.ok(!(await new Scene(false).cookie()).includes('Secure'));
    assert.equal(scene.userOf(cookie), 'ana');
    assert.equal(scene.userOf('http2kafka_page=wrong'), undefined);
    assert.equal(scene.sessions.sessionOf(requestOf({})), undefined);
    scene.now += 43_200_000;
    assert.equal(scene.userOf(cookie), undefined);
    const second = await scene.cookie();
    scene.sessions.logout(requestOf({ cookie: second.split(';')[0] }));
    assert.equal(scene.userOf(second), undefined);
  });

  test('do not begin with a wrong one; the attempts are bounded', async () => {
    const scene = new Scene();
    for (let i = 0; i < MAX_TRIES; i++) {
      assert.equal(await scene.sessions.login(i % 2 ? 'ana' : 'eve', 'wrong', '192.0.2.1'), 'wrong');
    }
    assert.equal(await scene.sessions.login('ana', 'right', '192.0.2.1'), 'too-many');
    assert.ok(typeof (await scene.sessions.login('ana', 'right', '192.0.2.2')) === 'object');
    scene.now += 600_001;
    assert.ok(typeof (await scene.sessions.login('ana', 'right', '192.0.2.1')) === 'object');
    const several = await Promise.all(
      Array.from({ length: 5 }, (_, i) => scene.sessions.login('ana', 'right', `192.0.2.${i + 10}`)),
    );
    assert.equal(several.filter((one) => one === 'too-many').length, 3);
  });

  test('do not begin with many attempts for a name, from wherever they come', async () => {
    const scene = new Scene();
    const address = (i: number) => `2001:db8:${i.toString(16)}::1`;
    for (let i = 0; i < MAX_TRIES; i++)
      assert.equal(await scene.sessions.login('ana', 'wrong', address(i)), 'wrong');
    // Wrong keys of senders cost no hash. They must not have the failures of a name forgotten.
    for (let i = 0; i < 2000; i++) scene.sessions.countFailureOf(address(i));
    assert.equal(await scene.sessions.login('ana', 'right', '192.0.2.1'), 'too-many');
  });

  test('count the addresses of one network of IPv6 together', () => {
    const scene = new Scene();
    for (let i = 0; i < MAX_TRIES; i++) scene.sessions.countFailureOf(`2001:db8:0:1::${i + 1}`);
    assert.ok(scene.sessions.isBarred('2001:db8:0:1:ffff::7'));
    assert.ok(!scene.sessions.isBarred('2001:db8:0:2::1'));
  });

  test('are bounded', async () => {
    const scene = new Scene();
    const first = await scene.cookie();
    for (let i = 0; i < MAX_SESSIONS; i++) await scene.cookie();
    assert.equal(scene.userOf(first), undefined);
  });

  test('of senders end none of users, and those of one sender none of others', async () => {
    const scene = new Scene();
    const ofUser = await scene.cookie();
    const login = (name: string) =>
      scene.sessions.beginOfSender({ sender: { way: 'api-key', name }, authorization: 'Bearer key' });
    const [dbt, trino] = [login('dbt'), login('trino')];
    for (let i = 0; i < MAX_OF_SENDER; i++) login('trino');
    assert.deepEqual([scene.userOf(dbt), scene.userOf(trino)], ['dbt', undefined]);
    for (let i = 0; i < MAX_OF_SENDERS; i++) login(`sender ${i}`);
    assert.deepEqual([scene.userOf(dbt), scene.userOf(ofUser)], [undefined, 'ana']);
  });
});

suite('a session of a sender', () => {
  const SENDER: Sender = { way: 'oidc', name: 'trino' };
  const RECOGNISED: Finding = { sender: SENDER, holdsUntil: Number.MAX_SAFE_INTEGER };

  test('shows the page while its credential holds, and ends with it', async () => {
    let finding: Finding | Promise<Finding> = RECOGNISED;
    const limits = { limited: false, mayWriteTo: () => true, quota: undefined };
    const authentication = {
      authenticator: { find: () => finding },
      senders: { senders: { limitsOf: () => limits } },
    };
    const senders = new PageSenders(authentication, { keys: true, certificates: true });
    const { sessions } = new Scene(false);
    const parts = {
      sessions,
      senders,
      clientOf: () => ({ client: '192.0.2.1', address: '192.0.2.1' }),
      hostsOf: () => ['localhost:8002'],
    };
    const access = new PageAccess({ open: false, https: false }, parts);
    const found = await senders.recognise(' a.b.c ', requestOf({}));
    assert.ok('sender' in found);
    assert.equal(found.authorization, 'Bearer a.b.c');
    const cookie = sessions.beginOfSender(found).split(';')[0];
    const now = async () => (await access.accessOf(requestOf({ cookie }))).kind;
    assert.deepEqual(access.accessOf(requestOf({ cookie })), {
      kind: 'seen',
      user: 'trino',
      sender: { sender: SENDER, limits },
    });
    finding = Promise.resolve(RECOGNISED);
    assert.ok(access.accessOf(requestOf({ cookie })) instanceof Promise);
    assert.equal(await now(), 'seen');
    // Nothing is shown, and the session is there when the credential can be checked again.
    for (const rejection of [undecided('not now'), rejected('missing', 'no certificate')]) {
      finding = rejection;
      assert.equal(await now(), 'login');
      finding = RECOGNISED;
      assert.equal(await now(), 'seen');
    }
    // A token that is checked in the database each time: each answer is that of the check before.
    finding = Promise.resolve(RECOGNISED);
    const request = requestOf({ cookie });
    const seen = await access.accessOf(request);
    assert.ok(seen.kind === 'seen');
    const mayGoOn = access.mayGoOnOf(request, seen);
    assert.deepEqual([mayGoOn(), mayGoOn()], ['undecided', 'undecided']);
    await setImmediate();
    assert.equal(mayGoOn(), 'yes');
    await setImmediate();
    finding = Promise.resolve(rejected('revoked', 'it is revoked'));
    assert.equal(mayGoOn(), 'yes');
    await setImmediate();
    assert.equal(mayGoOn(), 'no');
    assert.equal(await now(), 'login');
    finding = RECOGNISED;
    assert.equal(await now(), 'login');
  });
});

const REDIRECT = 'https://proxy.example/base/page/oidc/callback';

/** Logins at a provider that knows everyone as ana. */
class ProviderScene {
  now = 1000;
  begun = 0;
  asked = 0;
  readonly logins: PageOidc;

  constructor() {
    const begin: CodeFlow['begin'] = async () => {
      const state = `state ${(this.begun += 1)}`;
      const description = {
        issuer: '',
        jwks_uri: '',
        authorization_endpoint: '',
        token_endpoint: '',
      };
      const begun: BegunLogin = { state, nonce: '', verifier: '', description };
      return Promise.resolve({ url: `https://sso.example/?${state}`, begun });
    };
    const finish: CodeFlow['finish'] = async () => {
      this.asked += 1;
      return Promise.resolve({ user: 'ana' });
    };
    this.logins = new PageOidc({ begin, finish }, REDIRECT, { now: () => this.now });
  }

  async begin(): Promise<{ cookie: string; state: string }> {
    const begun = await this.logins.begin();
    assert.ok('cookie' in begun);
    return { cookie: begun.cookie, state: `state ${this.begun}` };
  }

  async finish(cookie: string, state: string): Promise<string> {
    const request = requestOf({ cookie: cookie.split(';')[0] });
    const found = await this.logins.finish(request, new URLSearchParams({ state, code: 'any' }));
    return 'failure' in found ? found.failure : found.user;
  }
}

suite('logins at a provider', () => {
  test('end once, with the state and in the browser that they began with', async () => {
    const scene = new ProviderScene();
    const { cookie, state } = await scene.begin();
    assert.match(
      cookie,
      /^http2kafka_login=[\w-]{43}; Max-Age=600; Path=\/base\/page\/oidc; HttpOnly; SameSite=Lax; Secure$/,
    );
    assert.equal(scene.logins.address, 'https://proxy.example/base/page/oidc');
    const other = await scene.begin();
    assert.equal(await scene.finish(cookie, other.state), 'unknown');
    assert.equal(await scene.finish(cookie, ''), 'unknown');
    assert.equal(await scene.finish('', state), 'unknown');
    assert.equal(scene.asked, 0);
    assert.equal(await scene.finish(cookie, state), 'ana');
    assert.equal(await scene.finish(cookie, state), 'unknown');
    assert.equal(scene.asked, 1);
  });

  test('expire, and are bounded', async () => {
    const scene = new ProviderScene();
    const late = await scene.begin();
    scene.now += 600_000;
    assert.equal(await scene.finish(late.cookie, late.state), 'unknown');
    const first = await scene.begin();
    for (let i = 0; i < MAX_BEGUN; i++) await scene.begin();
    assert.equal(await scene.finish(first.cookie, first.state), 'unknown');
    assert.equal(scene.asked, 0);
  });
});
