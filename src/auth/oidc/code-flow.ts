/**
 * Lets people log in at an OpenID provider: the authorization code flow (RFC 6749 §4.1, OpenID Connect Core 1.0 §3.1) with PKCE
 * (RFC 7636), state and nonce. It ends with a name, or with the reason why there is none. Tokens are used once and not kept.
 */
import { readFile } from 'node:fs/promises';
import { decodeProtectedHeader, errors, type JWTPayload } from 'jose';
import * as oauth from 'oauth4webapi';
import { errorCode, errorText } from '../../support/error-text.ts';
import { basicCredentials, fetchOnce, secretForms } from '../../support/http-client.ts';
import { matcherOf, type Matcher } from '../pattern.ts';
import { isSenderName } from '../sender-name.ts';
import { OidcKeys, verifyWith } from './oidc-keys.ts';
import type { ProviderSettings } from './oidc-provider.ts';
import {
  DocumentError,
  readKeysAt,
  readLoginDescription,
  type DocumentAccess,
  type LoginDescription,
} from './provider-documents.ts';

export interface CodeFlowSettings extends ProviderSettings {
  readonly clientId: string;
  /** Undefined for a public client, which PKCE protects alone. */
  readonly clientSecret: string | undefined;
  /** As it is registered with the provider, to the letter. */
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly clockSkewMs: number;
  /** The claim that decides who is let in. Its value is a text or a list of texts. */
  readonly usersClaim: string;
  /** Patterns. `*` lets in every account of the provider. */
  readonly users: readonly string[];
}

/** What a login remembers from its begin to its end. */
export interface BegunLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly description: LoginDescription;
}

/** Why nobody is logged in. */
export interface FailedLogin {
  readonly failure:
    /** The user, or the provider for the user, has said no. */
    | 'denied'
    | 'not-allowed'
    /** The provider does not answer. */
    | 'unavailable'
    /** The code is not valid any more. */
    | 'expired'
    /** Something does not fit: the log says what. */
    | 'wrong';
  /** For the log. It has no code, token or secret. */
  readonly detail: string;
}

/** The setting of the issuer, for messages. */
const ISSUER = 'server.page.oidc.issuer';

/** Milliseconds for all that the provider is asked at one step of a login. A person waits. */
const ANSWER_MS = 8000;

/** Milliseconds for which the provider's description holds, and for which a failure to read it does. */
const HOLDS_MS = 300_000;
const FAILED_MS = 1000;

/** Bytes of an answer. Tokens with many groups in them have about 20,000. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** The claims that name a person; the first one that can be a name is shown. */
const NAME_CLAIMS = ['preferred_username', 'email', 'name', 'sub'];

type Claims = Readonly<Record<string, unknown>>;

/** The logins of one provider. It is asked only when someone logs in. */
export class CodeFlow {
  readonly #settings: CodeFlowSettings;
  readonly #matchers: readonly Matcher[];
  #description: Promise<LoginDescription> | undefined;
  #describedUntil = 0;

  constructor(settings: CodeFlowSettings) {
    this.#settings = settings;
    this.#matchers = settings.users.map(matcherOf);
  }

  /** Begins a login: the browser has to go to `url`. Never rejects. */
  async begin(): Promise<{ readonly url: string; readonly begun: BegunLogin } | FailedLogin> {
    const { clientId, redirectUri, scopes } = this.#settings;
    try {
      const description = await this.#describe();
      const begun = {
        state: oauth.generateRandomState(),
        nonce: oauth.generateRandomNonce(),
        verifier: oauth.generateRandomCodeVerifier(),
        description,
      };
      const url = new URL(description.authorization_endpoint);
      for (const [name, value] of [
        ['response_type', 'code'],
        ['client_id', clientId],
        ['redirect_uri', redirectUri],
        ['scope', scopes.join(' ')],
        ['state', begun.state],
        ['nonce', begun.nonce],
        ['code_challenge', await oauth.calculatePKCECodeChallenge(begun.verifier)],
        ['code_challenge_method', 'S256'],
      ] as const) {
        url.searchParams.set(name, value);
      }
      return { url: url.href, begun };
    } catch (error) {
      return failureOf(error, []);
    }
  }

