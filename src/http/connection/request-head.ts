/**
 * What Node's parser takes for a request, and another server on the way may take for another one. Where two servers differ
 * about where a request ends or whom it is from, one can be smuggled past the first, so all of it is refused
 * (RFC 9112 §11.2).
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { refusal, type Refusal } from '../../errors.ts';

/** What stands between host and port, and what ends them (RFC 3986 §3.2); a name may be any other (RFC 9110 §7.2). */
const NOT_IN_HOST = /[\s,/?#@\\]/;

/** Fit for a header, a log line and a record header. Common tools make such ids (UUIDs, ULIDs, trace ids, AWS's). */
const SANE_TOKEN = /^[A-Za-z0-9._~:@=+/-]{1,128}$/;

/** The request's own id when it is a sane token, otherwise a new one. `header` in lower case. */
export function requestIdOf(request: IncomingMessage, header: string): string {
  const given = request.headers[header];
  return typeof given === 'string' && SANE_TOKEN.test(given) ? given : randomUUID();
}

/** RFC 9112 §6.3: a request has a body only where its head says so. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Why a request must not be taken, by its head alone; undefined for a good one. Where this refuses, nothing that follows on
 * the connection may be taken for a request: others may think that it begins elsewhere.
 */
export function errorOfHead(request: IncomingMessage, maxHeaders: number): Refusal | undefined {
  const { headers, httpVersion, rawHeaders, url = '' } = request;
  if (rawHeaders.length > 2 * maxHeaders) {
    return refusal('headers_too_large', `The request has more than ${maxHeaders} headers`);
  }
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return refusal('bad_request', `HTTP/${httpVersion} is not spoken here. Send HTTP/1.1.`);
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) {
    // RFC 9112 §6.1: HTTP/1.0 knows none. The parser goes by the last coding only, and would leave the others to us.
    return refusal('bad_request', 'The only Transfer-Encoding is chunked, and only in HTTP/1.1');
  }
  const doubled = doubledHeader(rawHeaders);
  if (doubled !== undefined) return refusal('bad_request', `The header ${doubled} is there twice`);
  const { host } = headers;
  if (host === undefined) {
    return httpVersion === '1.1' ? refusal('bad_request', 'The Host header is missing') : undefined;
  }
  if (NOT_IN_HOST.test(host)) return refusal('bad_request', 'The Host header is not a host');
  if (!url.startsWith('/') && isForOtherHost(url, host)) {
    return refusal('bad_request', 'The request is for another host than its Host header says');
  }
  return undefined;
}

/**
 * Of those that count only once: of two, some servers take the first, as Node does, and others the last. A plain loop that
 * looks at lengths first, because every event comes by here.
 */
function doubledHeader(rawHeaders: readonly string[]): string | undefined {
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
 * `POST http://host/path`, as to a forward proxy; RFC 9112 §3.2.2 would have its host count, and others the header. The port
 * may be left out of one of them.
 */
function isForOtherHost(url: string, host: string): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/?#]*)/i.exec(url)?.groups?.['authority'];
  return authority !== undefined && nameOf(authority) !== nameOf(host);
}

function nameOf(authority: string): string {
  return authority.replace(/:\d*$/, '').toLowerCase();
}
