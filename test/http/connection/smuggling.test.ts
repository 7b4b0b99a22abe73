import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { Proxy } from '../../../tools/proxy.ts';
import { created, errorOf, post } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';

const EVENT = runEvent('in front').toString('latin1');
const LENGTH = `Content-Length: ${EVENT.length}`;
const CHUNKED = 'Transfer-Encoding: chunked';
const CHUNKS = `${EVENT.length.toString(16)}\r\n${EVENT}\r\n0\r\n\r\n`;
/** A request that must never be taken. It follows each of the requests below. */
const HIDDEN = rawPost(runEvent('hidden')).toString('latin1');

/** A request for an event with these lines after `Host`, and this body. */
function posted(lines: string, body: string, host = 'Host: proxy'): string {
  return `POST /api/v1/lineage HTTP/1.1\r\n${host}\r\n${lines}\r\n\r\n${body}`;
}

function withLine(line: string): string {
  return posted(`X-Line: a\r\n${line}\r\n${LENGTH}`, EVENT);
}

function chunked(body: string): string {
  return posted(CHUNKED, body);
}

const FIRST_LINE = `HTTP/1.1\r\nHost: proxy\r\n${LENGTH}\r\n\r\n${EVENT}`;

/** Servers disagree on how to read these requests. */
const REFUSED: Readonly<Record<string, string>> = {
  'a length and chunks': posted(`${LENGTH}\r\n${CHUNKED}`, CHUNKS),
  'chunks and a length': posted(`${CHUNKED}\r\n${LENGTH}`, CHUNKS),
  'a coding that is nearly chunked': posted('Transfer-Encoding: xchunked', CHUNKS),
  'a coding in quotes': posted('Transfer-Encoding: "chunked"', CHUNKS),
  'a coding with a parameter': posted('Transfer-Encoding: chunked;a=b', CHUNKS),
  'a coding behind a vertical tab': posted('Transfer-Encoding: \vchunked', CHUNKS),
  'a coding after the chunks': posted('Transfer-Encoding: chunked, identity', CHUNKS),
  'a coding after the chunks, on a line of its own': posted(
    `${CHUNKED}\r\nTransfer-Encoding: identity`,
    CHUNKS,
  ),
  'a coding before the chunks': posted('Transfer-Encoding: gzip, chunked', CHUNKS),
  'a coding before the chunks, on a line of its own': posted(
    `Transfer-Encoding: identity\r\n${CHUNKED}`,
    CHUNKS,
  ),
  'a coding that is empty, and chunks': posted('Transfer-Encoding: ,chunked', CHUNKS),
  'chunks twice': posted('Transfer-Encoding: chunked, chunked', CHUNKS),
  'chunks on two lines': posted(`${CHUNKED}\r\n${CHUNKED}`, CHUNKS),
  'no coding': posted('Transfer-Encoding:', CHUNKS),
  'only identity': posted('Transfer-Encoding: identity', EVENT),
  'chunks in HTTP/1.0': chunked(CHUNKS).replace('HTTP/1.1', 'HTTP/1.0'),
  'chunks in HTTP/1.0 on a connection that is kept': posted(
    `Connection: keep-alive\r\n${CHUNKED}`,
    CHUNKS,
  ).replace('HTTP/1.1', 'HTTP/1.0'),
  'two lengths': posted(`Content-Length: 0\r\n${LENGTH}`, EVENT),
  'two equal lengths': posted(`${LENGTH}\r\n${LENGTH}`, EVENT),
  'a list of equal lengths': posted(`${LENGTH}, ${EVENT.length}`, EVENT),
  'a length with a plus': posted(`Content-Length: +${EVENT.length}`, EVENT),
  'a length with a minus': posted(`Content-Length: -${EVENT.length}`, EVENT),
  'a length with a space in it': posted('Content-Length: 1 0', EVENT),
  'a length in hexadecimal': posted(`Content-Length: 0x${EVENT.length.toString(16)}`, EVENT),
  'a length with a fraction': posted(`${LENGTH}.0`, EVENT),
  'an empty length': posted('Content-Length:', EVENT),
  'a length beyond 64 bits': posted('Content-Length: 18446744073709551617', EVENT),
  'a size of a chunk that is no number': chunked(`zz\r\n${EVENT}\r\n0\r\n\r\n`),
  'a size with a minus': chunked(`-1\r\n${EVENT}\r\n0\r\n\r\n`),
  'a size with 0x': chunked(`0x${CHUNKS}`),
  'a size behind a space': chunked(` ${CHUNKS}`),
  'a size before a space': chunked(CHUNKS.replace('\r\n', ' \r\n')),
  'a size beyond 64 bits': chunked(`10000000000000000${CHUNKS}`),
  'no size': chunked(`\r\n${EVENT}\r\n0\r\n\r\n`),
  'a size that ends in LF': chunked(CHUNKS.replace('\r\n', '\n')),
  'an extension that ends in LF': chunked(CHUNKS.replace('\r\n', ';a\n')),
  'an extension with LF in quotes': chunked(CHUNKS.replace('\r\n', ';a="b\nc"\r\n')),
  'an extension with CR': chunked(CHUNKS.replace('\r\n', ';a\rb\r\n')),
  'an extension with a control character': chunked(CHUNKS.replace('\r\n', ';\x01\r\n')),
  'an extension without end': chunked(CHUNKS.replace('\r\n', `;a=${'b'.repeat(20_000)}\r\n`)),
  'a chunk that ends in LF': chunked(CHUNKS.replace('}\r\n0', '}\n0')),
  'a chunk that does not end': chunked(CHUNKS.replace('}\r\n0', '}0')),
  'a chunk that is longer than it says': chunked(CHUNKS.replace('}\r\n0', '}xx\r\n0')),
  'a last chunk that ends in LF': chunked(CHUNKS.replace('0\r\n\r\n', '0\n\n')),
  'a length behind the chunks': chunked(CHUNKS.replace('0\r\n\r\n', `0\r\n${LENGTH}\r\n\r\n`)),
  'a coding behind the chunks': chunked(CHUNKS.replace('0\r\n\r\n', `0\r\n${CHUNKED}\r\n\r\n`)),
  'a broken trailer': chunked(CHUNKS.replace('0\r\n\r\n', '0\r\nX Y: a\r\n\r\n')),
  'LF at all ends of lines': posted(LENGTH, '').replaceAll('\r\n', '\n') + EVENT,
  'LF after a header': posted(`X-Line: a\n${LENGTH}`, EVENT),
  'LF after the first line': posted(LENGTH, EVENT).replace('\r\n', '\n'),
  'LF after the headers': posted(LENGTH, EVENT).replace('\r\n\r\n', '\r\n\n'),
  'CR in a value': withLine(`X: a\r${CHUNKED}`),
  'CR in a name': withLine('X\r: a'),
  'a value on two lines': withLine('X: a\r\n b'),
  'a coding on two lines': posted(`${CHUNKED}\r\n , identity`, CHUNKS),
  'a length on the second line': posted(`Content-Length:\r\n ${EVENT.length}`, EVENT),
  'a first header that is indented': posted(LENGTH, EVENT, ' Host: proxy'),
  'a space before the colon': posted(`Content-Length : ${EVENT.length}`, EVENT),
  'a tab before the colon': posted(`Transfer-Encoding\t: chunked`, CHUNKS),
  'a header without a name': withLine(': a'),
  'a header without a colon': withLine('X'),
  'a space in a name': withLine('X Y: a'),
  'NUL in a name': withLine('X\0: a'),
  'NUL in a value': withLine('X: a\0b'),
  'a control character in a value': withLine('X: a\x01b'),
  'NUL in the path': `POST /api/v1/lineage\0 ${FIRST_LINE}`,
  'a path beyond ASCII': `POST /api/v1/lineage\xe9 ${FIRST_LINE}`,
  'a space in the path': `POST /api/v1 /lineage ${FIRST_LINE}`,
  'a tab in the path': `POST /api/v1\t/lineage ${FIRST_LINE}`,
  'a path that begins with nothing': `POST api/v1/lineage ${FIRST_LINE}`,
  'tabs in the first line': `POST\t/api/v1/lineage\t${FIRST_LINE}`,
  'a space before the method': ` POST /api/v1/lineage ${FIRST_LINE}`,
  'a space after the version': `POST /api/v1/lineage ${FIRST_LINE.replace('1.1', '1.1 ')}`,
  'a method in small letters': `post /api/v1/lineage ${FIRST_LINE}`,
  'no version': 'GET /monitoring/ping\r\n\r\n',
  'HTTP/0.9': posted(LENGTH, EVENT).replace('HTTP/1.1', 'HTTP/0.9'),
  'HTTP/1.2': posted(LENGTH, EVENT).replace('HTTP/1.1', 'HTTP/1.2'),
  'HTTP/2.0': posted(LENGTH, EVENT).replace('HTTP/1.1', 'HTTP/2.0'),
  'HTTP/1.10': posted(LENGTH, EVENT).replace('HTTP/1.1', 'HTTP/1.10'),
  'http in small letters': posted(LENGTH, EVENT).replace('HTTP/1.1', 'http/1.1'),
  'two hosts': posted(`Host: other\r\n${LENGTH}`, EVENT),
  'two equal hosts': posted(`host: proxy\r\n${LENGTH}`, EVENT),
  'a list of hosts': posted(LENGTH, EVENT, 'Host: proxy, other'),
  'a host with a path': posted(LENGTH, EVENT, 'Host: proxy/other'),
  'a host with a user': posted(LENGTH, EVENT, 'Host: user@proxy'),
  'a host with a space': posted(LENGTH, EVENT, 'Host: proxy other'),
  'no host': posted(LENGTH, EVENT, 'X: a'),
  'another host in the first line': `POST http://other/api/v1/lineage ${FIRST_LINE}`,
  'a user in the first line': `POST http://user@proxy/api/v1/lineage ${FIRST_LINE}`,
  'a host alone in the first line': `POST proxy:80 ${FIRST_LINE}`,
  'two authorizations': posted(`Authorization: Bearer a\r\nauthorization: Bearer b\r\n${LENGTH}`, EVENT),
};