  /**
   * Ends a login: exchanges the code in the query of the redirect for tokens, and checks who they are of. The caller has
   * made sure that the browser is the one that has begun it. Never rejects.
   */
  async finish(query: URLSearchParams, begun: BegunLogin): Promise<{ readonly user: string } | FailedLogin> {
    const { clientId, clientSecret } = this.#settings;
    const secrets = [begun.verifier, query.get('code') ?? '', ...secretForms(clientId, clientSecret ?? '')];
    try {
      const claims = await this.#claims(query, begun);
      const user = NAME_CLAIMS.map((name) => claims[name]).find(isSenderName);
      if (user === undefined) return { failure: 'wrong', detail: 'no claim can be a name' };
      if (this.#isAllowed(claims)) return { user };
      return { failure: 'not-allowed', detail: `"${user}" is none of server.page.oidc.users` };
    } catch (error) {
      return failureOf(error, secrets);
    }
  }

  async #claims(
    query: URLSearchParams,
    { state, nonce, verifier, description }: BegunLogin,
  ): Promise<Claims> {
    const { algorithms, clientId, clockSkewMs, redirectUri, usersClaim, users } = this.#settings;
    const server: oauth.AuthorizationServer = {
      ...description,
      // The settings decide, never the provider or the token.
      id_token_signing_alg_values_supported: [...algorithms],
    };
    const client: oauth.Client = { client_id: clientId, [oauth.clockTolerance]: clockSkewMs / 1000 };
    const access = await this.#access();
    const limits = { ...access, maxBytes: MAX_ANSWER_BYTES };
    const options = {
      [oauth.customFetch]: (url: string, request: Parameters<typeof fetchOnce>[1]) =>
        fetchOnce(url, request, limits),
      // A rule allows http for an issuer on this machine only, and the endpoints are checked against their issuer.
      // eslint-disable-next-line @typescript-eslint/no-deprecated
      [oauth.allowInsecureRequests]: true,
    };
    const answered = oauth.validateAuthResponse(server, client, query, state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      this.#authentication(description),
      answered,
      redirectUri,
      verifier,
      options,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    });
    const claims = await this.#verified(tokens.id_token ?? '', description, access);
    // Core §5.4: by default, claims of a person are in the answer of this endpoint. Most providers put them into the ID token, too.
    const isMissing = claims[usersClaim] === undefined && !users.includes('*');
    if (!isMissing || description.userinfo_endpoint === undefined) return claims;
    const asked = await oauth.userInfoRequest(server, client, tokens.access_token, options);
    return {
      ...(await oauth.processUserInfoResponse(server, client, claims.sub ?? '', asked)),
      ...claims,
    };
  }

  /**
   * The claims of an ID token whose signature fits a key of the provider. Core §3.1.3.7 lets TLS take the place of the signature.
   * The proxy checks both: it also takes providers behind an HTTP proxy that ends TLS.
   */
  async #verified(
    token: string,
    { jwks_uri: address }: LoginDescription,
    access: DocumentAccess,
  ): Promise<JWTPayload> {
    const { issuer, algorithms, clientId, clockSkewMs } = this.#settings;
    const keys = await OidcKeys.of(await readKeysAt(address, issuer, access), algorithms);
    if (!keys) throw new DocumentError('answers with something that is not a key set');
    const { alg = '', kid } = decodeProtectedHeader(token);
    const rules = {
      issuer,
      audience: clientId,
      algorithms: [...algorithms],
      clockTolerance: clockSkewMs / 1000,
      requiredClaims: ['exp', 'sub'],
    };
    const matching = keys.matching(alg, kid);
    const verified = await verifyWith(matching, token, rules);
    if (verified) return verified.payload;
    throw matching.length === 0
      ? new errors.JWKSNoMatchingKey()
      : new errors.JWSSignatureVerificationFailed();
  }

  #isAllowed(claims: Claims): boolean {
    const { usersClaim, users } = this.#settings;
    if (users.includes('*')) return true;
    // People can write any address that is not verified into their account.
    if (usersClaim === 'email' && claims['email_verified'] !== true) return false;
    const value = claims[usersClaim];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.some((one) => typeof one === 'string' && this.#matchers.some((matches) => matches(one)));
  }

  /** RFC 6749 §2.3.1: the header is the form that every provider must take. */
  #authentication({ token_endpoint_auth_methods_supported: methods }: LoginDescription): oauth.ClientAuth {
    const { clientId, clientSecret } = this.#settings;
    if (clientSecret === undefined) return oauth.None();
    const takesHeader = methods?.includes('client_secret_basic') ?? true;
    if (!takesHeader && methods?.includes('client_secret_post') === true) {
      return oauth.ClientSecretPost(clientSecret);
    }
    return (_server, _client, _body, headers) =>
      headers.set('authorization', `Basic ${basicCredentials(clientId, clientSecret)}`);
  }

  /** Logins that begin at once cost the provider one request: every client can begin one. */
  #describe(): Promise<LoginDescription> {
    if (this.#description !== undefined && performance.now() < this.#describedUntil) return this.#description;
    const { issuer } = this.#settings;
    const holds = (forMs: number) => () => (this.#describedUntil = performance.now() + forMs);
    this.#describedUntil = Number.POSITIVE_INFINITY;
    const description = this.#access().then((access) => readLoginDescription(issuer, ISSUER, access));
    description.then(holds(HOLDS_MS), holds(FAILED_MS));
    this.#description = description;
    return description;
  }

  async #access(): Promise<DocumentAccess> {
    const { caFile, proxies } = this.#settings;
    let ca: string | undefined;
    try {
      ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
    } catch (error) {
      throw new DocumentError('cannot be asked: server.page.oidc.ca_file cannot be read', errorText(error));
    }
    return { ca, proxies, signal: AbortSignal.timeout(ANSWER_MS) };
  }
}

