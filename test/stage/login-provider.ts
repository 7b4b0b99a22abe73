/** A real identity provider where people log in (npm's oidc-provider), with a form of one field: the name of the account. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import Provider, { type Configuration, type JWK } from 'oidc-provider';
import { freePorts } from '../../tools/kafka/ports.ts';

export interface LoginProviderOptions {
  readonly clientId: string;
  /** Without it the client is public. */
  readonly clientSecret?: string;
  readonly redirectUri: string;
  /** Claims only of the UserInfo endpoint, as OpenID Connect Core §5.4 has it. By default they are in the ID token, too. */
  readonly onlyUserInfo?: boolean;
  /** Its key set has another key than that which signs. */
  readonly foreignKeys?: boolean;
}

/** The name in the form that stands for a person who cancels. */
export const CANCELS = 'cancels';

/** The account with an e-mail address that no one has verified. */
export const UNVERIFIED = 'unverified';

export class LoginProvider {
  readonly issuer: string;
  /** Requests for tokens so far. */
  tokenRequests = 0;
  readonly #port: number;
  readonly #provider: Provider;
  readonly #keySet: string | undefined;
  readonly #handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  #server: Server | undefined;

  private constructor(options: LoginProviderOptions, port: number) {
    this.#port = port;
    // For a browser another site than 127.0.0.1, where the proxy is.
    this.issuer = `http://localhost:${port}`;
    this.#keySet = options.foreignKeys === true ? JSON.stringify({ keys: [newKey('public')] }) : undefined;
    this.#provider = new Provider(this.issuer, configurationOf(options));
    this.#handle = this.#provider.callback();
  }

  /** Starts one on a free port of 127.0.0.1. */
  static async start(options: LoginProviderOptions): Promise<LoginProvider> {
    const [port = 0] = await freePorts(1);
    const provider = new LoginProvider(options, port);
    await provider.comeBack();
    return provider;
  }

  /** Listens, also after a stop. */
  async comeBack(): Promise<void> {
    this.#server = createServer((request, response) => {
      if (request.url === '/token') this.tokenRequests += 1;
      if (request.url === '/jwks' && this.#keySet !== undefined) {
        response.end(this.#keySet);
        return;
      }
      const isForm = request.url?.startsWith('/interaction/') === true;
      (isForm ? this.#interact(request, response) : this.#handle(request, response)).catch(() =>
        response.destroy(),
      );
    });
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening');
  }

  /** Closes its port: connections are refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  /** Signs in with the form that `url` leads to. Returns the redirect back to the client. */
  async signIn(url: string, name: string): Promise<URL> {
    const cookies = new Map<string, string>();
    let next = new URL(url);
    let body: URLSearchParams | undefined;
    while (next.origin === this.issuer) {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
      const answer = await fetch(next, {
        redirect: 'manual',
        headers: { cookie },
        ...(body && { method: 'POST', body }),
      });
      for (const set of answer.headers.getSetCookie()) {
        const [, key = '', value = ''] = /^([^=]*)=([^;]*)/.exec(set) ?? [];
        cookies.set(key, value);
      }
      const shown = await answer.text();
      const lead = answer.headers.get('location');
      if (lead === null && !shown.includes('Sign in')) throw new Error(`no form: ${shown}`);
      body = lead === null ? new URLSearchParams({ name }) : undefined;
      next = new URL(lead ?? next, next);
    }
    return next;
  }

  async #interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') {
      response.setHeader('content-type', 'text/html');
      response.end(
        '<!doctype html><title>Provider</title><form method="post"><label>Account <input name="name"></label><button>Sign in</button></form>',
      );
      return;
    }
    const name = new URLSearchParams(await text(request)).get('name') ?? '';
    const result = name === CANCELS ? { error: 'access_denied' } : { login: { accountId: name } };
    await this.#provider.interactionFinished(request, response, result);
  }
}

function configurationOf(options: LoginProviderOptions): Configuration {
  const { clientId, clientSecret, redirectUri, onlyUserInfo = false } = options;
  return {
    jwks: { keys: [newKey('private')] },
    cookies: { keys: [randomUUID()] },
    clients: [
      {
        client_id: clientId,
        ...(clientSecret === undefined
          ? { token_endpoint_auth_method: 'none' }
          : { client_secret: clientSecret }),
        redirect_uris: [redirectUri],
      },
    ],
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'groups'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: onlyUserInfo,
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        preferred_username: sub,
        groups: ['all', `group-of-${sub}`],
        email: `${sub}@example.com`,
        email_verified: sub !== UNVERIFIED,
      }),
    }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    // No one is asked for consent.
    loadExistingGrant: async ({ oidc }) => {
      const { client, session, provider } = oidc;
      const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  };
}

function newKey(part: 'public' | 'private'): JWK {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = part === 'public' ? publicKey : privateKey;
  return { ...key.export({ format: 'jwk' }), kty: 'RSA', use: 'sig', alg: 'RS256', kid: 'one' };
}
