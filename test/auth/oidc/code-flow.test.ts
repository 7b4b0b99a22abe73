/** The login of a person at a real provider: what it checks, beyond what a browser sees. */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { CodeFlow, type BegunLogin, type CodeFlowSettings } from '../../../src/auth/oidc/code-flow.ts';
import { LoginProvider, UNVERIFIED, type LoginProviderOptions } from '../../stage/login-provider.ts';

const REDIRECT = 'http://127.0.0.1:8002/page/oidc/callback';
const SECRET = 'a+b c/d%';

interface Scene {
  readonly provider: LoginProvider;
  /** The user, or why there is none. `change` is made to what the login began with, and `before` happens before its end. */
  readonly login: (
    name: string,
    change?: Partial<BegunLogin>,
    before?: () => Promise<void>,
  ) => Promise<string>;
}

async function scene(
  test: TestContext,
  settings: Partial<CodeFlowSettings> = {},
  options: Partial<LoginProviderOptions> = {},
): Promise<Scene> {
  const client = { clientId: 'lineage:page', clientSecret: SECRET, redirectUri: REDIRECT };
  const provider = await LoginProvider.start({ ...client, ...options });
  test.after(() => provider.stop());
  const flow = new CodeFlow({
    ...client,
    issuer: provider.issuer,
    algorithms: ['RS256'],
    caFile: undefined,
    scopes: ['openid', 'profile', 'email'],
    clockSkewMs: 30_000,
    usersClaim: 'preferred_username',
    users: ['ana'],
    ...settings,
  });
  const login: Scene['login'] = async (name, change = {}, before = () => Promise.resolve()) => {
    const begun = await flow.begin();
    assert.ok('begun' in begun);
    const { searchParams } = await provider.signIn(begun.url, name);
    await before();
    const found = await flow.finish(searchParams, { ...begun.begun, ...change });
    if ('user' in found) return found.user;
    const code = searchParams.get('code') ?? '-';
    for (const secret of [SECRET, code, begun.begun.verifier]) assert.ok(!found.detail.includes(secret));
    return `${found.failure}: ${found.detail}`;
  };
  return { provider, login };
}

suite('a login at a provider', () => {
  test('is of the person who has signed in, with what it began with', async (t) => {
    const { login } = await scene(t);
    assert.equal(await login('ana'), 'ana');
    assert.match(await login('ana', { nonce: 'another' }), /^wrong: .*"nonce"/);
    assert.match(await login('ana', { state: 'another' }), /^wrong: .*"state"/);
    assert.match(await login('ana', { verifier: 'v'.repeat(43) }), /^expired: .*invalid_grant/);
  });

  test('is refused if no key of the provider has signed the ID token', async (t) => {
    const { login } = await scene(t, {}, { foreignKeys: true });
    assert.match(await login('ana'), /^wrong: signature verification failed/);
  });

  test('is refused for another algorithm than those of the settings', async (t) => {
    const { login } = await scene(t, { algorithms: ['ES256'] });
    assert.match(await login('ana'), /^wrong: .*"alg"/);
  });

  test('is refused with a wrong secret', async (t) => {
    const { login } = await scene(t, { clientSecret: 'wrong' });
    assert.match(await login('ana'), /^wrong: /);
  });

  test('lets in by a claim that is a text or a list', async (t) => {
    const groups = await scene(t, { usersClaim: 'groups', users: ['none', 'group-of-a*'] });
    assert.equal(await groups.login('ana'), 'ana');
    assert.match(await groups.login('bob'), /^not-allowed: "bob" is none of/);
    const absent = await scene(t, { usersClaim: 'roles', users: ['a*', 'b*'] });
    assert.match(await absent.login('ana'), /^not-allowed/);
    const all = await scene(t, { usersClaim: 'roles', users: ['*'] });
    assert.equal(await all.login('eve'), 'eve');
  });

  test('lets in by an address only if it is verified', async (t) => {
    const { login } = await scene(t, { usersClaim: 'email', users: ['*@example.com'] });
    assert.equal(await login('ana'), 'ana');
    assert.match(await login(UNVERIFIED), /^not-allowed/);
  });

  test('fails if the provider cannot be reached at its end', async (t) => {
    const { login, provider } = await scene(t);
    const failed = await login('ana', {}, () => provider.stop());
    assert.match(failed, /^unavailable: .*ECONNREFUSED/);
  });
});