/** Unusual requests that all servers read in the same way. */
const TAKEN: Readonly<Record<string, string>> = {
  'a coding in capitals': posted('TRANSFER-ENCODING: CHUNKED', CHUNKS),
  'white space around a coding': posted('Transfer-Encoding:\tchunked ', CHUNKS),
  'white space around a length': posted(`Content-Length: \t${EVENT.length} \t`, EVENT),
  'a length with zeros in front': posted(`Content-Length: 000${EVENT.length}`, EVENT),
  'a size with zeros in front': chunked(`0000000000000000${CHUNKS}`),
  'extensions of a chunk': chunked(CHUNKS.replace('\r\n', ';a;b=c;d="e;f"\r\n')),
  'a trailer': chunked(CHUNKS.replace('0\r\n\r\n', '0\r\nX-Trailer: a\r\n\r\n')),
  'a header that looks like a coding': posted(`Transfer_Encoding: chunked\r\n${LENGTH}`, EVENT),
  'a value beyond ASCII': withLine('X: \xe9'),
  'empty lines in front': `\r\n\r\n${posted(LENGTH, EVENT)}`,
  'its own host in the first line': `POST http://PROXY/api/v1/lineage ${FIRST_LINE}`,
};

type Refused = Readonly<Record<string, readonly [status: number, request: string]>>;