/** `secrets` are removed: a provider may repeat them in its answer. */
function failureOf(error: unknown, secrets: readonly string[]): FailedLogin {
  const failed = (
    failure: FailedLogin['failure'],
    ...parts: readonly (string | undefined)[]
  ): FailedLogin => {
    const text = parts.filter((part) => part !== undefined && part !== '').join(': ');
    const redact = (so: string, secret: string) => (secret === '' ? so : so.replaceAll(secret, '*****'));
    return { failure, detail: secrets.reduce(redact, text).slice(0, 500) };
  };
  if (error instanceof DocumentError) {
    return failed('unavailable', `the OpenID provider ${error.message}`, error.detail);
  }
  if (error instanceof oauth.AuthorizationResponseError) {
    const isDenied = error.error === 'access_denied';
    return failed(
      isDenied ? 'denied' : 'wrong',
      'the OpenID provider says',
      error.error,
      error.error_description,
    );
  }
  if (error instanceof oauth.ResponseBodyError) {
    const isExpired = error.error === 'invalid_grant';
    const said = [error.error, error.error_description] as const;
    return failed(isExpired ? 'expired' : 'wrong', 'the token endpoint says', ...said);
  }
  if (!(error instanceof Error)) return failed('unavailable', errorText(error));
  const { cause } = error;
  const status = cause instanceof Response ? cause.status : undefined;
  if (status !== undefined) {
    return failed(status >= 500 ? 'unavailable' : 'wrong', error.message, `status ${status}`);
  }
  // What the library, or jose, finds wrong has a code of its own. All else is of the network.
  const isWrong = /^(?:OAUTH|ERR_J)/.test(errorCode(error) ?? '');
  return failed(isWrong ? 'wrong' : 'unavailable', error.message);
}
