/** What the answers of all pages share: the headers for browsers, the shape of errors, and bodies that nothing reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorBody, errorTable, type Refusal } from '../../errors.ts';
import type { Html } from '../../page/html/html.ts';
import type { Answers } from '../answer.ts';
import { hasBody } from '../connection/request-head.ts';

/** Fastify's type for JSON. All pages have it, also those without Fastify. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** Seconds (RFC 9110 §10.2.3). */
const RETRY_AFTER = '1';

/**
 * A page may load only its own scripts, styles and images. No inline scripts or styles (CSP, level 3). `forms`: where its forms
 * may lead.
 */
export function contentSecurityPolicy(forms: "'none'" | "'self'"): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // The API page has its smaller images in its stylesheet.
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    `form-action ${forms}`,
    "frame-ancestors 'none'",
  ].join(';');
}

/** The headers of every page, for browsers. They are those that the package helmet recommends. */
const HEADERS: Readonly<Record<string, string>> = {
  // Pages show the state of the moment. Static files set their own header.
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy("'none'"),
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};

/** Browsers ignore or refuse these without TLS (RFC 6797 §7.2). Seconds of a year: browsers use only HTTPS as long. */
const HTTPS_HEADERS: Readonly<Record<string, string>> = {
  ...HEADERS,
  'cross-origin-opener-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
};

/** Sets the headers of every answer and of every page. `https` is true for a listener with TLS. */
export function setPageHeaders(
  response: ServerResponse,
  answers: Answers,
  requestId: string,
  https: boolean,
): void {
  const common = answers.commonHeaders(requestId);
  for (let i = 0; i + 1 < common.length; i += 2) response.setHeader(common[i] ?? '', common[i + 1] ?? '');
  for (const [name, value] of Object.entries(https ? HTTPS_HEADERS : HEADERS))
    response.setHeader(name, value);
}

/** The headers of an error besides its type. */
export function refusalHeaders({ code, headers }: Refusal): Readonly<Record<string, string>> {
  return errorTable[code].status === 503 ? { ...headers, 'retry-after': RETRY_AFTER } : { ...headers };
}

/**
 * Reads and discards the body, if there is one, and then calls `done`. A connection that is closed while its client
 * still sends may be reset before the client has read the answer (RFC 9112 §9.6). A client that waits for
 * "100 Continue" gets the answer instead.
 */
export function discardBody(request: IncomingMessage, done: () => void): void {
  if (hasBody(request) && !request.complete && request.headers.expect === undefined) {
    request.once('end', done).resume();
  } else done();
}

/** Writes a page without Fastify. `headers` are those besides `setPageHeaders` and `content-length`. */
export function writePage(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  if (response.destroyed) return;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('content-length', Buffer.byteLength(body));
  // Node omits the body of an answer to HEAD.
  response.writeHead(status).end(body);
}

/** Writes a page of HTML. It depends on who asks, and on what that client takes. */
export function writeHtml(response: ServerResponse, status: number, { text }: Html): void {
  writePage(response, status, { 'content-type': 'text/html; charset=utf-8', vary: 'Accept, Cookie' }, text);
}

/** Writes an error without Fastify. */
export function writeRefusal(response: ServerResponse, refusal: Refusal): void {
  const headers = { ...refusalHeaders(refusal), 'content-type': JSON_TYPE };
  writePage(response, errorTable[refusal.code].status, headers, errorBody(refusal));
}
