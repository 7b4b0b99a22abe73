/** Requests from pages of other origins: the CORS protocol of the Fetch standard, and W3C Fetch Metadata. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface CorsSettings {
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
}

/** Seconds that a browser may cache the answer to a preflight. */
const PREFLIGHT_AGE = '600';

/**
 * Sets the headers that let a page of an allowed origin read the answer (Fetch standard, CORS protocol).
 * Returns true for a preflight, which needs only these headers and a status.
 */
export function answerCors(
  settings: CorsSettings,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !isAllowed(settings.allowOrigins, origin)) return false;
  // The standard forbids the wildcard with credentials. The origin itself is always allowed.
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'Origin');
  if (settings.allowCredentials) response.setHeader('access-control-allow-credentials', 'true');
  if (settings.exposeHeaders.length > 0) {
    response.setHeader('access-control-expose-headers', settings.exposeHeaders.join(', '));
  }
  const method = request.headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  const { allowMethods, allowHeaders } = settings;
  const asked = request.headers['access-control-request-headers'] ?? '';
  response.setHeader(
    'access-control-allow-methods',
    allowMethods.includes('*') ? method : allowMethods.join(', '),
  );
  response.setHeader(
    'access-control-allow-headers',
    allowHeaders.includes('*') ? asked : allowHeaders.join(', '),
  );
  response.setHeader('access-control-max-age', PREFLIGHT_AGE);
  return true;
}

/**
 * True if a page of another origin has a browser send a request with this `Sec-Fetch-Site`. CORS alone does not prevent that: a
 * body without a type needs no preflight. No page can set this header (W3C Fetch Metadata).
 */
export function isOtherSite(site: string | readonly string[]): boolean {
  return site === 'cross-site' || site === 'same-site';
}

function isAllowed(allowed: readonly string[], origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin);
}
