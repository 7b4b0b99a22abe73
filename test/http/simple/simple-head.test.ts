import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Random } from '../../openlineage/random.ts';
import { OTHER_CLIENTS, SIMPLE_CLIENTS } from './client-heads.ts';
import { headMutant } from './head-mutants.ts';
import { MAX_HEADER_BYTES, MAX_HEADERS, NodeReader, simpleHeadOf } from './node-reader.ts';

const MUTANTS = 20_000;
/** Heads on one connection. */
const BATCH = 500;

const LENGTH = 'Content-Length: 5';
const HOST = 'Host: proxy';

function head(lines: readonly string[], first = 'POST / HTTP/1.1'): Buffer {
  return Buffer.from([first, ...lines, '', ''].join('\r\n'), 'latin1');
}

/** A head with this line beside those that it must have. */
function withLine(line: string): Buffer {
  return head([HOST, line, LENGTH]);
}

function withLength(value: string): Buffer {
  return head([HOST, `Content-Length:${value}`]);
}

function withUrl(url: string): Buffer {
  return head([HOST, LENGTH], `POST ${url} HTTP/1.1`);
}

/** A head of so many bytes. */
function ofSize(bytes: number, name = 'X'): Buffer {
  const empty = withLine(`${name}: `).length;
  return withLine(`${name}: ${'x'.repeat(bytes - empty)}`);
}

function ofHeaders(count: number): Buffer {
  return head([HOST, LENGTH, ...Array.from({ length: count - 2 }, (_, index) => `X-${index}: a`)]);
}

/** Heads that the simple reader takes, so Node must read the same. */
const TAKEN: Readonly<Record<string, Buffer>> = {
  'the shortest head': head([HOST, LENGTH]),
  'no space after the colon': head(['Host:proxy', 'Content-Length:5']),
  'an empty value': withLine('X:'),
  'a value of all printable characters': withLine(
    `X: ${String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 0x21 + index))}`,
  ),
  'spaces within a value': withLine('X: a  b'),
  'colons in a value': withLine('X: a: b:'),
  'a colon after the colon': withLine('X::'),
  'names in capitals': head(['HOST: proxy', 'CONTENT-LENGTH: 5']),
  'names in small letters': head(['host: proxy', 'content-length: 5']),
  'a name of JavaScript': withLine('constructor: a'),
  'names of JavaScript': head([HOST, 'toString: a', 'valueOf: b', 'hasOwnProperty: c', LENGTH]),
  'a name with a hyphen at its end': withLine('X-: a'),
  'a connection that is kept': withLine('Connection: keep-alive'),
  'a connection that is kept, in capitals': withLine('CONNECTION: Keep-Alive'),
  'a Keep-Alive': withLine('Keep-Alive: timeout=1, max=1'),
  'a cookie': withLine('Cookie: a=b; c=d'),
  'a list': withLine('X-Forwarded-For: 192.0.2.1, 192.0.2.2'),
  'a date': withLine('Date: Sun, 29 Nov 2026 22:00:00 GMT'),
  'a host with a port': head(['Host: proxy.example.org:8080', LENGTH]),
  'a host of IPv6': head(['Host: [2001:db8::1]:80', LENGTH]),
  'a query': withUrl('/api/v1/lineage?a=b&c=%20'),
  'several slashes': withUrl('//api//v1/lineage/'),
  'dots in the path': withUrl('/../api/./v1/lineage'),
  'a percent sign alone': withUrl('/%'),
  'a long URL': withUrl(`/${'a'.repeat(MAX_HEADER_BYTES - 100)}`),
  'the shortest body': withLength(' 1'),
  'a length of ten digits': withLength(' 9999999999'),
  'a length beyond 32 bits': withLength(' 4294967297'),
  'a head as long as the limit': ofSize(MAX_HEADER_BYTES),
  'a name as long as the limit': withLine(`${'x'.repeat(MAX_HEADER_BYTES - withLine(':').length)}:`),
  'as many headers as the limit': ofHeaders(MAX_HEADERS),
};

