// A real identity provider for tests (npm's oidc-provider): issues JWT access tokens for client credentials, and publishes its keys.
import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import Provider, { type Configuration, type JWK } from 'oidc-provider';
import type { Certificate } from './certificates.ts';
import { freePorts } from './kafka/ports.ts';

export interface OidcServerOptions {
  /** The clients that may request tokens. A token's `sub` and `client_id` are the id of its client. */
  readonly clients: readonly OidcClient[];
  /** `aud` of the tokens. */
  readonly audience: string;
  /** Lifetime of a token in seconds, by default 600. */
  readonly lifetimeS?: number;
  /** Scopes that may be asked for; none by default. */
  readonly scopes?: readonly string[];
  /** More claims for each token. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Algorithm of the signatures, by default RS256. */
  readonly algorithm?: SigningAlgorithm;
  /** With a certificate the same server is available over TLS, too. */
  readonly certificate?: Certificate;
}

export type SigningAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

export interface OidcClient {
  readonly id: string;
  readonly secret: string;
  /** How it shows who it is; by default the secret in the header. */
  readonly authentication?: 'client_secret_post' | 'private_key_jwt';
  /** For `private_key_jwt`, with `kid` and `alg`. */
  readonly publicKey?: JWK;
}

/** Starts one on free ports of 127.0.0.1. */
export async function startOidcServer(options: OidcServerOptions): Promise<OidcServer> {
  const [port = 0, securePort = 0] = await freePorts(2);
  const server = new OidcServer(options, port, securePort);
  await server.comeBack();
  return server;
}

export class OidcServer {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
  /** The token endpoint over TLS, where there is a certificate. */
  readonly secureTokenEndpoint: string;
  /** Requests for tokens so far, refused ones among them. */
  tokenRequests = 0;
  /** Requests for its keys so far. */
  keyRequests = 0;
  readonly #options: OidcServerOptions;
  readonly #ports: readonly [number, number];
  #keys: JWK[];
  #handle: RequestListener;
  #servers: Server[] = [];

  constructor(options: OidcServerOptions, port: number, securePort: number) {
    this.#options = options;
    this.#keys = [newKey(options.algorithm)];
    this.#ports = [port, securePort];
    this.issuer = `http://127.0.0.1:${port}`;
    this.tokenEndpoint = `${this.issuer}/token`;
    this.jwksUri = `${this.issuer}/jwks`;
    this.secureTokenEndpoint = `https://127.0.0.1:${securePort}/token`;
    this.#handle = this.#provider();
  }

  /** Signs with a new key from now on. Forgets the old keys, unless they are kept for the tokens that they have signed. */
  rotateKeys(old: 'forget' | 'keep' = 'forget'): void {
    this.#keys = [newKey(this.#options.algorithm), ...(old === 'keep' ? this.#keys : [])];
    this.#handle = this.#provider();
  }

  /** Forgets all keys except the one that it signs with. */
  forgetOldKeys(): void {
    this.#keys = this.#keys.slice(0, 1);
    this.#handle = this.#provider();
  }

  /** Listens, also after a stop. */
  async comeBack(): Promise<void> {
    const handle: RequestListener = (request, response) => {
      if (request.url === '/token') this.tokenRequests += 1;
      if (request.url === '/jwks') this.keyRequests += 1;
      this.#handle(request, response);
    };
    const { certificate } = this.#options;
    const [port, securePort] = this.#ports;
    const plain = createServer(handle).listen(port, '127.0.0.1');
    this.#servers = [plain];
    await once(plain, 'listening');
    if (!certificate) return;
    const secure = createSecureServer({ cert: certificate.pem, key: certificate.keyPem }, handle);
    this.#servers.push(secure);
    await once(secure.listen(securePort, '127.0.0.1'), 'listening');
  }

  /** Closes its ports: connections are refused. */
  async goAway(): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        server.close();
        server.closeAllConnections();
        if (server.listening) await once(server, 'close');
      }),
    );
    this.#servers = [];
  }

  async stop(): Promise<void> {
    await this.goAway();
  }

  /** Requests a token as a client does, with a scope if one is given. */
  async token({ id, secret }: OidcClient, scope?: string): Promise<string> {
    const credentials = [id, secret].map(formEncoded).join(':');
    const response = await fetch(this.tokenEndpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(credentials)}`, connection: 'close' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
    });
    const answer: unknown = await response.json();
    if (typeof answer === 'object' && answer !== null && 'access_token' in answer)
      return String(answer.access_token);
    throw new Error(`no token: ${JSON.stringify(answer)}`);
  }

  #provider(): RequestListener {
    const {
      clients,
      audience,
      lifetimeS = 600,
      scopes = [],
      claims = {},
      algorithm = 'RS256',
    } = this.#options;
    const configuration: Configuration = {
      jwks: { keys: this.#keys },
      cookies: { keys: [randomUUID()] },
      clients: clients.map(({ id, secret, authentication, publicKey }) => ({
        client_id: id,
        client_secret: secret,
        grant_types: ['client_credentials'],
        ...(authentication && { token_endpoint_auth_method: authentication }),
        ...(publicKey && { jwks: { keys: [publicKey] } }),
        // The package requires an algorithm with a key here, although it issues no ID token.
        id_token_signed_response_alg: algorithm,
        redirect_uris: [],
        response_types: [],
      })),
      scopes: [...scopes],
      ttl: { ClientCredentials: lifetimeS },
      extraTokenClaims: () => claims,
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          // A token is a JWT only when it is for a resource, named by a URI. Its audience may be any word.
          defaultResource: () => 'urn:http2kafka:tests',
          getResourceServerInfo: () => ({
            scope: scopes.join(' '),
            audience,
            accessTokenFormat: 'jwt',
            accessTokenTTL: lifetimeS,
            jwt: { sign: { alg: algorithm } },
          }),
        },
      },
    };
    const handle = new Provider(this.issuer, configuration).callback();
    return (request, response) => void handle(request, response);
  }
}

/** RFC 6749, section 2.3.1: id and secret are encoded as in a form, so that the id may contain a colon. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

function newKey(alg: SigningAlgorithm = 'RS256'): JWK {
  const { kty, privateKey } = newKeyPair(alg);
  return { ...privateKey.export({ format: 'jwk' }), kty, use: 'sig', alg, kid: randomUUID() };
}

function newKeyPair(alg: SigningAlgorithm): { kty: string; privateKey: KeyObject } {
  if (alg === 'ES256') return { kty: 'EC', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
  if (alg === 'EdDSA') return { kty: 'OKP', ...generateKeyPairSync('ed25519') };
  return { kty: 'RSA', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}
