/** Logins to the page at a real OpenID provider, over HTTP, before a real proxy. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../../tools/kafka/ports.ts';
import { CANCELS, LoginProvider, type LoginProviderOptions } from '../../stage/login-provider.ts';
import { logged } from '../../stage/log-lines.ts';
import { Stage } from '../../stage/stage.ts';
import type { StagedProxy } from '../../stage/staged-proxy.ts';

const CLIENT = { clientId: 'page', clientSecret: 'a+secret/of the page' };

interface Shown {
  readonly status: number;
  readonly text: string;
  /** Where it leads to; undefined if it is shown. */
  readonly location: string | undefined;
}

/** A browser on a machine of its own. It keeps the cookies of the proxy. */
class Browser {
  static #last = 0;
  readonly #address = `192.0.2.${++Browser.#last}`;
  readonly #cookies = new Map<string, string>();

  async open(url: string | URL, body?: URLSearchParams): Promise<Shown> {
    const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { accept: 'text/html', 'x-forwarded-for': this.#address, cookie };
    const answer = await fetch(url, { redirect: 'manual', headers, ...(body && { method: 'POST', body }) });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(set) ?? [];
      this.#cookies.set(name, value);
    }
    const location = answer.headers.get('location') ?? undefined;
    return { status: answer.status, text: await answer.text(), location };
  }

  /** Begins a login, and signs in at the provider. Returns the redirect back to the proxy. */
  async signIn(proxy: StagedProxy, provider: LoginProvider, name: string): Promise<URL> {
    const { location = '' } = await this.open(`${proxy.url}/page/oidc`);
    return provider.signIn(location, name);
  }

  async login(proxy: StagedProxy, provider: LoginProvider, name: string): Promise<Shown> {
    return this.open(await this.signIn(proxy, provider, name));
  }

  /** Whether the proxy shows it the page. */
  async sees(proxy: StagedProxy): Promise<boolean> {
    return (await this.open(`${proxy.url}/`)).text.includes('What arrives');
  }
}

