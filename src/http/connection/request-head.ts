/**
 * Checks of the head of a request. Node's parser accepts some heads that another server on the way reads differently.
 * If two servers disagree about the end or the sender of a request, a client can smuggle a request past the first one.
 * So such heads are refused (RFC 9112 §11.2).
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from '../exchange.ts';
import { refusal, type Refusal } from '../../errors.ts';

/** Characters that end or surround a host (RFC 3986 §3.2). A name may have any other character (RFC 9110 §7.2). */
const NOT_IN_HOST = /[\s,/?#@\\]/;

/** Safe in a header, a log line and a record header. Ids of common tools match: UUIDs, ULIDs, trace ids, AWS's ids. */
const SANE_TOKEN = /^[A-Za-z0-9._~:@=+/-]{1,128}$/;

/** The id that the request has in `header` (in lower case), if it matches `SANE_TOKEN`; otherwise a new UUID. */
export function requestIdOf(request: Pick<HttpRequest, 'headers'>, header: string): string {
  const given = request.headers[header];
  return typeof given === 'string' && SANE_TOKEN.test(given) ? given : randomUUID();
}

/** RFC 9112 §6.3: a request has a body only if its head has `Transfer-Encoding` or `Content-Length`. */
export function hasBody({ headers }: HttpRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Why the head of a request is refused; undefined if it is accepted.
 * After a refusal the connection must be closed: another server may think that the next request begins elsewhere.
 */
export function errorOfHead(request: IncomingMessage, maxHeaders: number): Refusal | undefined {
  const { headers, httpVersion, rawHeaders, url = '' } = request;
  if (rawHeaders.length > 2 * maxHeaders) {
    return refusal('headers_too_large', `The request has more than ${maxHeaders} headers`);
  }
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return refusal('bad_request', `HTTP/${httpVersion} is not supported. Send HTTP/1.1.`);
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) {
    // RFC 9112 §6.1: HTTP/1.0 has no transfer codings. Node's parser decodes only the last coding of several.
    return refusal('bad_request', 'The only Transfer-Encoding is chunked, and only in HTTP/1.1');
  }
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== undefined) return refusal('bad_request', `The header ${repeated} occurs twice`);
  const { host } = headers;
  if (host === undefined) {
    return httpVersion === '1.1' ? refusal('bad_request', 'The Host header is missing') : undefined;
  }
  if (NOT_IN_HOST.test(host)) return refusal('bad_request', 'The Host header is not a valid host');
  if (!url.startsWith('/') && isForOtherHost(url, host)) {
    return refusal('bad_request', 'The request is for another host than its Host header says');
  }
  return undefined;
}

/**
 * The name of a header that must occur once, if it occurs twice. Of two, some servers use the first, as Node does, and
 * others the last. The loop compares lengths first, because it runs for every event.
 */
function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  let hosts = 0;
  let authorizations = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations += 1;
  }
  if (hosts > 1) return 'Host';
  return authorizations > 1 ? 'Authorization' : undefined;
}

/**
 * True if the URL of `POST http://host/path` names another host than the header `Host`. RFC 9112 §3.2.2: the URL's host
 * counts; other servers use the header. Ports are ignored, because either of the two may omit its port.
 */
function isForOtherHost(url: string, host: string): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/?#]*)/i.exec(url)?.groups?.['authority'];
  return authority !== undefined && nameOf(authority) !== nameOf(host);
}

function nameOf(authority: string): string {
  return authority.replace(/:\d*$/, '').toLowerCase();
}