/** Refused requests. What follows them is a request of its own. */
const REFUSED_SHORT_BODIES: Refused = {
  'a body of another type': [415, posted(`Content-Type: text/plain\r\n${LENGTH}`, EVENT)],
  'an encoding that is not known': [415, posted(`Content-Encoding: rar\r\n${LENGTH}`, EVENT)],
  'a wrong method': [405, posted(LENGTH, EVENT).replace('POST', 'PUT')],
};

/** Refused requests with more body than the proxy reads to keep a connection. What follows them is not read. */
const REFUSED_BY_THEIR_HEAD: Refused = {
  'chunks of another type': [415, posted(`Content-Type: text/plain\r\n${CHUNKED}`, CHUNKS)],
  'a body that is too large': [413, posted('Content-Length: 2000000', ' '.repeat(2_000_000))],
  'chunks that are too large': [413, chunked(`1e8480\r\n${' '.repeat(2_000_000)}\r\n0\r\n\r\n`)],
};

/** The preface of HTTP/2 (RFC 9113 §3.4). It is refused in frames of HTTP/2. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

void suite('a request that can be read in more than one way', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.proxy({ settings: { PRODUCER__MAX_REQUEST_SIZE: '1000000' } });
  });

  async function keysWithId(id: string): Promise<(string | undefined)[]> {
    const records = await stage.records();
    return records
      .filter((record) => headerOf(record, 'correlation_id') === id)
      .map(({ key }) => key?.toString());
  }

  /**
   * Sends bytes and the hidden request after them, in one piece or in two. Gives all statuses until the connection is closed,
   * and what is not an answer of HTTP/1.1 after them.
   */
  async function answersTo(bytes: string, together: boolean): Promise<{ statuses: number[]; rest: string }> {
    const connection = await RawConnection.open(proxy.port);
    // After a refusal the proxy may have closed the connection already.
    if (together) await connection.send(bytes + HIDDEN);
    else await connection.send(bytes).then(() => connection.send(HIDDEN).catch(() => undefined));
    const statuses: number[] = [];
    for (;;) {
      const answer = await connection.answer().catch(() => undefined);
      if (!answer) break;
      if (answer.status === 400) assert.equal(errorOf(answer.body).code, 'bad_request');
      statuses.push(answer.status);
    }
    connection.cut();
    return { statuses, rest: connection.unread };
  }

  async function statusesOf(bytes: string, together: boolean): Promise<number[]> {
    const { statuses, rest } = await answersTo(bytes, together);
    assert.equal(rest, '');
    return statuses;
  }

  async function recordsOf(key: string): Promise<number> {
    return (await stage.records()).filter((record) => record.key?.toString() === `run:test/${key}`).length;
  }

  for (const together of [true, false]) {
    const when = together ? 'in one piece with it' : 'after it';
    test(`is refused, and a request that comes ${when} is not taken`, async () => {
      for (const [name, bytes] of Object.entries(REFUSED)) {
        assert.deepEqual(await statusesOf(bytes, together), [400], name);
      }
      const { statuses, rest } = await answersTo(PREFACE, together);
      assert.deepEqual(statuses, []);
      assert.match(rest, /HTTP\/2 is not served here. Use HTTP\/1\.1$/);
      await post(proxy, runEvent('last'));
      assert.equal(await recordsOf('hidden'), 0);
      // Good chunks before a broken end make no event.
      assert.equal(await recordsOf('in front'), 0);
    });

    test(`does not arise from a refusal by the head: a request that comes ${when} is not taken`, async () => {
      for (const [name, [status, bytes]] of Object.entries(REFUSED_BY_THEIR_HEAD)) {
        assert.deepEqual(await statusesOf(bytes, together), [status], name);
      }
      await post(proxy, runEvent('last'));
      assert.equal(await recordsOf('hidden'), 0);
    });
  }

  test('does not arise from a refused short body: the next request is taken once', async () => {
    let number = 0;
    for (const [name, [status, bytes]] of Object.entries(REFUSED_SHORT_BODIES)) {
      const connection = await RawConnection.open(proxy.port);
      const id = `followed-${(number += 1)}`;
      const behind = rawPost(runEvent('behind'), [`X-Request-ID: ${id}`]);
      await connection.send(Buffer.concat([Buffer.from(bytes, 'latin1'), behind]));
      assert.equal((await connection.answer()).status, status, name);
      created(await connection.answer(), name);
      connection.cut();
      assert.deepEqual(await keysWithId(id), ['run:test/behind'], name);
    }
    assert.equal(await recordsOf('in front'), 0);
  });

  test('does not arise from unusual requests: each is taken once, and so is the next', async () => {
    let number = 0;
    for (const [name, bytes] of Object.entries(TAKEN)) {
      const connection = await RawConnection.open(proxy.port);
      const id = `taken-${(number += 1)}`;
      const first = bytes.replace(/(HTTP\/1\.1\r\n)/, `$1X-Request-ID: ${id}\r\n`);
      await connection.send(
        Buffer.concat([Buffer.from(first, 'latin1'), rawPost(runEvent('behind'), [`X-Request-ID: ${id}-b`])]),
      );
      created(await connection.answer(), name);
      created(await connection.answer(), name);
      connection.cut();
      assert.deepEqual(await keysWithId(id), ['run:test/in front'], name);
      assert.deepEqual(await keysWithId(`${id}-b`), ['run:test/behind'], name);
    }
  });

  test('opens no tunnel', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send(`CONNECT proxy:80 HTTP/1.1\r\nHost: proxy\r\n\r\n${HIDDEN}`);
    await connection.closed;
    assert.equal(connection.unread, '');
    await post(proxy, runEvent('last'));
    assert.equal(await recordsOf('hidden'), 0);
  });
});