suite('a login at an OpenID provider', { timeout: 60_000 }, () => {
  const stage = new Stage();
  const providers: LoginProvider[] = [];
  let provider: LoginProvider;
  let proxy: StagedProxy;

  async function start(
    options: Partial<LoginProviderOptions>,
    settings: Readonly<Record<string, string>>,
  ): Promise<[LoginProvider, StagedProxy]> {
    const [port = 0] = await freePorts(1);
    const redirectUri = `http://127.0.0.1:${port}/page/oidc/callback`;
    const client = { clientId: CLIENT.clientId, redirectUri, ...options };
    const started = await LoginProvider.start(client);
    providers.push(started);
    const { clientSecret } = client;
    const listening = await stage.proxyWithoutKafka({
      port,
      settings: {
        SERVER__PAGE__OIDC__ISSUER: started.issuer,
        SERVER__PAGE__OIDC__CLIENT_ID: client.clientId,
        ...(clientSecret !== undefined && { SERVER__PAGE__OIDC__CLIENT_SECRET: clientSecret }),
        SERVER__PAGE__OIDC__REDIRECT_URI: redirectUri,
        SERVER__ACCESS_LOG: 'true',
        ...settings,
      },
    });
    return [started, listening];
  }

  before(async () => {
    [provider, proxy] = await start(CLIENT, { SERVER__PAGE__OIDC__USERS: 'ana,ops-*' });
  });
  after(async () => {
    await stage.stop();
    for (const one of providers) await one.stop();
  });

  test('shows the page to those of the settings; the stream ends with the logout', async () => {
    const browser = new Browser();
    const { text: form } = await browser.open(`${proxy.url}/`);
    assert.ok(form.includes(`href="${proxy.url}/page/oidc"`));
    assert.ok(!form.includes('password'));
    const { status, text } = await browser.login(proxy, provider, 'ana');
    assert.equal(status, 200, text);
    assert.match(text, /<meta http-equiv="refresh" content="0; url=\/" \/>/);
    assert.ok(await browser.sees(proxy));
    assert.ok((await browser.open(`${proxy.url}/`)).text.includes('<bdi>ana</bdi>'));
    const stream = browser.open(`${proxy.url}/page/stream`);
    await browser.open(`${proxy.url}/page/logout`, new URLSearchParams());
    assert.equal((await stream).status, 200);
    assert.ok(!(await browser.sees(proxy)));
    const { text: pattern } = await new Browser().login(proxy, provider, 'ops-7');
    assert.match(pattern, /You are logged in/);
  });

  test('is refused in plain words to all others, and logged', async () => {
    const browser = new Browser();
    const mallory = await browser.login(proxy, provider, 'mallory');
    assert.equal(mallory.status, 403);
    assert.match(mallory.text, /role="alert">Your account may not see this page/);
    assert.ok(!(await browser.sees(proxy)));
    await logged(proxy, '"mallory" is none of server.page.oidc.users');
    const cancelled = await new Browser().login(proxy, provider, CANCELS);
    assert.equal(cancelled.status, 403);
    assert.match(cancelled.text, /The login was denied or cancelled/);
    await logged(proxy, 'the OpenID provider says: access_denied');
  });

  test('ends once, and only in the browser that has begun it', async () => {
    const [browser, other] = [new Browser(), new Browser()];
    const url = await browser.signIn(proxy, provider, 'ana');
    assert.equal((await browser.open(url)).status, 200);
    const asked = provider.tokenRequests;
    // The same redirect again, in the same browser and in another one that has begun a login, too.
    await other.open(`${proxy.url}/page/oidc`);
    for (const one of [browser, other, new Browser()]) {
      const { status, text } = await one.open(url);
      assert.equal(status, 403);
      assert.match(text, /This login has expired or has ended already/);
    }
    assert.equal(provider.tokenRequests, asked);
    assert.ok(!(await other.sees(proxy)));
  });

  test('does not take a code a second time, nor a forged one', async () => {
    const browser = new Browser();
    const url = await browser.signIn(proxy, provider, 'ana');
    await browser.open(url);
    const used = url.searchParams.get('code') ?? '';
    assert.notEqual(used, '');
    for (const code of [used, 'forged']) {
      const second = new Browser();
      const { location = '' } = await second.open(`${proxy.url}/page/oidc`);
      const state = new URL(location).searchParams.get('state') ?? '';
      const query = new URLSearchParams({ code, state, iss: provider.issuer });
      const { status, text } = await second.open(`${proxy.url}/page/oidc/callback?${query.toString()}`);
      assert.equal(status, 403);
      assert.match(text, /This login has expired/);
      assert.ok(!(await second.sees(proxy)));
    }
    await logged(proxy, 'the token endpoint says: invalid_grant');
  });

  test('leaves no code, token or secret in the log', () => {
    assert.match(proxy.log, /GET \/page\/oidc\/callback|"path":"\/page\/oidc\/callback"/);
    assert.doesNotMatch(proxy.log, /code=|state=|eyJ[\w-]+\.|a\+secret/);
  });

  test('works for a public client, by a group that only the UserInfo endpoint has; the provider may be unavailable', async () => {
    const [late, open] = await start(
      { onlyUserInfo: true },
      { SERVER__PAGE__OIDC__USERS_CLAIM: 'groups', SERVER__PAGE__OIDC__USERS: 'group-of-a*' },
    );
    await late.stop();
    const { status, text } = await new Browser().open(`${open.url}/page/oidc`);
    assert.equal(status, 503);
    assert.match(text, /The provider of your account cannot be asked now/);
    await logged(open, 'No login to the page: the OpenID provider cannot be reached');
    await late.comeBack();
    const browser = new Browser();
    while ((await browser.open(`${open.url}/page/oidc`)).status === 503) await sleep(50);
    assert.equal((await browser.login(open, late, 'bob')).status, 403);
    const ana = new Browser();
    assert.equal((await ana.login(open, late, 'ana')).status, 200);
    assert.ok(await ana.sees(open));
  });
});
