/** A real identity provider where people log in (npm's oidc-provider), with a form of one field: the name of the account. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import Provider, { type Configuration } from 'oidc-provider';
import { freePorts } from '../../tools/kafka/ports.ts';

export interface LoginProviderOptions {
  readonly clientId: string;
  /** Without it the client is public. */
  readonly clientSecret?: string;
  readonly redirectUri: string;
  /** Claims only of the UserInfo endpoint, as OpenID Connect Core §5.4 has it. By default they are in the ID token, too. */
  readonly onlyUserInfo?: boolean;
}

/** The name in the form that stands for a person who cancels. */
export const CANCELS = 'cancels';

export class LoginProvider {
  readonly issuer: string;
  /** Requests for tokens so far. */
  tokenRequests = 0;
  readonly #port: number;
  readonly #provider: Provider;
  readonly #handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  #server: Server | undefined;

  private constructor(options: LoginProviderOptions, port: number) {
    this.#port = port;
    // For a browser another site than 127.0.0.1, where the proxy is.
    this.issuer = `http://localhost:${port}`;
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
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: 'jwk' }), kty: 'RSA', use: 'sig', alg: 'RS256', kid: 'one' };
  return {
    jwks: { keys: [key] },
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
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: onlyUserInfo,
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: sub, groups: [`group-of-${sub}`] }),
    }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    // No one is asked for consent.
    loadExistingGrant: async ({ oidc }) => {
      const { client, session, provider } = oidc;
      const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
  };
}