/** Heads of which the simple reader says nothing. Node's parser takes some of them, refuses others, or reads them otherwise. */
const LEFT: Readonly<Record<string, Buffer>> = {
  'no headers': head([]),
  'no host': head([LENGTH]),
  'no length': head([HOST]),
  'an empty host': head(['Host:', LENGTH]),
  'a host with a user': head(['Host: user@proxy', LENGTH]),
  'a list of hosts': head(['Host: a, b', LENGTH]),
  'a host with a path': head(['Host: a/b', LENGTH]),
  'two hosts': head([HOST, 'host: other', LENGTH]),
  'two lengths': head([HOST, LENGTH, 'content-length: 5']),
  'two headers with one name': head([HOST, 'X: a', 'x: a', LENGTH]),
  'two headers with a name of JavaScript': head([HOST, 'constructor: a', 'constructor: a', LENGTH]),
  'two cookies': head([HOST, 'Cookie: a=b', 'Cookie: c=d', LENGTH]),
  'Set-Cookie': withLine('Set-Cookie: a=b'),
  __proto__: withLine('__proto__: a'),
  'a name of digits': withLine('1: a'),
  'a name with an underscore': withLine('Content_Length: 6'),
  'an empty name': withLine(': a'),
  'no colon': withLine('X'),
  'an empty line, and a head after it': Buffer.concat([head([HOST]), head([HOST, LENGTH])]),
  'a space before the colon': withLine('X : a'),
  'a tab before the colon': withLine('X\t: a'),
  'a space in a name': withLine('X Y: a'),
  'two spaces after the colon': withLine('X:  a'),
  'a tab after the colon': withLine('X:\ta'),
  'a space at the end of a value': withLine('X: a '),
  'a tab at the end of a value': withLine('X: a\t'),
  'a tab in a value': withLine('X: a\tb'),
  'only a space': withLine('X: '),
  'only two spaces': withLine('X:  '),
  'a value on two lines': withLine('X: a\r\n b'),
  'a value on two lines, by a tab': withLine('X: a\r\n\tb'),
  'a length on the second line': head([HOST, 'Content-Length:\r\n 5']),
  'an indented first header': head([` ${HOST}`, LENGTH]),
  'LF after a header': withLine('X: a\nY: b'),
  'CR after a header': withLine('X: a\rY: b'),
  'CR before CR LF': withLine('X: a\r'),
  'LF after the first line': Buffer.from(`POST / HTTP/1.1\n${HOST}\r\n${LENGTH}\r\n\r\n`),
  'LF at all line ends': Buffer.from(`POST / HTTP/1.1\n${HOST}\n${LENGTH}\n\n`),
  'NUL in a value': withLine('X: a\0b'),
  'NUL in a name': withLine('X\0: a'),
  'DEL in a value': withLine('X: a\x7f'),
  'a value beyond ASCII': withLine('X: \xe9'),
  'a name beyond ASCII': withLine('X\xe9: a'),
  // Both become ASCII by `toLowerCase` of JavaScript's whole Unicode, or by a wrong decoding.
  'a Kelvin sign in place of a K': withLine('\u212aeep: a'),
  'a length that is empty': withLength(''),
  'a length of zero': withLength(' 0'),
  'a length with a plus': withLength(' +5'),
  'a length with a minus': withLength(' -5'),
  'a length in hexadecimal': withLength(' 0x5'),
  'a length with an exponent': withLength(' 5e0'),
  'a length with a fraction': withLength(' 5.0'),
  'a list of lengths': withLength(' 5,5'),
  'a length with zeros in front': withLength(' 05'),
  'a length behind two spaces': withLength('  5'),
  'a length before a space': withLength(' 5 '),
  'a length in parts': withLength(' 5 5'),
  'a length of eleven digits': withLength(' 10000000000'),
  'a length beyond 64 bits': withLength(' 18446744073709551617'),
  'a length and chunks': withLine('Transfer-Encoding: chunked'),
  'a length and no coding': withLine('Transfer-Encoding:'),
  'chunks alone': head([HOST, 'Transfer-Encoding: chunked']),
  'a trailer': withLine('Trailer: X'),
  TE: withLine('TE: trailers'),
  'a connection that closes': withLine('Connection: close'),
  'a connection that is kept and closes': withLine('Connection: keep-alive, close'),
  'a connection that is empty': withLine('Connection:'),
  'a connection that lists a header': withLine('Connection: keep-alive, X'),
  'two connections': head([HOST, 'Connection: keep-alive', 'Connection: close', LENGTH]),
  'a connection that closes, in the words of old proxies': withLine('Proxy-Connection: close'),
  'an upgrade': head([HOST, 'Connection: Upgrade', 'Upgrade: h2c', LENGTH]),
  'an upgrade alone': withLine('Upgrade: TLS/1.2'),
  'settings of HTTP/2': withLine('HTTP2-Settings: AAMAAABk'),
  'an expectation': withLine('Expect: 100-continue'),
  'another expectation': withLine('Expect: a'),
  'a page': withLine('Origin: https://example.org'),
  'a page of the same origin': withLine('Sec-Fetch-Site: same-origin'),
  'HTTP/1.0': head([HOST, LENGTH], 'POST / HTTP/1.0'),
  'HTTP/1.2': head([HOST, LENGTH], 'POST / HTTP/1.2'),
  'HTTP/2.0': head([HOST, LENGTH], 'POST / HTTP/2.0'),
  'http in small letters': head([HOST, LENGTH], 'POST / http/1.1'),
  'no version': head([HOST, LENGTH], 'POST /'),
  'another method': head([HOST, LENGTH], 'GET / HTTP/1.1'),
  'a method in small letters': head([HOST, LENGTH], 'post / HTTP/1.1'),
  'a space before the method': head([HOST, LENGTH], ' POST / HTTP/1.1'),
  'an empty line before the method': head([HOST, LENGTH], '\r\nPOST / HTTP/1.1'),
  'two spaces before the path': withUrl(' /'),
  'two spaces after the path': withUrl('/ '),
  'a tab after the path': withUrl('/\t'),
  'a space after the version': head([HOST, LENGTH], 'POST / HTTP/1.1 '),
  'an absolute URL': withUrl('http://proxy/'),
  'a fragment': withUrl('/#a'),
  'an asterisk': withUrl('*'),
  'an authority': withUrl('proxy:80'),
  'no slash': withUrl('a'),
  'a path beyond ASCII': withUrl('/\xe9'),
  'a backslash': withUrl('/\\'),
  'NUL in the path': withUrl('/\0'),
  'a head above the limit': ofSize(MAX_HEADER_BYTES + 1),
  'more headers than the limit': ofHeaders(MAX_HEADERS + 1),
  'no end': head([HOST, LENGTH]).subarray(0, -1),
};

