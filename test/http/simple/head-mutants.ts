/** Heads of requests for tests: most are of the simple form, or differ from it in little. */
import type { Random } from '../../openlineage/random.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const IN_URLS = `${LETTERS}ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._~%?=&-`;

/** The bytes that a grammar of heads is about, and others that it forbids. */
const ODD_BYTES = '\0\t\n\v\f\r !"#(),/:;<=>?@[\\]_{}\x7f\x80\xa0\xe9\xff';

const URLS = [
  '/api/v1/lineage',
  '/',
  '//',
  '/v1/openlineage/',
  '/api/v1/lineage/batch?a=b&c',
  '/%2e%2e/',
  '*',
];

/** Names that Node's server or its parser treats in a way of its own, and those of the objects of JavaScript. */
const NAMES = [
  'Accept',
  'Accept-Encoding',
  'Age',
  'Authorization',
  'Cache-Control',
  'Connection',
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'Cookie',
  'Date',
  'ETag',
  'Expect',
  'From',
  'HTTP2-Settings',
  'Host',
  'If-Modified-Since',
  'If-None-Match',
  'Keep-Alive',
  'Max-Forwards',
  'Origin',
  'Proxy-Authorization',
  'Proxy-Connection',
  'Referer',
  'Retry-After',
  'Sec-Fetch-Site',
  'Sec-WebSocket-Key',
  'Server',
  'Set-Cookie',
  'TE',
  'Traceparent',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'User-Agent',
  'Vary',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Request-ID',
  'constructor',
  'hasOwnProperty',
  'prototype',
  'toString',
  'valueOf',
  '__proto__',
];

/** Values that mean something in one of these headers. */
const VALUES = [
  '',
  '0',
  '1',
  '+5',
  '0x5',
  '05',
  '5,5',
  '5, 5',
  '100-continue',
  '18446744073709551617',
  '99999999999',
  '9999999999',
  'HTTP/2.0',
  'TLS/1.2',
  'application/json; charset=UTF-8',
  'chunked',
  'close',
  'gzip, chunked',
  'h2c',
  'keep-alive',
  'Keep-Alive, close',
  'same-origin',
  'timeout=5, max=1000',
  'trailers',
  'upgrade',
  'websocket',
];

const HOSTS = ['proxy', '127.0.0.1:8080', '[::1]:80', 'a_b.c', 'a,b', 'user@proxy', ''];
const SEPARATORS = ['', '  ', '\t', ' \t'];
const LINE_ENDS = ['\n', '\r', '\r\r\n', '\n\r\n', '\r\n ', '\r\n\t', '\r\n\r\n'];
const FIRST_LINES = ['POST', 'POST ', 'post', 'GET', 'HEAD', 'PUT', 'CONNECT', 'QUERY', '\r\nPOST', ' POST'];
const VERSIONS = ['HTTP/1.0', 'HTTP/1.1 ', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.10', 'HTTP/1.1\t', ''];

/** A head with the empty line at its end. It may have that line also before. */
export function headMutant(random: Random): Buffer {
  let bytes: Buffer = Buffer.from(head(random), 'latin1');
  if (random.below(3) > 0) return bytes;
  for (let left = 1 + random.below(2); left > 0; left--) bytes = mutated(bytes, random);
  return bytes;
}

function head(random: Random): string {
  const lines = [
    `Host${separator(random)}${usually(random, 'proxy:80', HOSTS)}`,
    `Content-Length${separator(random)}${random.below(50) === 0 ? random.of(VALUES) : random.below(200)}`,
  ];
  for (let left = random.below(6); left > 0; left--) {
    const line = `${name(random)}${separator(random)}${value(random)}`;
    lines.splice(random.below(lines.length + 1), 0, line);
  }
  const first = `${usually(random, 'POST', FIRST_LINES)} ${url(random)} ${usually(random, 'HTTP/1.1', VERSIONS)}`;
  return `${[first, ...lines].map((line) => line + usually(random, '\r\n', LINE_ENDS)).join('')}\r\n`;
}

function separator(random: Random): string {
  return `:${random.below(24) === 0 ? random.of(SEPARATORS) : ' '}`;
}

function url(random: Random): string {
  if (random.below(2) === 0) return random.of(URLS);
  return `/${text(random, IN_URLS, 30)}`;
}

function name(random: Random): string {
  // Headers that no server knows are the usual ones here: of those that it knows, many are not simple.
  const written = random.below(4) === 0 ? random.of(NAMES) : `X-${text(random, `${LETTERS}-0123456789`, 12)}`;
  return random.below(12) === 0
    ? random.of([written.toLowerCase(), written.toUpperCase(), `${written}_`])
    : written;
}

function value(random: Random): string {
  if (random.below(3) === 0) return random.of(VALUES);
  const printable = Array.from({ length: random.below(24) }, () =>
    String.fromCharCode(0x20 + random.below(0x5f)),
  );
  return random.below(20) === 0 ? printable.join('') : printable.join('').trim();
}

/** One of a hundred is another one. */
function usually(random: Random, usual: string, others: readonly string[]): string {
  return random.below(100) === 0 ? random.of(others) : usual;
}

function text(random: Random, letters: string, most: number): string {
  return Array.from({ length: random.below(most) }, () => letters[random.below(letters.length)]).join('');
}

/** One byte is another one, is gone or is added, or some bytes are repeated elsewhere. */
function mutated(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const isOdd = random.below(2) === 0;
  const byte = isOdd ? ODD_BYTES.charCodeAt(random.below(ODD_BYTES.length)) : 0x20 + random.below(0x5f);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.below(4)) {
    case 0:
      return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
    case 1:
      return Buffer.concat([before, after.subarray(1)]);
    case 2:
      return Buffer.concat([before, Buffer.of(byte), after]);
    default: {
      const from = random.below(bytes.length);
      return Buffer.concat([before, bytes.subarray(from, from + 1 + random.below(24)), after]);
    }
  }
}
