/** Requests from pages of other origins: the CORS protocol of the Fetch standard, its header Origin, and W3C Fetch Metadata. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

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

/** True if a page has a browser send this request. No other client sends these headers (see `isOfOtherOrigin`). */
export function isOfPage({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  return origin !== undefined || site !== undefined;
}

/**
 * True if a page of another origin has a browser send this request. CORS alone does not prevent that: a body without a type needs
 * no preflight. Browsers send `Sec-Fetch-Site` to HTTPS and to localhost only (W3C Fetch Metadata §3), and `Origin` with every
 * POST (Fetch standard §3.2). No page can set either header. Other clients send neither of them.
 * `hosts` are the names of this server in the request, as in `Host`. `isTls` is false where a reverse proxy may end TLS.
 */
export function isOfOtherOrigin(
  { origin, 'sec-fetch-site': site }: IncomingHttpHeaders,
  hosts: readonly string[],
  isTls: boolean,
): boolean {
  // A value that is not known counts as another site.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && !hosts.some((host) => isOwnOrigin(origin, host, isTls));
}

/** `null` is the origin of sandboxed frames, files and `data:` URLs: it belongs to no server. */
function isOwnOrigin(origin: string, host: string, isTls: boolean): boolean {
  const page = URL.parse(origin);
  if (!page || (page.protocol !== 'https:' && (isTls || page.protocol !== 'http:'))) return false;
  // Parsed alike, both have no default port, lower case and Punycode.
  return URL.parse(`${page.protocol}//${host}`)?.host === page.host;
}

function isAllowed(allowed: readonly string[], origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin);
}