/** The same head with the next length, in most cases. */
function withOtherLength(bytes: Buffer): Buffer {
  const text = bytes
    .toString('latin1')
    .replace(/(?<=Content-Length: ?)\d+/, (digits) => String(Number(digits) + 1));
  return Buffer.from(text, 'latin1');
}

void suite('the head of a simple request', { timeout: 60_000 }, () => {
  let node: NodeReader;

  before(async () => (node = await NodeReader.start()));
  after(() => node.stop());

  test('is read as Node reads it', async () => {
    for (const [name, bytes] of Object.entries(TAKEN)) {
      assert.ok(simpleHeadOf(bytes), `${name} is simple`);
      await node.compare([bytes]);
    }
    assert.equal(
      await node.compare(Object.values(TAKEN)),
      Object.keys(TAKEN).length,
      'and one after another',
    );
  });

  test('is not taken for the one before it', async () => {
    const heads = ['a', 'b'].flatMap((value) => [
      head([HOST, LENGTH, `X: ${value}`]),
      head([HOST, 'Content-Length: 16', `X: ${value}`]),
      head([`X: ${value}`, HOST, LENGTH]),
    ]);
    // Each after each other one.
    const pairs = heads.flatMap((one) => heads.flatMap((other) => [one, other]));
    assert.equal(await node.compare(pairs), pairs.length);
  });

  test('has its headers by their names in small letters', () => {
    const bytes = head(['HOST:proxy', 'X-Ab: C: d', 'Content-Length: 12', 'Empty:'], 'POST /a?b HTTP/1.1');
    assert.deepEqual(simpleHeadOf(bytes), {
      url: '/a?b',
      headers: { host: 'proxy', 'x-ab': 'C: d', 'content-length': '12', empty: '' },
      contentLength: 12,
    });
  });

  test('has no form that servers could read in another way', () => {
    for (const [name, bytes] of Object.entries(LEFT)) {
      assert.equal(simpleHeadOf(bytes), undefined, name);
    }
  });

  test('has no byte in a name, a value or a path that Node does not read as it is', async () => {
    const places: readonly ((byte: string) => Buffer)[] = [
      (byte) => withLine(`X${byte}Y: a`),
      (byte) => withLine(`${byte}X: a`),
      (byte) => withLine(`X${byte}: a`),
      (byte) => withLine(`X:${byte}a`),
      (byte) => withLine(`X: ${byte}a`),
      (byte) => withLine(`X: a${byte}b`),
      (byte) => withLine(`X: a${byte}`),
      (byte) => withUrl(`/a${byte}b`),
      (byte) => withUrl(`${byte}/`),
      (byte) => withUrl(`/${byte}`),
      (byte) => withLength(` 5${byte}`),
      (byte) => withLength(` ${byte}5`),
      (byte) => head([`Host: pro${byte}xy`, LENGTH]),
      (byte) => head([`Host: ${byte}`, LENGTH]),
      (byte) => withLine(`Connection: keep-alive${byte}`),
      (byte) => head([HOST, LENGTH], `POST / HTTP/1.1${byte}`),
      (byte) => head([HOST, LENGTH], `POST${byte}/ HTTP/1.1`),
      (byte) => head([HOST, LENGTH], `${byte}POST / HTTP/1.1`),
    ];
    for (const place of places) {
      const heads = Array.from({ length: 256 }, (_, byte) => place(String.fromCharCode(byte)));
      await node.compare(heads);
    }
  });

  test('is read as Node reads it, whatever it is', async (t) => {
    const random = new Random();
    t.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    let taken = 0;
    for (let left = MUTANTS; left > 0; left -= BATCH) {
      taken += await node
        .compare(
          Array.from({ length: BATCH / 2 }, () => headMutant(random)).flatMap((bytes) => [
            bytes,
            withOtherLength(bytes),
          ]),
        )
        .catch((error: unknown) => assert.fail(`TEST_SEED=${random.seed}: ${String(error)}`));
    }
    // With fewer, this test would say little.
    assert.ok(taken > MUTANTS / 3, `${taken} of ${MUTANTS} heads are taken (TEST_SEED=${random.seed})`);
    t.diagnostic(`${taken} of ${MUTANTS} heads are taken`);
  });

  test('is what real clients send', async () => {
    for (const [client, bytes] of Object.entries(SIMPLE_CLIENTS)) {
      assert.ok(simpleHeadOf(bytes), client);
    }
    await node.compare(Object.values(SIMPLE_CLIENTS));
    for (const [client, bytes] of Object.entries(OTHER_CLIENTS)) {
      assert.equal(simpleHeadOf(bytes), undefined, client);
    }
  });
});
