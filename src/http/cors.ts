/** Cross-origin requests (the Fetch standard's CORS protocol), off unless asked for. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface CorsSettings {
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
}

/** Seconds that a browser may remember a preflight's answer. */
const PREFLIGHT_AGE = '600';

/**
 * Sets the headers that let a page of an allowed origin read the answer; true when the request was a preflight, which
 * needs no more of an answer.
 */
export function answerCors(
  settings: CorsSettings,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !isAllowed(settings.allowOrigins, origin)) return false;
  // With credentials the standard forbids the wildcard; naming the origin is always right.
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

function isAllowed(allowed: readonly string[], origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin);
}
