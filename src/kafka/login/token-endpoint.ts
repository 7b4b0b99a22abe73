/**
 * Requests a token from a token endpoint, by client credentials (RFC 6749, 4.4) or by an assertion (RFC 7523, 2.1), and explains
 * failures to an operator.
 */
import { readFile } from 'node:fs/promises';
import { errorCode } from '../../support/error-text.ts';
import type { EgressProxies } from '../../support/egress-proxy.ts';
import { basicCredentials, fetchOnce, ProxyError, secretForms } from '../../support/http-client.ts';
import { assertionOf, type AssertionSettings } from './assertion.ts';
import { BrokerError, causesOf, certificateProblem, textOf } from '../broker-error.ts';
import type { IssuedToken } from './token-source.ts';

/** How the proxy shows to the endpoint who it is. The names are those of OpenID Connect Core 1.0, 9. */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none';

export interface TokenEndpointSettings {
  readonly tokenEndpoint: string | undefined;
  /** By default `client_credentials`. */
  readonly grant?: 'client_credentials' | 'jwt_bearer' | undefined;
  /** By default `client_secret_basic`, or `none` if there is no client secret. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
  /** For `private_key_jwt` and the grant `jwt_bearer`. */
  readonly assertion?: AssertionSettings | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly scope: string | undefined;
  readonly audience: string | undefined;
  /** Certificates (PEM) to trust in place of the system's. */
  readonly caFile: string | undefined;
  /** The HTTP proxies on the way to it. Without them it is asked itself. */
  readonly proxies?: EgressProxies | undefined;
}

const GRANT_TYPES = {
  client_credentials: 'client_credentials',
  jwt_bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const;

/** RFC 7523, 2.2. */
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Milliseconds for the whole answer of the token endpoint. */
const TIMEOUT_MS = 10_000;

export const NO_ANSWER = 'the token endpoint does not answer (kafka.security.oauth.token_endpoint)';

/** Bytes of an answer. Tokens with many groups in them have about 20,000. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Requests a token once. `now` is in milliseconds since the epoch.
 * @throws {BrokerError} which never contains the secret, an assertion or a token.
 */
export async function requestToken(settings: TokenEndpointSettings, now: number): Promise<IssuedToken> {
  // Loaded here: only a login with tokens needs it.
  const oauth = await import('oauth4webapi');
  const { tokenEndpoint = '', clientId = '', clientSecret = '', caFile } = settings;
  const grant = settings.grant ?? 'client_credentials';
  const authentication = authenticationOf(settings);
  const server = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint };
  // The library wants an id. RFC 7523 needs none: the assertion says who asks.
  const client = { client_id: clientId === '' ? 'none' : clientId };
  const secrets = secretForms(clientId, clientSecret);
  try {
    const usesAssertion = grant === 'jwt_bearer' || authentication === 'private_key_jwt';
    const assertion =
      usesAssertion && settings.assertion
        ? await assertionOf(settings.assertion, clientId, tokenEndpoint, now)
        : '';
    if (assertion !== '') secrets.push(assertion);
    const authenticate = (_server: unknown, _client: unknown, body: URLSearchParams, headers: Headers) => {
      if (authentication === 'client_secret_basic') {
        headers.set('authorization', `Basic ${basicCredentials(clientId, clientSecret)}`);
        return;
      }
      if (clientId !== '') body.set('client_id', clientId);
      if (authentication === 'client_secret_post') body.set('client_secret', clientSecret);
      if (authentication === 'private_key_jwt') {
        body.set('client_assertion_type', ASSERTION_TYPE);
        body.set('client_assertion', assertion);
      }
    };
    const { scope, audience } = settings;
    const parameters = {
      ...(grant === 'jwt_bearer' && { assertion }),
      ...(scope !== undefined && { scope }),
      ...(audience !== undefined && { audience }),
    };
    const ca = caFile === undefined ? undefined : await readFile(caFile);
    const type = GRANT_TYPES[grant];
    const { proxies } = settings;
    const limits = { ca, proxies, signal: AbortSignal.timeout(TIMEOUT_MS), maxBytes: MAX_ANSWER_BYTES };
    const response = await oauth.genericTokenEndpointRequest(server, client, authenticate, type, parameters, {
      [oauth.customFetch]: (url, options) => fetchOnce(url, options, limits),
      // The settings allow http for this machine, and elsewhere only where the operator says so.
      // The library marks the option as deprecated only as a warning.
      // eslint-disable-next-line @typescript-eslint/no-deprecated
      [oauth.allowInsecureRequests]: true,
    });
    const answer = await oauth.processGenericTokenEndpointResponse(server, client, response);
    return { token: answer.access_token, lifetimeMs: Math.max(0, (answer.expires_in ?? 0) * 1000) };
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw endpointError(error, secrets, authentication);
  }
}

/** The way that is set. Without one: by the client secret where there is one. */
function authenticationOf({
  clientAuthentication,
  clientSecret,
}: Pick<TokenEndpointSettings, 'clientAuthentication' | 'clientSecret'>): ClientAuthentication {
  return clientAuthentication ?? (clientSecret === undefined ? 'none' : 'client_secret_basic');
}

function endpointError(
  error: unknown,
  secrets: readonly string[],
  authentication: ClientAuthentication,
): BrokerError {
  const nested = [...causesOf(error)];
  const code = nested.map((one) => textOf(one, 'code')).findLast((one) => one !== undefined) ?? '';
  const status = error instanceof Error && 'status' in error ? Number(error.status) : undefined;
  const oauthError = error instanceof Error && 'error' in error ? String(error.error) : undefined;
  const description =
    error instanceof Error && 'error_description' in error ? String(error.error_description) : '';
  const reason = [
    oauthError,
    description,
    status === undefined ? undefined : `status ${status}`,
    messageOf(nested),
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
  const redacted = secrets.reduce((text, secret) => text.replaceAll(secret, '*****'), reason);
  const detail = `token endpoint: ${redacted.slice(0, 500)}`;
  const certificate = certificateProblem(code, 'the token endpoint', 'kafka.security.oauth.ca_file');
  if (certificate !== undefined) return new BrokerError(`${detail} (${code})`, certificate, true);
  if (oauthError === 'invalid_client' || oauthError === 'unauthorized_client' || status === 401) {
    const credential = authentication === 'private_key_jwt' ? 'assertion' : 'client_secret';
    const problem = `the token endpoint refuses the proxy (kafka.security.oauth.client_id, kafka.security.oauth.${credential})`;
    return new BrokerError(detail, problem, true);
  }
  if (oauthError !== undefined) {
    // The error codes of RFC 6749, 5.2 have no other characters.
    const word = oauthError.replace(/[^\w-]/g, '').slice(0, 40);
    return new BrokerError(detail, `the token endpoint gives no token: ${word} (kafka.security.oauth)`, true);
  }
  const proxyError = nested.find((one) => one instanceof ProxyError);
  if (proxyError) {
    return new BrokerError(detail, `the token endpoint cannot be reached: ${proxyError.problem}`, true);
  }
  return new BrokerError(detail, noTokenProblem(error), true);
}

function messageOf(nested: readonly unknown[]): string {
  const last = nested.findLast((one) => one instanceof Error);
  return last instanceof Error ? last.message : '';
}

function noTokenProblem(error: unknown): string {
  // oauth4webapi's codes for an answer that it cannot use.
  return errorCode(error)?.startsWith('OAUTH_') === true
    ? 'the token endpoint answers with something that is no token (kafka.security.oauth.token_endpoint)'
    : NO_ANSWER;
}
