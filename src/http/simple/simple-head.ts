/**
 * Reads the head of a simple request: the form in which nearly all events are posted. What it reads, Node's parser reads
 * in the same way. Of any other head it says nothing, and Node's parser decides.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface SimpleHead {
  readonly url: string;
  /** By name in lower case, as Node has them. Each occurs once. */
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the body, at least one. */
  readonly contentLength: number;
}

/** What ends a head (RFC 9112 §2.1). */
export const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * A part of what RFC 9112 §3 and §5 allow: each line ends with CR and LF, no line goes on in the next one, and all bytes
 * are printable ASCII. Of it no two parsers make different requests.
 */
const SIMPLE = /^POST \/[A-Za-z0-9/._~%?=&-]* HTTP\/1\.1\r\n(?:[A-Za-z][A-Za-z0-9-]*:[ -~]*\r\n)+$/;

const METHOD_LENGTH = 'POST '.length;
const VERSION_LENGTH = ' HTTP/1.1'.length;

/**
 * Headers that change how a request is read or answered, those that only browsers send, and the one that Node makes a
 * list of. Node's parser takes such requests: they are few.
 */
const NOT_SIMPLE: ReadonlySet<string> = new Set([
  'expect',
  'http2-settings',
  'origin',
  // Node's parser takes it for `Connection`.
  'proxy-connection',
  'sec-fetch-site',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const LENGTH = /^[1-9]\d{0,9}$/;
const HOST = /^[A-Za-z0-9.:[\]_-]+$/;
/** Bytes of a head that is kept for as long as its connection is open. Idle connections may be thousands. */
const MOST_KEPT = 4096;

const SPACE = 0x20;
const TAKES_LINE_END = 2;

/**
 * Reads the heads of one connection. Its client sends nearly the same head each time: only the length differs. Such a head
 * is compared, and not read once more.
 */
export class HeadReader {
  readonly #maxHeaders: number;
  #latest: SimpleHead | undefined;
  /** The latest head, up to the length of the body, and after it. */
  #before = '';
  #after = '';

  /** A head with more than `maxHeaders` headers is not simple. */
  constructor(maxHeaders: number) {
    this.#maxHeaders = maxHeaders;
  }

  /** Reads a head that ends with the line end of its last header. Each character is one byte. Undefined if it is not simple. */
  read(text: string): SimpleHead | undefined {
    return this.#readAgain(text) ?? this.#read(text);
  }

  #readAgain(text: string): SimpleHead | undefined {
    const latest = this.#latest;
    const [before, after] = [this.#before, this.#after];
    const end = text.length - after.length;
    if (!latest || end <= before.length) return undefined;
    if (text.slice(0, before.length) !== before || text.slice(end) !== after) return undefined;
    const length = text.slice(before.length, end);
    if (!LENGTH.test(length)) return undefined;
    const { url, headers } = latest;
    return { url, headers: { ...headers, 'content-length': length }, contentLength: Number(length) };
  }

  #read(text: string): SimpleHead | undefined {
    if (!SIMPLE.test(text)) return undefined;
    let at = text.indexOf('\r\n');
    const url = text.slice(METHOD_LENGTH, at - VERSION_LENGTH);
    const headers: Record<string, string> = {};
    let count = 0;
    let lengthAt = 0;
    for (at += TAKES_LINE_END; at < text.length;) {
      const colon = text.indexOf(':', at);
      const end = text.indexOf('\r\n', colon);
      const name = text.slice(at, colon).toLowerCase();
      const start = text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
      // Of more than one space, and of one at the end, parsers make different values.
      if (text.charCodeAt(start) === SPACE || text.charCodeAt(end - 1) === SPACE) return undefined;
      // Of two headers with one name, some servers use the first, and others the last.
      if (NOT_SIMPLE.has(name) || Object.hasOwn(headers, name)) return undefined;
      headers[name] = text.slice(start, end);
      if (name === 'content-length') lengthAt = start;
      count += 1;
      at = end + TAKES_LINE_END;
    }
    const { host, connection, 'content-length': length } = headers;
    if (count > this.#maxHeaders || host === undefined || !HOST.test(host)) return undefined;
    if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined;
    if (length === undefined || !LENGTH.test(length)) return undefined;
    const head = { url, headers, contentLength: Number(length) };
    if (text.length > MOST_KEPT) return head;
    this.#latest = head;
    this.#before = text.slice(0, lengthAt);
    this.#after = text.slice(lengthAt + length.length);
    return head;
  }
}
