/** The JSON documents of an OpenID provider: its description, found at its issuer, and the key set that the description names. */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { errorCode, errorText } from '../../support/error-text.ts';
import type { EgressProxies } from '../../support/egress-proxy.ts';
import { AnswerTooLargeError, ProxyError, sendRequest } from '../../support/http-client.ts';

/** Bytes of a document. Google's key set has 2 KiB, a large one of Keycloak 20. */
const MAX_BYTES = 1024 * 1024;

const Description = Type.Object({ issuer: Type.String(), jwks_uri: Type.String() });

/** What a login needs of the description (Discovery §3, RFC 9207 §3). */
const LoginDescription = Type.Object({
  issuer: Type.String(),
  jwks_uri: Type.String(),
  authorization_endpoint: Type.String(),
  token_endpoint: Type.String(),
  userinfo_endpoint: Type.Optional(Type.String()),
  token_endpoint_auth_methods_supported: Type.Optional(Type.Array(Type.String())),
  authorization_response_iss_parameter_supported: Type.Optional(Type.Boolean()),
});
export type LoginDescription = Type.Static<typeof LoginDescription>;

/** How the provider's documents are read. */
export interface DocumentAccess {
  /** The certificates to trust in place of the system's (PEM). */
  readonly ca: string | undefined;
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  /** The HTTP proxies of the environment. */
  readonly proxies: EgressProxies | undefined;
}

/** Why the proxy has no document. */
export class DocumentError extends Error {
  /** The status of the answer, if there was one. */
  readonly status: number | undefined;
  /** More, for the log only: it may name an address. */
  readonly detail: string;

  /** `message` follows the words "the OpenID provider" and names no address. */
  constructor(message: string, detail = '', status?: number) {
    super(message);
    this.detail = detail;
    this.status = status;
  }
}

/**
 * The provider's key set, not yet checked. `ca` is the certificates to trust in place of the system's (PEM). `signal` aborts when the
 * time is over. `proxies` are those of the environment.
 * @throws {DocumentError}
 */
export async function readKeySet(
  issuer: string,
  ca: string | undefined,
  signal: AbortSignal,
  proxies?: EgressProxies,
): Promise<unknown> {
  const access = { ca, signal, proxies };
  const description = await readDescription(issuer, (url) => readDocument(url, access));
  if (!Value.Check(Description, description)) throw new DocumentError(NO_DESCRIPTION);
  checkIssuer(description.issuer, issuer, 'auth.oidc.issuer');
  return readKeysAt(description.jwks_uri, issuer, access);
}

/**
 * The part of the provider's description that a login needs. `setting` names the issuer for messages.
 * @throws {DocumentError}
 */
export async function readLoginDescription(
  issuer: string,
  setting: string,
  access: DocumentAccess,
): Promise<LoginDescription> {
  const description = await readDescription(issuer, (url) => readDocument(url, access));
  if (!Value.Check(LoginDescription, description)) throw new DocumentError(NO_DESCRIPTION);
  checkIssuer(description.issuer, issuer, setting);
  const { authorization_endpoint: login, token_endpoint: token, userinfo_endpoint: user } = description;
  for (const endpoint of [login, token, ...(user === undefined ? [] : [user])]) {
    secureUrl(endpoint, issuer, 'has an endpoint');
  }
  return description;
}

/**
 * The key set at the address that the description of `issuer` names, not yet checked.
 * @throws {DocumentError}
 */
export async function readKeysAt(address: string, issuer: string, access: DocumentAccess): Promise<unknown> {
  return readDocument(secureUrl(address, issuer, 'has its keys'), access);
}

/** OpenID Connect Discovery 1.0 §4, else RFC 8414 §3. */
async function readDescription(issuer: string, read: (url: URL) => Promise<unknown>): Promise<unknown> {
  // Discovery §4.1: a terminating slash is removed.
  const { origin, pathname } = new URL(issuer.replace(/\/$/, ''));
  const path = pathname.replace(/\/$/, '');
  try {
    return await read(new URL(`${origin}${path}/.well-known/openid-configuration`));
  } catch (error) {
    if (!(error instanceof DocumentError) || error.status !== 404) throw error;
    return read(new URL(`${origin}/.well-known/oauth-authorization-server${path}`));
  }
}

const NO_DESCRIPTION = 'answers with something that is not its description';

/** Discovery §4.3: "MUST exactly match". Otherwise an attacker could pass off other keys as this issuer's. */
function checkIssuer(found: string, issuer: string, setting: string): void {
  if (found !== issuer)
    throw new DocumentError(`gives another issuer than ${setting}`, `it says ${found.slice(0, 500)}`);
}

/** What is sent without TLS can be replaced on the way, unless both ends are on this machine: see the rules for issuers. */
function secureUrl(address: string, issuer: string, what: string): URL {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== 'https:' && url.origin !== new URL(issuer).origin))
    throw new DocumentError(`${what} at an address that is not https`, address.slice(0, 500));
  return url;
}

/** A redirect is refused: the provider's documents count at its own address only. */
async function readDocument(url: URL, { ca, signal, proxies }: DocumentAccess): Promise<unknown> {
  const proxy = proxies?.proxyFor(url);
  const way = proxy ? `${url.href} through the HTTP proxy ${proxy.name}` : url.href;
  try {
    const headers = { accept: 'application/json', 'user-agent': 'http2kafka' };
    const answer = await sendRequest(url, { method: 'GET', headers, ca, signal, proxy });
    const { status } = answer;
    if (status !== 200) {
      answer.discard();
      throw new DocumentError(statusProblem(status), '', status);
    }
    return parse(await answer.read(MAX_BYTES), url);
  } catch (error) {
    if (error instanceof DocumentError) throw error;
    if (signal.aborted) throw new DocumentError('does not answer in time', way);
    throw new DocumentError(requestProblem(error), `${way}: ${errorText(error)}`);
  }
}

function statusProblem(status: number): string {
  const isRedirect = status >= 300 && status < 400;
  return isRedirect ? 'redirects elsewhere, which is not followed' : `answers with status ${status}`;
}

function parse(body: Buffer, url: URL): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new DocumentError('answers with something that is not JSON', url.href);
  }
}

function requestProblem(error: unknown): string {
  if (error instanceof ProxyError) return `cannot be reached: ${error.problem}`;
  if (error instanceof AnswerTooLargeError) return `answers with more than ${MAX_BYTES} bytes`;
  // OpenSSL's codes for a chain that does not end at an authority, has expired, or is for another host.
  const isUntrusted = /CERT|SIGNATURE|ISSUER|ALTNAME/.test(errorCode(error) ?? '');
  return isUntrusted ? 'shows a certificate that is not trusted' : 'cannot be reached';
}
