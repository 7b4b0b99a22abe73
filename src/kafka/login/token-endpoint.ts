/** Asks a token endpoint for a token by client credentials (RFC 6749, 4.4), and says in words why there is none. */
import { readFile } from 'node:fs/promises';
import { request as requestPlain, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestSecure } from 'node:https';
import { BrokerError, causesOf, certificateProblem, textOf } from '../broker-error.ts';
import type { OauthSettings } from './security-settings.ts';

export interface IssuedToken {
  readonly token: string;
  /** In milliseconds since the epoch; 0 where the endpoint does not say, so that it is asked each time. */
  readonly expiresAt: number;
}

/** Milliseconds that the token endpoint may take for its whole answer. */
const TIMEOUT_MS = 10_000;

export const NO_ANSWER = 'the token endpoint does not answer (kafka.security.oauth.token_endpoint)';

/** Bytes that an answer may have; tokens with many groups in them reach some 20,000. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** Asks once. Rejects with a `BrokerError`, which never has the secret or a token in it. */
export async function requestToken(settings: OauthSettings): Promise<IssuedToken> {
  // Only who logs in with tokens needs it.
  const oauth = await import('oauth4webapi');
  const { tokenEndpoint = '', clientId = '', clientSecret = '', scope, audience, caFile } = settings;
  const server = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint };
  const client = { client_id: clientId };
  const authenticate = (_server: unknown, _client: unknown, _body: unknown, headers: Headers) => {
    headers.set('authorization', basicAuthentication(clientId, clientSecret));
  };
  const parameters = {
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
  };
  try {
    const ca = caFile === undefined ? undefined : await readFile(caFile);
    const response = await oauth.clientCredentialsGrantRequest(server, client, authenticate, parameters, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      [oauth.customFetch]: (url, options) => exchange(url, options, ca),
      // The settings take http for this machine only. The name is marked as deprecated to make people think twice.
      // eslint-disable-next-line @typescript-eslint/no-deprecated
      [oauth.allowInsecureRequests]: true,
    });
    const answer = await oauth.processClientCredentialsResponse(server, client, response);
    const lifetimeMs = (answer.expires_in ?? 0) * 1000;
    return { token: answer.access_token, expiresAt: lifetimeMs > 0 ? Date.now() + lifetimeMs : 0 };
  } catch (error) {
    throw faultOfEndpoint(error, secretForms(clientId, clientSecret));
  }
}

/**
 * RFC 6749, 2.3.1: id and secret are encoded as in a form. In the way of WHATWG's URL, 5.2, which leaves dashes and dots as they
 * are: identity providers that forget to decode are many, and so their usual ids are still understood.
 */
function basicAuthentication(id: string, secret: string): string {
  return `Basic ${Buffer.from([id, secret].map(formEncoded).join(':')).toString('base64')}`;
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** All that has the secret in it and is sent: an endpoint might repeat it. */
function secretForms(id: string, secret: string): readonly string[] {
  if (secret === '') return [];
  const basic = basicAuthentication(id, secret).slice('Basic '.length);
  return [basic, secret, formEncoded(secret), encodeURIComponent(secret)];
}

interface FetchOptions {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Node's own `fetch` knows no authorities but its own, and no limit of size. */
async function exchange(url: string, options: FetchOptions, ca: Buffer | undefined): Promise<Response> {
  const body = String(options.body);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const wanted: RequestOptions = {
    method: options.method,
    headers: { ...options.headers, 'content-length': Buffer.byteLength(body) },
    ...(options.signal && { signal: options.signal }),
    agent: false,
  };
  const request = url.startsWith('https:')
    ? requestSecure(url, { ...wanted, ...(ca && { ca }) }, resolve)
    : requestPlain(url, wanted, resolve);
  // Nobody waits for a token when the proxy ends.
  request.on('socket', (socket) => socket.unref());
  request.on('error', reject).end(body);
  const answer = await promise;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.iterator()) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 500, headers });
}

function faultOfEndpoint(error: unknown, secrets: readonly string[]): BrokerError {
  const nested = [...causesOf(error)];
  const code = nested.map((one) => textOf(one, 'code')).findLast((one) => one !== undefined) ?? '';
  const status = error instanceof Error && 'status' in error ? Number(error.status) : undefined;
  const oauthError = error instanceof Error && 'error' in error ? String(error.error) : undefined;
  const said = error instanceof Error && 'error_description' in error ? String(error.error_description) : '';
  const reason = [oauthError, said, status === undefined ? undefined : `status ${status}`, messageOf(nested)]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
  const harmless = secrets.reduce((text, secret) => text.replaceAll(secret, '*****'), reason);
  const detail = `token endpoint: ${harmless.slice(0, 500)}`;
  const certificate = certificateProblem(code, 'the token endpoint', 'kafka.security.oauth.ca_file');
  if (certificate !== undefined) return new BrokerError(`${detail} (${code})`, certificate, true);
  if (oauthError === 'invalid_client' || oauthError === 'unauthorized_client' || status === 401) {
    const problem =
      'the token endpoint refuses the proxy (kafka.security.oauth.client_id, kafka.security.oauth.client_secret)';
    return new BrokerError(detail, problem, true);
  }
  if (oauthError !== undefined) {
    // RFC 6749, 5.2: no other characters are in an error code.
    const word = oauthError.replace(/[^\w-]/g, '').slice(0, 40);
    return new BrokerError(detail, `the token endpoint gives no token: ${word} (kafka.security.oauth)`, true);
  }
  return new BrokerError(detail, awayProblem(error), true);
}

function messageOf(nested: readonly unknown[]): string {
  const last = nested.findLast((one) => one instanceof Error);
  return last instanceof Error ? last.message : '';
}

function awayProblem(error: unknown): string {
  // oauth4webapi's word for an answer that is none.
  return error instanceof Error && textOf(error, 'code')?.startsWith('OAUTH_') === true
    ? 'the token endpoint answers with something that is no token (kafka.security.oauth.token_endpoint)'
    : NO_ANSWER;
}
